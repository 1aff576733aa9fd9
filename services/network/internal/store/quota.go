package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/network/internal/core/usage"
)

// Taken is the SQL that answers what the ledger of quotas must hold: everything each resource takes (core/usage). A test
// compares the two.
const Taken = `
SELECT 'tenants/' || v.tenant, 'vpcs', v.uid, 1::bigint FROM vpcs v
UNION ALL SELECT 'tenants/' || p.tenant, 'peerings', p.uid, 1 FROM peerings p
UNION ALL SELECT 'tenants/' || v.tenant || '/organisations/' || v.organisation, t.resource, v.uid, t.amount
  FROM vpcs v, (VALUES ('networks', 2), ('routers', 1), ('ports', 3), ('security_groups', 1)) t (resource, amount)
UNION ALL SELECT 'tenants/' || h.tenant || '/organisations/' || h.organisation, t.resource, h.uid, t.amount
  FROM hubs h, (VALUES ('networks', 1), ('routers', 1), ('ports', 1), ('security_groups', 2)) t (resource, amount)
UNION ALL SELECT 'tenants/' || v.tenant || '/organisations/' || v.organisation, t.resource, p.uid, t.amount
  FROM peerings p JOIN vpcs v ON v.uid = p.vpc_uid, (VALUES ('networks', 1), ('ports', 2)) t (resource, amount)`

// reserve takes what a new resource needs of the quotas.
func (r *Records) reserve(ctx context.Context, tx pgx.Tx, tenant, uid string, claims []usage.Claim) error {
	return r.quota.Reserve(ctx, tx, tenant, uid, claimed(claims))
}

func claimed(claims []usage.Claim) []quota.Claim {
	out := make([]quota.Claim, len(claims))
	for i, c := range claims {
		out[i] = quota.Claim(c)
	}
	return out
}

// settleQuota keeps the ledger true to what became of a resource: in use once it is whole, given back once it is gone.
func (r *Records) settleQuota(ctx context.Context, tx pgx.Tx, s provision.Settlement) error {
	switch {
	case s.Removed:
		return r.quota.Release(ctx, tx, s.UID)
	case s.Outcome == provision.Done:
		return r.quota.Commit(ctx, tx, s.UID)
	default:
		return nil
	}
}

// SetQuota notes what the project of an organisation may hold.
func (s *Store) SetQuota(ctx context.Context, name resourcename.Organisation, limits map[string]int64) error {
	return pg.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		// The boundary stays until this is noted: with it the limits are forgotten.
		if err := lock(ctx, tx, `SELECT uid FROM boundaries WHERE tenant = $1 FOR KEY SHARE`, name.Tenant); err != nil {
			return err
		}
		if _, err := boundaryOf(ctx, tx, name.Tenant); err != nil {
			return err
		}
		return s.quota.Set(ctx, tx, name.Tenant, name.String(), limits)
	})
}

// Known tells whether there is a boundary of a tenant, or a hub of an organisation when that is not empty. With hold it stays
// until the transaction ends.
func Known(ctx context.Context, q quota.Querier, tenant, organisation string, hold bool) (bool, error) {
	sql := `SELECT 1 FROM boundaries WHERE tenant = $1 AND ($2 = '' OR EXISTS (SELECT FROM hubs h WHERE h.tenant = $1 AND h.organisation = $2))`
	if hold {
		sql += ` FOR KEY SHARE`
	}
	tag, err := q.Exec(ctx, sql, tenant, organisation)
	if err != nil {
		return false, fmt.Errorf("look up tenant: %w", err)
	}
	return tag.RowsAffected() > 0, nil
}
