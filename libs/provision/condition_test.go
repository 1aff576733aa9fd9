package provision_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
	"github.com/low-layer/platform/libs/resource"
)

func (r *rig) setCondition(e *provision.Engine, c provision.Condition) {
	r.t.Helper()
	r.tx(func(ctx context.Context, tx pgx.Tx) error { return e.SetCondition(ctx, tx, r.uid, c) })
}

func (r *rig) condition(typ string) provision.Condition {
	r.t.Helper()
	cs, err := resource.ParseConditions(query[[]byte](r, `SELECT conditions FROM provision_resources WHERE uid = $1`, r.uid))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, c := range cs {
		if c.Type == typ {
			return c
		}
	}
	return provision.Condition{}
}

func TestConditions_setByOthersDuringASlice_surviveItsTransition(t *testing.T) {
	quota := func(context.Context, string, string, string) error {
		return errs.New(errs.ResourceExhausted, "CLOUD_QUOTA_EXCEEDED", "no gates left; raise the quota")
	}
	drifted := provision.Condition{Type: provision.ConditionInSync, Status: provision.ConditionFalse, Reason: "Drifted"}
	for name, end := range map[string]func(r *rig, e *provision.Engine, op *provision.Operation, release func()){
		"success": func(r *rig, e *provision.Engine, op *provision.Operation, release func()) {
			release()
			r.succeeds(e, op)
		},
		"blocked": func(r *rig, _ *provision.Engine, _ *provision.Operation, release func()) {
			r.cloud.Fault(quota)
			release()
			r.until("the blockage", func() bool { return r.state() == "BLOCKED" })
		},
		"cancelled": func(r *rig, e *provision.Engine, op *provision.Operation, release func()) {
			if err := e.Cancel(r.t.Context(), op.Tenant, op.ID); err != nil {
				r.t.Fatal(err)
			}
			release()
			r.done(e, op)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			e, _ := r.run()
			come, release := r.hold("create", "gate")
			op := r.create(e, cloudfake.Spec{})
			r.comes(come)
			r.setCondition(e, drifted)
			r.setCondition(e, provision.Condition{Type: "Billed", Status: provision.ConditionTrue})
			end(r, e, op, release)
			for typ, status := range map[string]string{"Billed": provision.ConditionTrue, provision.ConditionInSync: provision.ConditionFalse} {
				if got := r.condition(typ); got.Status != status {
					t.Errorf("condition %s is %+v, want status %s", typ, got, status)
				}
			}
		})
	}
}
