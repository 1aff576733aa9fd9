// Package store keeps the network service's records in Postgres.
//
// It promises that a change is one transaction: the replay of a repeated call, the resource's row, its addresses, the
// operation with its job, and the event that tells of it commit together or not at all. Reads ask Postgres and nothing
// else. That no two blocks of a tenant overlap, and that two VPCs are peered once, is the database's own constraint.
// Errors are errs.Error where the caller can act on them; the driver's own never say more than what was being done.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/resource/replay"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Source is the service's name in events and operations.
const Source = "network"

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the sets of tables the service needs: its own, the engine's, and those of events, audit and quotas.
func Migrations() []pg.Migrations {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded under this very name
	}
	return append(provision.Migrations(), event.Migrations(), trail.Migrations(), quota.Migrations(), replay.Migrations(), pg.Migrations{Name: Source, FS: files})
}

// Engine is the part of the provisioning engine that changes are given to.
type Engine interface {
	accept.Engine
	Removals(ctx context.Context, q provision.Querier, uids []string) ([]provision.PlannedObject, error)
}

// Messages are resources as the API shows them, for the events that tell of them.
type Messages struct {
	Hub     func(hub.Hub) proto.Message
	Vpc     func(vpc.Vpc) proto.Message
	Peering func(peering.Peering) proto.Message
}

// Store keeps the records and accepts changes.
type Store struct {
	*Records
	engine  Engine
	changes *accept.Changes
	tokens  *paging.Token
}

// New makes a Store on the records its engine works with, whose changes the trail records.
func New(records *Records, engine Engine, tokens *paging.Token, t *trail.Trail) *Store {
	return &Store{
		Records: records, engine: engine, tokens: tokens, changes: accept.New(accept.Config{
			Service: Source, DB: records.pool, Engine: engine, Trail: t, Quota: records.quota, Clock: records.clock,
		}),
	}
}

// TenantUID is the unique id of a tenant, empty when the service knows none of the name.
func TenantUID(ctx context.Context, q trail.Querier, tenant string) (string, error) {
	var uid string
	err := q.QueryRow(ctx, `SELECT tenant_uid FROM boundaries WHERE tenant = $1`, tenant).Scan(&uid)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("look up tenant: %w", err)
	}
	return uid, nil
}

// TenantSince is the SQL that answers when the boundary of the tenant was made whose id a column holds. Without one there is no
// telling whose the history is, before a tenant's boundary is made and after it was removed: then it is nobody's.
func TenantSince(column string) string {
	return `SELECT COALESCE(max(b.create_time), 'infinity') FROM boundaries b WHERE b.tenant = ` + column
}

// Records is the service's rows, without the means to change what is wanted of them.
type Records struct {
	pool     *pgxpool.Pool
	clock    clock.Clock
	messages Messages
	quota    *quota.Ledger
	seen     lastIndex
}

// NewRecords makes Records, which keep count of quotas in the ledger.
func NewRecords(pool *pgxpool.Pool, c clock.Clock, messages Messages, l *quota.Ledger) *Records {
	return &Records{pool: pool, clock: c, messages: messages, quota: l}
}

// change is what a transaction decided.
type change struct {
	provision.Change
	// event is the type of the event that tells of it, empty for none; message the resource as it is then.
	event   string
	message func(ctx context.Context, tx pgx.Tx) (proto.Message, error)
	// before is the resource as it was, nil when it is new.
	before proto.Message
	// existing is set when nothing is to be done: the operation that did it before.
	existing *provision.Operation
}

// accept runs decide in one transaction with everything that belongs to a change. tenant is the id.
func (s *Store) accept(ctx context.Context, id resource.Identity, tenant string, decide func(context.Context, *accept.Tx) (change, error)) (*provision.Operation, error) {
	return s.changes.Operation(ctx, id, tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		c, err := decide(ctx, tx)
		if err != nil || c.existing != nil {
			return c.existing, err
		}
		op, err := tx.Accept(ctx, c.Change)
		if err != nil || id.ValidateOnly || c.event == "" {
			return op, err
		}
		message, err := c.message(ctx, tx)
		if err != nil {
			return nil, err
		}
		tx.Before(c.Name, c.before)
		if c.Deleting {
			tx.After(c.Name, nil)
		} else {
			tx.After(c.Name, message)
		}
		return op, tx.Publish(ctx, c.event, c.Name, message)
	})
}

// publish appends the event of a transition; no kind, no event.
func (r *Records) publish(ctx context.Context, tx pgx.Tx, kind, subject, tenant string, message proto.Message) error {
	if kind == "" {
		return nil
	}
	return event.Publish(ctx, tx, Source, tenant, kind, subject, message)
}

// told is the event that tells of a transition, empty for none.
func told(kind string, s provision.Settlement) string {
	switch {
	case s.Removed:
		return kind + ".deleted"
	case s.Outcome == provision.Done:
		return kind + ".settled"
	case s.Outcome == provision.Blocked, s.Outcome == provision.Unblocked, s.Outcome == provision.Cancelled:
		return kind + "." + s.Outcome.String()
	default:
		return ""
	}
}

// lock holds a row, when there is one, against changes that would take away what a transaction relies on. What the row
// says is read after: a statement that waits for a lock may not see what the one before it changed elsewhere.
func lock(ctx context.Context, tx pgx.Tx, sql string, args ...any) error {
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("lock what the change relies on: %w", err)
	}
	return nil
}
