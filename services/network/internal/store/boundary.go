package store

import (
	"context"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
)

const selectBoundary = `SELECT b.uid, b.revision, b.create_time, b.update_time, ` + rows.StatusColumns + `,
       b.tenant, b.tenant_uid, b.network_cidr, b.cloud, EXISTS (SELECT FROM suspensions s WHERE s.resource = 'tenants/' || b.tenant) AS suspended
  FROM boundaries b` + rows.JoinStatus + `b.uid`

type boundaryRow struct {
	rows.Meta
	Tenant      string
	TenantUID   string       `db:"tenant_uid"`
	NetworkCIDR netip.Prefix `db:"network_cidr"`
	Cloud       []byte
	Suspended   bool
}

func (r boundaryRow) boundary() (boundary.Boundary, error) {
	meta, err := r.Meta.Value()
	if err != nil {
		return boundary.Boundary{}, err
	}
	b := boundary.Boundary{
		Meta: meta, Tenant: resourcename.Tenant{Tenant: r.Tenant}, TenantUID: r.TenantUID, Network: r.NetworkCIDR, Suspended: r.Suspended,
	}
	return b, rows.Unpack(r.Cloud, &b.Cloud, "cloud objects of a boundary")
}

// LoadBoundary reads a boundary by its uid.
func (s *Store) LoadBoundary(ctx context.Context, q provision.Querier, uid string) (boundary.Boundary, error) {
	return rows.One(ctx, q, boundary.Kind, uid, rows.By(boundaryRow.boundary), selectBoundary+` WHERE b.uid = $1`, uid)
}

// Boundary reads the boundary of a tenant. Without one the error is NOT_FOUND of the tenant.
func (s *Store) Boundary(ctx context.Context, tenant string) (boundary.Boundary, error) {
	return s.FindBoundary(ctx, s.pool, tenant)
}

// FindBoundary is Boundary in a transaction.
func (s *Store) FindBoundary(ctx context.Context, q provision.Querier, tenant string) (boundary.Boundary, error) {
	return rows.One(ctx, q, "tenant", resourcename.Tenant{Tenant: tenant}.String(), rows.By(boundaryRow.boundary),
		selectBoundary+` WHERE b.tenant = $1`, tenant)
}

// LockBoundary locks the boundary of a tenant and reads it.
func (s *Store) LockBoundary(ctx context.Context, tx pgx.Tx, tenant string, l Lock) (boundary.Boundary, error) {
	if err := lock(ctx, tx, l, `boundaries WHERE tenant = $1`, tenant); err != nil {
		return boundary.Boundary{}, err
	}
	return s.FindBoundary(ctx, tx, tenant)
}

// LockBoundaryName makes equal calls for a boundary that does not exist wait for one another.
func (s *Store) LockBoundaryName(ctx context.Context, tx pgx.Tx, tenant string) error {
	return write(ctx, tx, "lock boundary", `SELECT pg_advisory_xact_lock(hashtextextended('boundary:' || $1, 0))`, tenant)
}

// InsertBoundary writes a new boundary.
func (s *Store) InsertBoundary(ctx context.Context, tx pgx.Tx, b boundary.Boundary) error {
	return write(ctx, tx, "insert boundary", `INSERT INTO boundaries (uid, tenant, tenant_uid, network_cidr, create_time, update_time)
		VALUES ($1, $2, $3, $4, $5, $5)`, b.UID, b.Tenant.Tenant, b.TenantUID, b.Network, s.Now())
}

// SetBoundaryCloud records the objects of a boundary.
func (s *Store) SetBoundaryCloud(ctx context.Context, tx pgx.Tx, uid string, cloud boundary.Cloud) error {
	return setCloud(ctx, tx, "boundaries", uid, cloud)
}

// RemoveBoundary deletes the row of a boundary.
func (s *Store) RemoveBoundary(ctx context.Context, tx pgx.Tx, uid string) error {
	return write(ctx, tx, "delete boundary", `DELETE FROM boundaries WHERE uid = $1`, uid)
}
