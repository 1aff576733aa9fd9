package provision_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

// A plan wider than what may run at once is worked off, and never more runs than may.
func TestWidePlan(t *testing.T) {
	r := newRig(t)
	r.cfg.Parallel = 3
	var at, most, calls atomic.Int64
	var failed [20]atomic.Bool
	k := r.kind
	k.Plan = func(provision.Resource, cloudfake.Spec) ([]provision.Step, error) {
		var steps []provision.Step
		for i := range 20 {
			steps = append(steps, provision.Step{Title: "work", Name: fmt.Sprintf("s%d", i), Do: func(context.Context, *provision.Run) (provision.External, error) {
				calls.Add(1)
				now := at.Add(1)
				defer at.Add(-1)
				for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
				}
				<-time.After(2 * time.Millisecond)
				if i%4 == 0 && failed[i].CompareAndSwap(false, true) {
					return provision.External{}, errs.New(errs.Aborted, "CLOUD_CONFLICT", "in use; it is tried again")
				}
				return provision.External{}, nil
			}})
		}
		return steps, nil
	}
	r.cfg.Kinds = []provision.AnyKind{k}
	e, _ := r.run()
	op := r.succeeds(e, r.create(e, cloudfake.Spec{}))
	if op.Progress.Done != 20 || most.Load() > 3 {
		t.Errorf("%d steps, %d at once", op.Progress.Done, most.Load())
	}
	if n := calls.Load(); n != 25 {
		t.Errorf("%d calls for twenty steps of which five failed once", n)
	}
}

// A step that fails while another one takes long is tried again meanwhile, and costs no more than its tries.
func TestRetry_besideALongCall_happensMeanwhile(t *testing.T) {
	r := newRig(t)
	r.cfg.Pace = 0.1
	come, release := r.hold("create", "soil")
	var tries atomic.Int64
	k := r.kind
	plan := k.Plan
	k.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
		steps, err := plan(res, spec)
		return append(steps, provision.Step{Title: "work", Name: "stubborn", Do: func(context.Context, *provision.Run) (provision.External, error) {
			if tries.Add(1) < 4 {
				return provision.External{}, errs.New(errs.Aborted, "CLOUD_CONFLICT", "in use; it is tried again")
			}
			return provision.External{}, nil
		}}), err
	}
	r.cfg.Kinds = []provision.AnyKind{k}
	e, _ := r.run()
	op := r.create(e, cloudfake.Spec{})
	r.comes(come)
	r.until("the fourth try", func() bool { return tries.Load() == 4 })
	if r.get(e, op).Done() {
		t.Error("done although a call is under way")
	}
	release()
	r.succeeds(e, op)
	if n := tries.Load(); n != 4 {
		t.Errorf("%d tries", n)
	}
}
