package provision_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

// inOrder has each bed made after the one before it, and none be ready before content says so.
func (r *rig) inOrder(content func() bool) {
	plan := r.kind.Plan
	r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
		steps, err := plan(res, spec)
		last := ""
		for i := range steps {
			if steps[i].Object != "bed" {
				continue
			}
			if last != "" {
				steps[i].After = []string{last}
			}
			last = steps[i].Name
			steps[i].Verify = func(context.Context, *provision.Run, provision.External) error {
				if !content() {
					return provision.NotYet(0, "not all beds are made")
				}
				return nil
			}
		}
		return steps, err
	}
}

// beds are the beds in the order in which they were asked for.
func (r *rig) beds() func() []string {
	var asked atomic.Pointer[[]string]
	asked.Store(&[]string{})
	r.cloud.Fault(func(_ context.Context, call, typ, name string) error {
		if call == "create" && typ == "bed" {
			for {
				old := asked.Load()
				next := append(slices.Clone(*old), name[len(r.uid)+1:])
				if asked.CompareAndSwap(old, &next) {
					break
				}
			}
		}
		return nil
	})
	return func() []string { return *asked.Load() }
}

// A step after another one starts when that has made its object, ready or not.
func TestAfter(t *testing.T) {
	r := newRig(t)
	asked := r.beds()
	r.inOrder(func() bool { return len(asked()) == 4 })
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Beds: []string{"d", "a", "c", "b"}}))
	if got := asked(); !slices.Equal(got, []string{"bed-d", "bed-a", "bed-c", "bed-b"}) {
		t.Errorf("made in the order %v", got)
	}
	// Their order says nothing about their end: the first goes alone.
	r.succeeds(e, r.update(e, cloudfake.Spec{Beds: []string{"a", "c", "b"}}))
	r.holds(append(slices.Clone(whole), "bed-a", "bed-b", "bed-c")...)
	r.succeeds(e, r.delete(e))
	r.holds()
}

// A step that is blocked holds up nobody that only comes after it.
func TestAfterBlocked(t *testing.T) {
	r := newRig(t)
	var wet atomic.Bool
	wet.Store(true)
	r.cloud.Fault(func(_ context.Context, call, _, name string) error {
		if call == "create" && name == r.uid+"/bed-a" && wet.Load() {
			return errs.Failed("TOO_WET", "the ground is too wet")
		}
		return nil
	})
	r.inOrder(func() bool { return true })
	e, _ := r.run()
	op := r.create(e, cloudfake.Spec{Beds: []string{"a", "b"}})
	r.until("the second bed, beside a blocked first one", func() bool { return len(r.cloud.Held("bed", "")) == 1 })
	if b := r.get(e, op).Blockage; b == nil || b.Reason != "TOO_WET" {
		t.Errorf("blocked by %+v", b)
	}
	wet.Store(false)
	r.succeeds(e, op)
}

func TestAfterNothing(t *testing.T) {
	r := newRig(t)
	plan := r.kind.Plan
	r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
		steps, err := plan(res, spec)
		steps[0].After = []string{"water"}
		return steps, err
	}
	e, _ := r.run()
	op := r.create(e, cloudfake.Spec{})
	r.until("the defect to show", func() bool { return r.get(e, op).Blockage != nil })
}

func TestHasten_blockedStep_isTriedAtOnceInTheSameOperation(t *testing.T) {
	r := newRig(t)
	r.cfg.Pace = 100 // by itself it would be tried again in half an hour
	var shut atomic.Bool
	shut.Store(true)
	r.cloud.Fault(func(_ context.Context, call, typ, _ string) error {
		if call == "create" && typ == "gate" && shut.Load() {
			return errs.New(errs.ResourceExhausted, "CLOUD_QUOTA_EXCEEDED", "no gates left")
		}
		return nil
	})
	e, _ := r.run()
	op := r.create(e, cloudfake.Spec{})
	r.until("it to be blocked", func() bool { return r.get(e, op).Blockage != nil })
	shut.Store(false)
	hasten := func() (got *provision.Operation) {
		r.tx(func(ctx context.Context, tx pgx.Tx) (err error) {
			got, err = e.Hasten(ctx, tx, r.uid)
			return err
		})
		return got
	}
	if got := hasten(); got == nil || got.ID != op.ID {
		t.Fatalf("hastened %+v, want %s", got, op.ID)
	}
	r.succeeds(e, op)
	if got := hasten(); got != nil {
		t.Errorf("hastened %+v, though nothing is under way", got)
	}
}
