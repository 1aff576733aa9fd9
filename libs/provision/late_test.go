package provision_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

// latecomer has the first creation of one object answered with a time-out and carried out that much later.
func (r *rig) latecomer(name string, after time.Duration) (carriedOut <-chan struct{}) {
	var lost atomic.Bool
	done := make(chan struct{})
	r.cloud.Fault(func(_ context.Context, call, typ, n string) error {
		if call != "create" || n != r.uid+"/"+name || !lost.CompareAndSwap(false, true) {
			return nil
		}
		time.AfterFunc(after, func() {
			defer close(done)
			// The objects it would use are left out: the fake refuses to remove what is used, and this may come at any time.
			_, _ = r.cloud.Create(context.Background(), cloudfake.Object{Type: typ, Name: n})
		})
		err := errs.New(errs.DeadlineExceeded, "CLOUD_TIMEOUT", "no answer; it is tried again")
		err.Ambiguous = true
		return err
	})
	return done
}

// A call that is carried out long after its answer was lost, and after two looks, leaves nothing behind.
func TestCarriedOutLate(t *testing.T) {
	for _, name := range slices.Clone(whole) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.cfg.Late = 600 * time.Millisecond
			e, _ := r.run()
			done := r.latecomer(name, 150*time.Millisecond)
			op := r.create(e, cloudfake.Spec{})
			<-done
			r.succeeds(e, op)
			r.holds(whole...)
			r.succeeds(e, r.delete(e))
			r.holds()
		})
	}
}

// The same, with the resource deleted before the call is carried out.
func TestLate_callCarriedOutDuringDeletion_leavesNothing(t *testing.T) {
	for _, name := range slices.Clone(whole) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.cfg.Late = 600 * time.Millisecond
			e, _ := r.run()
			done := r.latecomer(name, 150*time.Millisecond)
			r.create(e, cloudfake.Spec{})
			r.until("the call", func() bool { return r.cloud.Calls("create "+name) > 0 })
			op := r.delete(e)
			<-done
			r.succeeds(e, op)
			r.holds()
		})
	}
}

// A refusal after a doubt is looked into: what is in the way may be our own.
func TestLate_ownObjectInTheWay_isAdopted(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	calls := 0
	plan := r.kind.Plan
	r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
		steps, err := plan(res, spec)
		do := steps[1].Do
		steps[1].Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
			mu.Lock()
			calls++
			n := calls
			mu.Unlock()
			switch n {
			case 1:
				return provision.External{}, context.DeadlineExceeded
			case 2:
				// The first call is carried out only now, and this one meets what it made.
				if _, err := do(ctx, run); err != nil {
					return provision.External{}, err
				}
			}
			return provision.External{}, errs.New(errs.Aborted, "CLOUD_CONFLICT", "the address is in use; free it")
		}
		return steps, err
	}
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{}))
	r.holds(whole...)
	if calls != 2 {
		t.Errorf("it was tried %d times", calls)
	}
	r.succeeds(e, r.delete(e))
	r.holds()
}

// A life without doubt looks for nothing: neither creation, nor change, nor repair of what is known.
func TestLook_withoutDoubt_neverHappens(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1, Beds: []string{"a"}}))
	r.succeeds(e, r.update(e, cloudfake.Spec{Size: 2, Beds: []string{"b"}}))
	if n := query[int](r, `SELECT count(*) FROM provision_ledger WHERE doubted_time IS NOT NULL`); n != 0 {
		t.Errorf("%d lines of the ledger are in doubt", n)
	}
	looks := 0
	r.cloud.Stale(func(string, string) bool { looks++; return false })
	var op *provision.Operation
	r.tx(func(ctx context.Context, tx pgx.Tx) (err error) {
		op, err = e.Repair(ctx, tx, r.uid, []string{"soil"}, "to see")
		return err
	})
	r.succeeds(e, op)
	if looks != 1 {
		t.Errorf("the repair of one step looked %d times", looks)
	}
	r.succeeds(e, r.delete(e))
	r.holds()
	if looks != 1 {
		t.Errorf("the deletion looked %d times by name", looks-1)
	}
}
