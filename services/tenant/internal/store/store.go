// Package store maps rows of Postgres to values of core. It decides nothing: use cases call it inside their transaction.
//
// A constraint that a caller can violate is an errs.Error. Secrets are sealed before they are stored.
package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/drift"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource/replay"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
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
		pg.Migrations{Name: "tenant", FS: files}, drift.Migrations())
}

// Store reads and writes the rows of tenants and organisations.
type Store struct {
	pool          *pgxpool.Pool
	pages         *paging.Token
	tenants       rows.Listing[tenancy.Tenant]
	organisations rows.Listing[tenancy.Organisation]
}

// New makes a Store. Lists need pages.
func New(pool *pgxpool.Pool, pages *paging.Token) *Store {
	return &Store{pool: pool, pages: pages, tenants: tenantListing(), organisations: organisationListing()}
}

// TenantUID is the unique id of a tenant, empty when there is none of the name.
func TenantUID(ctx context.Context, q trail.Querier, tenant string) (string, error) {
	return rows.First[string](ctx, q, "tenant", `SELECT uid FROM tenants WHERE id = $1`, tenant)
}

// TenantSince is the SQL of the time at which a tenant was created; column holds its id.
func TenantSince(column string) string {
	return `SELECT t.create_time FROM tenants t WHERE t.id = ` + column
}

// Made returns the steps of a resource that are done, with the digests of their inputs.
func (s *Store) Made(ctx context.Context, q provision.Querier, uid string) (map[string]string, error) {
	found, err := rows.Many(ctx, q, "step", pgx.RowTo[[2]string],
		`SELECT ARRAY[step, digest] FROM provision_ledger WHERE resource_uid = $1 AND state = 'PRESENT'`, uid)
	made := make(map[string]string, len(found))
	for _, f := range found {
		made[f[0]] = f[1]
	}
	return made, err
}

// lockResource locks the engine's row before our own, in the order in which the engine locks them.
func lockResource(ctx context.Context, tx pgx.Tx, kind tenancy.Kind, name string) error {
	return write(ctx, tx, "lock "+name, `SELECT 1 FROM provision_resources WHERE kind = $1 AND name = $2 FOR NO KEY UPDATE`, string(kind), name)
}

// write executes a statement; doing is what it does, for its error.
func write(ctx context.Context, tx pgx.Tx, doing, sql string, args ...any) error {
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
