package store

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
)

type allocationRow struct {
	CIDR        netip.Prefix `db:"cidr"`
	Purpose     string
	Resource    string
	ResourceUID string `db:"resource_uid"`
}

// taken are the blocks a tenant has in use.
func taken(ctx context.Context, q provision.Querier, tenant string) ([]ipam.Allocation, error) {
	return rows.Many(ctx, q, "allocation", rows.By(func(r allocationRow) (ipam.Allocation, error) {
		return ipam.Allocation{CIDR: r.CIDR, Purpose: ipam.Purpose(r.Purpose), Resource: r.Resource, UID: r.ResourceUID}, nil
	}), `SELECT cidr, purpose, resource, resource_uid FROM allocations WHERE tenant = $1 ORDER BY cidr`, tenant)
}

// allocate takes a block. Of two transactions that take overlapping ones the second fails.
func allocate(ctx context.Context, tx pgx.Tx, tenant string, a ipam.Allocation) error {
	_, err := tx.Exec(ctx, `INSERT INTO allocations (tenant, cidr, purpose, resource, resource_uid) VALUES ($1, $2, $3, $4, $5)`,
		tenant, a.CIDR, string(a.Purpose), a.Resource, a.UID)
	if err != nil {
		return fmt.Errorf("allocate %s: %w", a.CIDR, err)
	}
	return nil
}

// release gives back every block of a resource.
func release(ctx context.Context, tx pgx.Tx, uid string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM allocations WHERE resource_uid = $1`, uid); err != nil {
		return fmt.Errorf("release addresses: %w", err)
	}
	return nil
}
