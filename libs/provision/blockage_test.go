package provision_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

func TestBlockage(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		owner  provision.Owner
		reason string
	}{
		"quota":        {errs.New(errs.ResourceExhausted, "CLOUD_QUOTA_EXCEEDED", "no routers left"), provision.OwnerProvider, "CLOUD_QUOTA_EXCEEDED"},
		"capacity":     {errs.New(errs.ResourceExhausted, "CLOUD_NO_CAPACITY", "no host"), provision.OwnerProvider, "CLOUD_NO_CAPACITY"},
		"conflict":     {errs.New(errs.Aborted, "CLOUD_CONFLICT", "held by port x"), provision.OwnerProvider, "CLOUD_CONFLICT"},
		"refused":      {errs.New(errs.InvalidArgument, "CLOUD_INVALID", "bad gate"), provision.OwnerPlatform, "CLOUD_INVALID"},
		"auth":         {errs.New(errs.Unauthenticated, "CLOUD_UNAUTHENTICATED", "bad token"), provision.OwnerPlatform, "CLOUD_UNAUTHENTICATED"},
		"policy":       {errs.New(errs.PermissionDenied, "CLOUD_FORBIDDEN", "no role"), provision.OwnerPlatform, "CLOUD_FORBIDDEN"},
		"rate":         {errs.New(errs.ResourceExhausted, "CLOUD_RATE_LIMITED", "slow down"), provision.OwnerProvider, "CLOUD_RATE_LIMITED"},
		"upstream":     {errs.New(errs.Unavailable, "CLOUD_UNAVAILABLE", "503"), provision.OwnerProvider, "CLOUD_UNAVAILABLE"},
		"peer":         {errs.New(errs.Unavailable, "PEER_UNAVAILABLE", "network is away"), provision.OwnerPlatform, "PEER_UNAVAILABLE"},
		"order":        {errs.Invalid(errs.Field("cidr", "is taken")), provision.OwnerUser, errs.ReasonInvalidFields},
		"precondition": {errs.Failed("HUB_IN_USE", "a VPC remains; delete it"), provision.OwnerUser, "HUB_IN_USE"},
		"unknown":      {errors.New("boom"), provision.OwnerPlatform, "STEP_FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			e, _ := r.run()
			var healed atomic.Bool
			r.cloud.Fault(func(_ context.Context, call, typ, _ string) error {
				if call == "create" && typ == "gate" && !healed.Load() {
					return c.err
				}
				return nil
			})
			op := r.create(e, cloudfake.Spec{})
			r.until("the blockage", func() bool { return r.state() == "BLOCKED" })
			b := r.get(e, op).Blockage
			if b == nil || b.Owner != c.owner || b.Reason != c.reason || b.Step != "gate" || b.Message == "" || b.Remedy == "" ||
				b.SinceTime.IsZero() || !b.RetryTime.After(b.SinceTime) {
				t.Errorf("blockage is %+v", b)
			}
			if got := r.get(e, op); got.Done() || !got.EstimatedEndTime.IsZero() {
				t.Errorf("a blocked operation: done %t, ends %s", got.Done(), got.EstimatedEndTime)
			}
			// Steps that do not need the gate are done all the same.
			r.until("the others", func() bool { return len(r.cloud.Held("", "")) >= 2 })
			healed.Store(true)
			r.succeeds(e, op)
			r.holds(whole...)
			if got := r.events(); !slices.Equal(got, []string{"blocked BLOCKED", "unblocked CREATING", "done ACTIVE"}) {
				t.Errorf("events are %v", got)
			}
			if r.state() != "ACTIVE" || query[bool](r, `SELECT blockage IS NOT NULL FROM provision_resources`) {
				t.Errorf("after healing: %s", r.state())
			}
		})
	}
}

