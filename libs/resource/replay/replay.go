// Package replay remembers for a day what a call with a request_id resulted in, so that a repeated call gets the same result.
//
// Find and Keep belong into the transaction of the change, Find before everything else: of two equal calls at once the second
// waits there until the first has committed. The same request_id with another body is ALREADY_EXISTS with the reason
// REQUEST_ID_REUSED. Forget drops a tenant's results when the tenant is gone: a later tenant of the same id starts anew.
package replay

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/resource"
)

// Memory is how long a result is remembered.
const Memory = 24 * time.Hour

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations is the set of tables of the package. It comes after that of the engine, whose requests it takes over.
func Migrations() pg.Migrations {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded under this very name
	}
	return pg.Migrations{Name: "replay", FS: files}
}

// Find returns the result of an earlier call with the same tenant, method and request_id, empty when there is none.
func Find(ctx context.Context, tx pgx.Tx, tenant string, id resource.Identity, now time.Time) (string, error) {
	if id.ID == "" {
		return "", nil
	}
	var result string
	var digest []byte
	var made time.Time
	// One round trip: the second statement sees the row that the first waited for.
	var b pgx.Batch
	b.Queue(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, tenant+"\x1f"+id.Method+"\x1f"+id.ID)
	b.Queue(`SELECT result, digest, create_time FROM replays WHERE tenant = $1 AND method = $2 AND request_id = $3`,
		tenant, id.Method, id.ID).QueryRow(func(row pgx.Row) error { return row.Scan(&result, &digest, &made) })
	err := tx.SendBatch(ctx, &b).Close()
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look up request_id: %w", err)
	case now.Sub(made) > Memory:
		return "", Drop(ctx, tx, tenant, id)
	case !bytes.Equal(digest, id.Digest):
		return "", reused(id.ID, result)
	}
	trail.Replayed(ctx)
	return result, nil
}

func reused(id, result string) error {
	e := errs.New(errs.AlreadyExists, errs.ReasonRequestIDReused,
		"request_id %q was used for another request within the last 24 hours; use a new one for a new request", id)
	if strings.Contains(result, "/operations/") {
		return e.With("operation", result)
	}
	return e
}

// Drop forgets one call, for example one whose result is gone.
func Drop(ctx context.Context, tx pgx.Tx, tenant string, id resource.Identity) error {
	_, err := tx.Exec(ctx, `DELETE FROM replays WHERE tenant = $1 AND method = $2 AND request_id = $3`, tenant, id.Method, id.ID)
	if err != nil {
		return fmt.Errorf("forget request_id: %w", err)
	}
	return nil
}

// Keep remembers the result of a call with a request_id, and drops the tenant's results of the day before.
func Keep(ctx context.Context, tx pgx.Tx, tenant string, id resource.Identity, result string, now time.Time) error {
	if id.ID == "" {
		return nil
	}
	_, err := tx.Exec(ctx, `WITH old AS (DELETE FROM replays WHERE tenant = $1 AND create_time < $7)
		INSERT INTO replays (tenant, method, request_id, digest, result, create_time) VALUES ($1, $2, $3, $4, $5, $6)`,
		tenant, id.Method, id.ID, id.Digest, result, now, now.Add(-Memory))
	if err != nil {
		return fmt.Errorf("remember request_id: %w", err)
	}
	return nil
}

// Forget drops every result of a tenant.
func Forget(ctx context.Context, tx pgx.Tx, tenant string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM replays WHERE tenant = $1`, tenant); err != nil {
		return fmt.Errorf("forget request ids of a tenant: %w", err)
	}
	return nil
}
