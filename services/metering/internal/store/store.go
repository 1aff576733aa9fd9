// Package store holds the rows of the metering service: tenants, price books and spans.
package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/drift"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource/replay"
	"github.com/low-layer/platform/libs/resource/rows"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the sets of tables of the service's database, in their order.
func Migrations() []pg.Migrations {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded under this very name
	}
	return append(provision.Migrations(), event.Migrations(), trail.Migrations(), quota.Migrations(), replay.Migrations(),
		pg.Migrations{Name: "metering", FS: files}, drift.Migrations())
}

// TenantUID is the unique id of a tenant, empty for one that is not known.
func TenantUID(ctx context.Context, q trail.Querier, tenant string) (string, error) {
	return rows.First[string](ctx, q, "tenant", `SELECT uid FROM tenants WHERE tenant = $1`, tenant)
}

// Taken is the SQL of the quotas that the service's resources take: none.
const Taken = `SELECT ''::text, ''::text, ''::text, 0::bigint WHERE false`

// Known reports whether the service knows a tenant. It keeps no organisations.
func Known(ctx context.Context, q quota.Querier, tenant, organisation string, hold bool) (bool, error) {
	sql := `SELECT 1 FROM tenants WHERE tenant = $1 AND $2 = ''`
	if hold {
		sql += ` FOR KEY SHARE`
	}
	tag, err := q.Exec(ctx, sql, tenant, organisation)
	if err != nil {
		return false, fmt.Errorf("look up tenant: %w", err)
	}
	return tag.RowsAffected() > 0, nil
}

// Store reads and writes the rows.
type Store struct{ pool *pgxpool.Pool }

// New makes a Store.
func New(pool *pgxpool.Pool) *Store { return &Store{pool: pool} }

// SetTenant records a tenant, or the tenant that has its id now.
func (s *Store) SetTenant(ctx context.Context, tx pgx.Tx, tenant, uid string, since time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO tenants (tenant, uid, since_time) VALUES ($1, $2, $3)
		ON CONFLICT (tenant) DO UPDATE SET uid = excluded.uid, since_time = excluded.since_time WHERE tenants.uid <> excluded.uid`, tenant, uid, since)
	if err != nil {
		return fmt.Errorf("record tenant: %w", err)
	}
	return nil
}

// RemoveTenant forgets a tenant that is gone. Its spans stay.
func (s *Store) RemoveTenant(ctx context.Context, tx pgx.Tx, tenant string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM tenants WHERE tenant = $1`, tenant); err != nil {
		return fmt.Errorf("forget tenant: %w", err)
	}
	return nil
}

// Since is the time from which usage is that of the present tenant.
func (s *Store) Since(ctx context.Context, tenant string) (time.Time, error) {
	since, err := rows.First[time.Time](ctx, s.pool, "tenant", `SELECT since_time FROM tenants WHERE tenant = $1`, tenant)
	if err == nil && since.IsZero() {
		return since, errs.NotFound("tenant", "tenants/"+tenant)
	}
	return since, err
}
