package store

import (
	"context"
	"fmt"

	"github.com/low-layer/platform/libs/quota"
)

// Taken is the SQL of the reservations that the quota ledger must hold: one for each organisation. A deleted organisation can come
// back, so it counts until it is purged.
const Taken = `SELECT 'tenants/' || o.tenant_id, 'organisations', o.uid, 1::bigint FROM organisations o`

// Known reports whether a tenant exists and, unless it is empty, the organisation. With hold the tenant stays until the transaction
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
