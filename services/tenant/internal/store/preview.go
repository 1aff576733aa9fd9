package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

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
	if op.Verb == string(tenancy.VerbDelete) && !removing {
		if op.Preview.Purged, err = t.purged(ctx, op.ResourceUID); err != nil {
			return nil, err
		}
	}
	op.Preview.Objects = append(t.planned.Objects, op.Preview.Objects...)
	op.Preview.Quota = append(t.planned.Quota, op.Preview.Quota...)
	if removing {
		t.changes.After(op.Resource, nil)
	}
	op.Preview.Fields = t.changes.Differences()
	t.planned = *op.Preview
	return Operation{op}, nil
}

// purged is what the purge of a resource removes that is deleted for now: of a tenant, its organisations too.
func (t *transaction) purged(ctx context.Context, uid string) ([]provision.PlannedObject, error) {
	rows, err := t.tx.Query(ctx, `SELECT uid FROM organisations WHERE tenant_uid = $1 UNION SELECT $1`, uid)
	if err != nil {
		return nil, fmt.Errorf("look for what a purge removes: %w", err)
	}
	uids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for what a purge removes: %w", err)
	}
	return t.engine.Removals(ctx, t.tx, uids)
}

var _ tenancy.Preview = Operation{}

// Previewed is true for a plan.
func (o Operation) Previewed() bool { return o.Operation != nil && o.Preview != nil }

// Takes adds what goes along: it goes before our own.
func (o Operation) Takes(objects []tenancy.PlannedObject) {
	o.Preview.Objects = append(removals(objects), o.Preview.Objects...)
}

// Purges adds what goes along with the purge, and when that is.
func (o Operation) Purges(at time.Time, objects []tenancy.PlannedObject) {
	o.Preview.PurgeTime, o.Preview.Purged = at, append(removals(objects), o.Preview.Purged...)
}

func removals(objects []tenancy.PlannedObject) []provision.PlannedObject {
	all := make([]provision.PlannedObject, len(objects))
	for i, x := range objects {
		all[i] = provision.PlannedObject{
			Action: provision.PlanDelete, Step: x.Step, Title: x.Title, Type: x.Type, ID: x.ID, Name: x.Name, Resource: x.Resource, Service: x.Service,
		}
	}
	return all
}
