package store

import (
	"context"
	"fmt"

	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/quota/share"
)

// Taken is the SQL of the reservations that the quota ledger must hold: those of core/usage for every resource. A test compares
// the two.
var Taken = `
SELECT 'tenants/' || v.tenant, 'vpcs', v.uid, 1::bigint FROM vpcs v
UNION ALL SELECT 'tenants/' || p.tenant, 'peerings', p.uid, 1 FROM peerings p
UNION ALL SELECT 'tenants/' || v.tenant || '/organisations/' || v.organisation, t.resource, v.uid, t.amount
  FROM vpcs v, ` + share.Vpc.Values() + ` t (resource, amount)
UNION ALL SELECT 'tenants/' || h.tenant || '/organisations/' || h.organisation, t.resource, h.uid, t.amount
  FROM hubs h, ` + share.Hub.Values() + ` t (resource, amount)
UNION ALL SELECT 'tenants/' || v.tenant || '/organisations/' || v.organisation, t.resource, p.uid, t.amount
  FROM peerings p JOIN vpcs v ON v.uid = p.vpc_uid, ` + share.Peering.Values() + ` t (resource, amount)`

// Known reports whether a tenant has a boundary and, unless it is empty, the organisation a hub. With hold the boundary stays until
// the transaction ends.
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
