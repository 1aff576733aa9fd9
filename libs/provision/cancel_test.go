package provision_test

import (
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
	"github.com/low-layer/platform/libs/resource"
)

func (r *rig) try(do func() error) error { return do() }

func (r *rig) tryUpdate(e *provision.Engine) error {
	return pg.InTx(r.t.Context(), r.pool, func(ctx context.Context, tx pgx.Tx) error {
		_, err := cloudfake.Update(ctx, tx, e, r.uid, cloudfake.Spec{})
		return err
	})
}

func wantReason(t *testing.T, err error, reason string) {
	t.Helper()
	if got := errs.ReasonOf(err); got != reason {
		t.Errorf("error is %v, want reason %s", err, reason)
	}
}

func TestCancel(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	come, release := r.hold("create", "gate")
	op := r.create(e, cloudfake.Spec{Size: 1})
	r.comes(come)
	for range 2 {
		if err := e.Cancel(t.Context(), op.Tenant, op.ID); err != nil {
			t.Fatalf("cancel: %v", err)
		}
	}
	if got := r.get(e, op); got.Done() || !got.CancelRequested {
		t.Errorf("before the step's end: done %t, cancel requested %t", got.Done(), got.CancelRequested)
	}
	release()
	got := r.done(e, op)
	if got.State != provision.OperationCancelled || got.Error == nil || got.Error.Code != errs.Canceled {
		t.Fatalf("ended as %s: %v", got.State, got.Error)
	}
	// The step under way was not abandoned, and none came after it.
	r.holds("soil", "fence", "gate")
	b := query[[]byte](r, `SELECT blockage FROM provision_resources WHERE uid = $1`, r.uid)
	blockage, err := resource.ParseBlockage(b)
	if err != nil || blockage == nil || blockage.Owner != provision.OwnerUser || blockage.Reason != "CANCELLED" || blockage.Remedy == "" {
		t.Errorf("blockage is %s (%v)", b, err)
	}
	if r.state() != "BLOCKED" || query[bool](r, `SELECT reconciling FROM provision_resources`) {
		t.Errorf("state is %s", r.state())
	}
	if got := r.events(); !slices.Equal(got, []string{"cancelled BLOCKED"}) {
		t.Errorf("events are %v", got)
	}
	wantReason(t, e.Cancel(t.Context(), op.Tenant, op.ID), "OPERATION_DONE")
	wantReason(t, e.Cancel(t.Context(), "other", op.ID), "OPERATION_NOT_FOUND")

	r.succeeds(e, r.update(e, cloudfake.Spec{Size: 1}))
	r.holds(whole...)
	r.succeeds(e, r.delete(e))
	r.holds()
}

func TestCancelWhileBlocked(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	r.cloud.Fault(func(_ context.Context, call, typ, _ string) error {
		if call == "create" && typ == "gate" {
			return errs.New(errs.ResourceExhausted, "CLOUD_QUOTA_EXCEEDED", "no gates left; raise the quota")
		}
		return nil
	})
	op := r.create(e, cloudfake.Spec{})
	r.until("the blockage", func() bool { return r.get(e, op).Blockage != nil })
	if err := e.Cancel(t.Context(), op.Tenant, op.ID); err != nil {
		t.Fatalf("cancel: %v", err)
	}
	if got := r.done(e, op); got.State != provision.OperationCancelled {
		t.Errorf("ended as %s", got.State)
	}
	r.succeeds(e, r.delete(e))
	r.holds()
}

// A deletion goes on to its end: there is nothing else its resource could become.
func TestCancelDeletion(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{}))
	come, release := r.hold("delete", "water")
	op := r.delete(e)
	r.comes(come)
	err := e.Cancel(t.Context(), op.Tenant, op.ID)
	wantReason(t, err, "OPERATION_NOT_CANCELLABLE")
	if errs.CodeOf(err) != errs.FailedPrecondition {
		t.Errorf("error is %v", err)
	}
	if got := r.get(e, op); got.Done() || got.CancelRequested {
		t.Errorf("after the refusal: done %t, cancel requested %t", got.Done(), got.CancelRequested)
	}
	release()
	r.succeeds(e, op)
	r.holds()
	wantReason(t, e.Cancel(t.Context(), op.Tenant, op.ID), "OPERATION_DONE")
}