// Retry-After of the cloud is honoured, whatever the pace.
func TestRetryAfter(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	var first atomic.Int64
	var second atomic.Int64
	r.cloud.Fault(func(_ context.Context, call, typ, _ string) error {
		if call != "create" || typ != "gate" {
			return nil
		}
		if first.CompareAndSwap(0, time.Now().UnixNano()) {
			err := errs.New(errs.ResourceExhausted, "CLOUD_RATE_LIMITED", "slow down")
			err.Retry = 150 * time.Millisecond
			return err
		}
		second.Store(time.Now().UnixNano())
		return nil
	})
	r.succeeds(e, r.create(e, cloudfake.Spec{}))
	if waited := time.Duration(second.Load() - first.Load()); waited < 150*time.Millisecond {
		t.Errorf("tried again after %s", waited)
	}
}

// An object that can be made and never gets ready blocks the resource, however often it is made again, until it does.
func TestNeverReady(t *testing.T) {
	for name, reason := range map[string]*errs.Error{
		"not as it should be": errs.Failed("OWNER_CANCELLED", "its owner has cancelled it"),
		"not there":           errs.NotFound("bed", "a"),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			var ready atomic.Bool
			plan := r.kind.Plan
			r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
				steps, err := plan(res, spec)
				for i := range steps {
					if steps[i].Object == "bed" {
						steps[i].Verify = func(context.Context, *provision.Run, provision.External) error {
							if !ready.Load() {
								return reason
							}
							return nil
						}
					}
				}
				return steps, err
			}
			e, _ := r.run()
			op := r.create(e, cloudfake.Spec{Beds: []string{"a"}})
			r.until("it to be blocked", func() bool { return r.get(e, op).Blockage != nil })
			if b := r.get(e, op).Blockage; b.Reason != reason.Reason || b.Step != "bed-a" {
				t.Errorf("blocked by %+v", b)
			}
			ready.Store(true)
			r.succeeds(e, op)
			r.holds(append(slices.Clone(whole), "bed-a")...)
		})
	}
}

// A step that waits longer than its deadline blocks the resource and goes on.
func TestDeadline(t *testing.T) {
	r := newRig(t)
	var ready atomic.Bool
	plan := r.kind.Plan
	r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
		steps, err := plan(res, spec)
		for i := range steps {
			if steps[i].Name == "gate" {
				steps[i].Deadline = 10 * time.Millisecond
				steps[i].Verify = func(context.Context, *provision.Run, provision.External) error {
					if ready.Load() {
						return nil
					}
					return provision.NotYet(5*time.Millisecond, "the gate is being hung")
				}
			}
		}
		return steps, err
	}
	e, _ := r.run()
	op := r.create(e, cloudfake.Spec{})
	r.until("the blockage", func() bool {
		b := r.get(e, op).Blockage
		return b != nil && b.Reason == "STEP_DEADLINE_EXCEEDED" && b.Owner == provision.OwnerProvider
	})
	ready.Store(true)
	r.succeeds(e, op)
	r.holds(whole...)
}

// A plan that cannot be made, and a service that cannot settle, block and heal like any step.
func TestStumbles(t *testing.T) {
	t.Run("plan", func(t *testing.T) {
		r := newRig(t)
		var broken atomic.Bool
		broken.Store(true)
		plan := r.kind.Plan
		r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
			if broken.Load() {
				panic("a defect in the plan")
			}
			return plan(res, spec)
		}
		e, _ := r.run()
		op := r.create(e, cloudfake.Spec{})
		r.until("the blockage", func() bool { b := r.get(e, op).Blockage; return b != nil && b.Step == "plan" })
		broken.Store(false)
		r.succeeds(e, op)
		r.holds(whole...)
	})
	t.Run("settle", func(t *testing.T) {
		r := newRig(t)
		var broken atomic.Bool
		broken.Store(true)
		settled := r.kind.Settled
		r.kind.Settled = func(ctx context.Context, tx pgx.Tx, s provision.Settlement) error {
			if broken.Load() && s.Outcome == provision.Done {
				return errors.New("no such table")
			}
			return settled(ctx, tx, s)
		}
		e, _ := r.run()
		op := r.create(e, cloudfake.Spec{})
		r.until("the blockage", func() bool { b := r.get(e, op).Blockage; return b != nil && b.Step == "settle" })
		r.holds(whole...)
		broken.Store(false)
		r.succeeds(e, op)
	})
}
