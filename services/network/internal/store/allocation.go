package store

import (
	"context"
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

func (r allocationRow) allocation() (ipam.Allocation, error) {
	return ipam.Allocation{CIDR: r.CIDR, Purpose: ipam.Purpose(r.Purpose), Resource: r.Resource, UID: r.ResourceUID}, nil
}

// Allocations are the blocks a tenant has in use.
func (s *Store) Allocations(ctx context.Context, q provision.Querier, tenant string) ([]ipam.Allocation, error) {
	return rows.Many(ctx, q, "allocation", rows.By(allocationRow.allocation),
		`SELECT cidr, purpose, resource, resource_uid FROM allocations WHERE tenant = $1 ORDER BY cidr`, tenant)
}

// CurrentAllocations is Allocations as of now.
func (s *Store) CurrentAllocations(ctx context.Context, tenant string) ([]ipam.Allocation, error) {
	return s.Allocations(ctx, s.pool, tenant)
}

// AddressHolder is the name of one resource with addresses in a tenant, empty when there is none.
func (s *Store) AddressHolder(ctx context.Context, tx pgx.Tx, tenant string) (string, error) {
	return name(ctx, tx, "allocation", `SELECT resource FROM allocations WHERE tenant = $1 ORDER BY resource LIMIT 1`, tenant)
}

// allocate takes a block. Of two transactions that take overlapping ones the second fails.
func allocate(ctx context.Context, tx pgx.Tx, tenant string, a ipam.Allocation) error {
	return write(ctx, tx, "allocate "+a.CIDR.String(), `INSERT INTO allocations (tenant, cidr, purpose, resource, resource_uid)
		VALUES ($1, $2, $3, $4, $5)`, tenant, a.CIDR, string(a.Purpose), a.Resource, a.UID)
}

// release gives every block of a resource back.
func release(ctx context.Context, tx pgx.Tx, uid string) error {
	return write(ctx, tx, "release addresses", `DELETE FROM allocations WHERE resource_uid = $1`, uid)
}

// remove deletes the row of a resource and gives its blocks back.
func remove(ctx context.Context, tx pgx.Tx, table, uid string) error {
	if err := write(ctx, tx, "delete from "+table, `DELETE FROM `+pgx.Identifier{table}.Sanitize()+` WHERE uid = $1`, uid); err != nil {
		return err
	}
	return release(ctx, tx, uid)
}
