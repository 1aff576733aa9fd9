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
)

// lose removes an object of the garden by hand.
func (r *rig) lose(typ string) {
	r.t.Helper()
	held := r.cloud.Held(typ, "")
	if len(held) != 1 {
		r.t.Fatalf("the cloud holds %v", held)
	}
	r.cloud.Lose(held[0].ID)
}

// An object that is removed by hand while later steps still need it is made anew: during the creation, and while the resource is
// BLOCKED.
func TestCreate_objectRemovedByHand_isMadeAnew(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	come, release := r.hold("create", "gate")
	op := r.create(e, cloudfake.Spec{Size: 1})
	r.comes(come)
	r.until("soil and fence to be in the ledger", func() bool {
		return query[int](r, `SELECT count(*) FROM provision_ledger WHERE external_id <> ''`) == 2
	})
	r.lose("soil")
	release()
	r.succeeds(e, op)
	r.holds(whole...)
	if n := r.cloud.Calls("create soil"); n != 2 {
		t.Errorf("soil was created %d times", n)
	}
	if n := r.cloud.Calls("create gate"); n != 1 {
		t.Errorf("gate was created %d times", n)
	}
}

func TestUpdate_blockedResource_healsObjectRemovedByHand(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1}))
	r.cloud.Fault(func(_ context.Context, call, typ, _ string) error {
		if call == "create" && typ == "bed" {
			return errs.New(errs.ResourceExhausted, "CLOUD_QUOTA_EXCEEDED", "no more beds")
		}
		return nil
	})
	op := r.update(e, cloudfake.Spec{Size: 1, Beds: []string{"a"}})
	r.until("the update to be BLOCKED", func() bool { return r.state() == "BLOCKED" })
	r.lose("soil")
	r.cloud.Fault(nil)
	r.succeeds(e, op)
	r.holds(append(slices.Clone(whole), "bed-a")...)
}

// repair asks for a repair of steps until no worker holds the resource.
func (r *rig) repair(e *provision.Engine, steps ...string) (op *provision.Operation) {
	r.t.Helper()
	r.until("the repair to be accepted", func() bool {
		err := pg.InTx(r.t.Context(), r.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
			op, err = e.Repair(ctx, tx, r.uid, steps, "by hand")
			return err
		})
		if err != nil {
			r.t.Fatal(err)
		}
		return op != nil
	})
	return op
}

func TestRepair_blockedCreation_healsStepsOfTheOperation(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	r.cloud.Fault(func(_ context.Context, call, typ, _ string) error {
		if call == "create" && typ == "gate" {
			return errs.New(errs.ResourceExhausted, "CLOUD_QUOTA_EXCEEDED", "no more gates")
		}
		return nil
	})
	op := r.create(e, cloudfake.Spec{Size: 1})
	r.until("the creation to be BLOCKED", func() bool { return r.state() == "BLOCKED" })
	r.lose("soil")
	if got := r.repair(e, "soil"); got.ID != op.ID {
		t.Errorf("operation %s repairs, want %s", got.ID, op.ID)
	}
	r.until("the soil to be made anew", func() bool { return len(r.cloud.Held("soil", "")) == 1 })
	r.cloud.Fault(nil)
	r.succeeds(e, op)
	r.holds(whole...)
}

// A removal that a change by hand prevents restores what the object needs, and goes on.
func TestDelete_changeByHandInTheWay_isTakenAway(t *testing.T) {
	r := newRig(t)
	plan := r.kind.Plan
	restored := make(chan string, 8)
	r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
		steps, err := plan(res, spec)
		for i := range steps {
			if steps[i].Name == "soil" {
				steps[i].Restore = func(_ context.Context, _ *provision.Run, x provision.External) error {
					restored <- x.Name
					r.cloud.Fault(nil)
					return nil
				}
			}
		}
		return steps, err
	}
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1}))
	r.cloud.Fault(func(_ context.Context, call, typ, _ string) error {
		if call == "delete" && typ == "path" {
			return errs.New(errs.Aborted, "CLOUD_CONFLICT", "the path is overgrown")
		}
		return nil
	})
	op := r.succeeds(e, r.delete(e))
	r.holds()
	if got := <-restored; got != r.uid+"/soil" || len(restored) != 0 {
		t.Errorf("%s was restored, and %d more", got, len(restored))
	}
	if i := slices.IndexFunc(op.Steps, func(s provision.StepStatus) bool { return s.Title == "remove the path" }); i < 0 || op.Steps[i].Attempts != 1 {
		t.Errorf("the steps are %+v", op.Steps)
	}
}
