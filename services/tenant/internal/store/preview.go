package store

import (
	"context"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// preview answers the plan of a change that was accepted only to be rolled back. Changes of one transaction are one plan:
// a tenant's takes along what its organisations' do.
func (t *transaction) preview(ctx context.Context, op *provision.Operation, removing bool) (tenancy.Operation, error) {
	op, err := t.engine.Preview(ctx, t.tx, op)
	if err != nil {
		return nil, err
	}
	if err := t.effects(ctx, op, removing); err != nil {
		return nil, err
	}
	op.Preview.Objects = append(t.planned.Objects, op.Preview.Objects...)
	op.Preview.Quota = append(t.planned.Quota, op.Preview.Quota...)
	t.planned = *op.Preview
	return Operation{op}, nil
}

var _ tenancy.Preview = Operation{}

// Previewed is true for a plan.
func (o Operation) Previewed() bool { return o.Operation != nil && o.Preview != nil }

// Takes adds what goes along: it goes before our own.
func (o Operation) Takes(objects []tenancy.PlannedObject) {
	all := make([]provision.PlannedObject, len(objects))
	for i, x := range objects {
		all[i] = provision.PlannedObject{
			Action: provision.PlanDelete, Step: x.Step, Type: x.Type, ID: x.ID, Name: x.Name, Resource: x.Resource, Service: x.Service,
		}
	}
	o.Preview.Objects = append(all, o.Preview.Objects...)
}
