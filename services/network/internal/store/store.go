// Package store maps rows of Postgres to values of core. It decides nothing: use cases call it inside their transaction.
//
// Constraints of the database keep the blocks of a tenant apart, and a pair of VPCs from a second peering.
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
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/drift"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/paging"
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
		pg.Migrations{Name: "network", FS: files}, drift.Migrations())
}

// Store reads and writes the rows.
type Store struct {
	pool   *pgxpool.Pool
	clock  clock.Clock
	tokens *paging.Token
}

// New makes a Store. Lists need tokens.
func New(pool *pgxpool.Pool, c clock.Clock, tokens *paging.Token) *Store {
	return &Store{pool: pool, clock: c, tokens: tokens}
}

// Now is the time in the resolution of the database.
func (s *Store) Now() time.Time { return s.clock.Now().UTC().Truncate(time.Microsecond) }

// DB begins transactions.
func (s *Store) DB() pg.Beginner { return s.pool }

// Clock is that of the rows.
func (s *Store) Clock() clock.Clock { return s.clock }

// Querier reads outside of a transaction.
func (s *Store) Querier() provision.Querier { return s.pool }

// TenantUID is the unique id of a tenant, empty when the tenant has no boundary.
func TenantUID(ctx context.Context, q trail.Querier, tenant string) (string, error) {
	return rows.First[string](ctx, q, "tenant", `SELECT tenant_uid FROM boundaries WHERE tenant = $1`, tenant)
}

// TenantSince is the SQL of the time at which the boundary of a tenant was made; column holds the tenant's id. Without a boundary
// the past belongs to no tenant.
func TenantSince(column string) string {
	return `SELECT COALESCE(max(b.create_time), 'infinity') FROM boundaries b WHERE b.tenant = ` + column
}

// Lock is how a row is locked until the transaction ends.
type Lock string

// The locks.
const (
	// Hold keeps a row from being removed.
	Hold Lock = "FOR KEY SHARE"
	// Change keeps a row from being changed or removed.
	Change Lock = "FOR NO KEY UPDATE"
	// Remove keeps a row from being changed, removed or held.
	Remove Lock = "FOR UPDATE"
)

// lock takes a lock of rows. Read them in a statement of its own: one that waited does not see what was committed meanwhile.
func lock(ctx context.Context, tx pgx.Tx, l Lock, from string, args ...any) error {
	if _, err := tx.Exec(ctx, `SELECT 1 FROM `+from+` `+string(l), args...); err != nil {
		return fmt.Errorf("lock rows: %w", err)
	}
	return nil
}

// write executes a statement; doing is what it does, for its error.
func write(ctx context.Context, tx pgx.Tx, doing, sql string, args ...any) error {
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// name reads one name, empty when there is none.
func name(ctx context.Context, tx pgx.Tx, what, sql string, args ...any) (string, error) {
	return rows.First[string](ctx, tx, what, sql, args...)
}

// setCloud records the ids of a resource's objects.
func setCloud(ctx context.Context, tx pgx.Tx, table, uid string, cloud any) error {
	column, err := rows.Pack(cloud, "cloud objects")
	if err != nil {
		return err
	}
	return write(ctx, tx, "record cloud objects", `UPDATE `+pgx.Identifier{table}.Sanitize()+` SET cloud = $2 WHERE uid = $1`, uid, column)
}
