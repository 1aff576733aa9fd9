package store

import (
	"context"
	"fmt"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
)

// QuotaOrganisations is the quota of organisations in a tenant.
const QuotaOrganisations = "organisations"

// Taken is the SQL that answers what the ledger of quotas must hold: one for each organisation, deleted ones too until they are
// purged, since they can come back.
const Taken = `SELECT 'tenants/' || o.tenant_id, 'organisations', o.uid, 1::bigint FROM organisations o`

// Known tells whether there is a tenant, or an organisation of it when that is not empty. With hold it stays until the transaction
// ends.
func Known(ctx context.Context, q quota.Querier, tenant, organisation string, hold bool) (bool, error) {
	sql := `SELECT 1 FROM tenants WHERE id = $1 AND ($2 = '' OR EXISTS (SELECT FROM organisations o WHERE o.tenant_id = $1 AND o.id = $2))`
	if hold {
		sql += ` FOR KEY SHARE`
	}
	tag, err := q.Exec(ctx, sql, tenant, organisation)
	if err != nil {
		return false, fmt.Errorf("look up tenant: %w", err)
	}
	return tag.RowsAffected() > 0, nil
}

// effects adds to the plan of an organisation what it does to the quota of the tenant. A new one has its reservation by now, one
// that is removed still has it.
func (t *transaction) effects(ctx context.Context, op *provision.Operation, removing bool) error {
	held, err := t.quota.Holdings(ctx, t.tx, op.Tenant, op.ResourceUID)
	if err != nil {
		return err
	}
	for _, h := range held {
		e := provision.QuotaEffect{Resource: h.Resource, Quota: h.Name(), TakenAfter: int(h.Taken()), EffectiveLimit: -1}
		switch {
		case op.Verb == "create":
			e.UsageChange = int(h.Amount)
		case removing:
			e.UsageChange, e.TakenAfter = -int(h.Amount), int(h.Taken()-h.Amount)
		default:
			continue
		}
		if limit, known := h.Limit(); known {
			e.EffectiveLimit = int(limit)
		}
		op.Preview.Quota = append(op.Preview.Quota, e)
	}
	return nil
}
