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
	"google.golang.org/protobuf/types/known/anypb"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/request"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Source is the service's name in events and operations.
const Source = "network"

// creators is how often a change is tried again that lost its addresses to another one in the same moment.
const creators = 4

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the sets of tables the service needs: its own, the engine's, and those of events, audit and quotas.
func Migrations() []pg.Migrations {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded under this very name
	}
	return append(provision.Migrations(), event.Migrations(), trail.Migrations(), quota.Migrations(), pg.Migrations{Name: Source, FS: files})
}

// Engine is the part of the provisioning engine that changes are given to.
type Engine interface {
	Replay(ctx context.Context, tx pgx.Tx, c provision.Change) (*provision.Operation, error)
	Accept(ctx context.Context, tx pgx.Tx, c provision.Change) (*provision.Operation, error)
	Get(ctx context.Context, tenant, id string) (*provision.Operation, error)
	Preview(ctx context.Context, tx pgx.Tx, op *provision.Operation) (*provision.Operation, error)
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
	engine Engine
	tokens *paging.Token
	trail  *trail.Trail
}

// New makes a Store on the records its engine works with, whose changes the trail records.
func New(records *Records, engine Engine, tokens *paging.Token, t *trail.Trail) *Store {
	return &Store{Records: records, engine: engine, tokens: tokens, trail: t}
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

// accept runs decide in one transaction with everything that belongs to a change. tenant is the id, not the name.
func (s *Store) accept(ctx context.Context, id request.Identity, tenant string, decide func(context.Context, pgx.Tx) (change, error)) (*provision.Operation, error) {
	for attempt := 1; ; attempt++ {
		op, err := s.acceptOnce(ctx, id, tenant, decide)
		if attempt < creators && pg.ConstraintOf(err) == "allocations_tenant_cidr_excl" {
			continue
		}
		return op, err
	}
}

func (s *Store) acceptOnce(ctx context.Context, id request.Identity, tenant string, decide func(context.Context, pgx.Tx) (change, error)) (*provision.Operation, error) {
	var op *provision.Operation
	err := pg.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		op, err = s.engine.Replay(ctx, tx, provision.Change{
			Tenant: tenant, Method: id.Method, RequestID: id.ID, RequestDigest: id.Digest,
		})
		if err != nil || op != nil {
			return err
		}
		c, err := decide(ctx, tx)
		if err != nil {
			return err
		}
		if c.existing != nil {
			op = c.existing
			if err := s.preview(ctx, tx, id, &op); err != nil {
				return err
			}
			return s.trail.Append(ctx, tx, c.Name, nil)
		}
		c.Tenant, c.Method, c.RequestID, c.RequestDigest = tenant, id.Method, id.ID, id.Digest
		if op, err = s.engine.Accept(ctx, tx, c.Change); err != nil {
			return err
		}
		if err := s.preview(ctx, tx, id, &op); err != nil {
			return err
		}
		if c.event == "" {
			return nil
		}
		return s.tellOf(ctx, tx, c)
	})
	if errors.Is(err, errPreviewed) {
		return op, nil
	}
	return op, err
}

// tellOf appends the event that tells of a change, and the record of who made it.
func (s *Store) tellOf(ctx context.Context, tx pgx.Tx, c change) error {
	message, err := c.message(ctx, tx)
	if err != nil {
		return err
	}
	if err := tell(ctx, tx, c.event, c.Name, c.Tenant, message); err != nil {
		return err
	}
	var changes audit.Changes
	changes.Before(c.Name, c.before)
	if c.Deleting {
		message = nil
	}
	changes.After(c.Name, message)
	return s.trail.Append(ctx, tx, c.Name, &changes)
}

// tell appends an event. Call it last: from here on the tenant's other changes wait.
func tell(ctx context.Context, tx pgx.Tx, kind, subject, tenant string, message proto.Message) error {
	e := &eventv1.Event{Type: kind, Subject: subject, Tenant: "tenants/" + tenant}
	if message != nil {
		data, err := anypb.New(message)
		if err != nil {
			return fmt.Errorf("pack event %s: %w", kind, err)
		}
		e.Data = data
	}
	return event.Append(ctx, tx, Source, e)
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

// running is the operation that deletes a resource already; nil when none does.
func (s *Store) running(ctx context.Context, tx pgx.Tx, tenant, uid string) (*provision.Operation, error) {
	var id *string
	err := tx.QueryRow(ctx, `SELECT current_operation FROM provision_resources WHERE uid = $1 AND deleting`, uid).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && id == nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up operation of %s: %w", uid, err)
	}
	return s.engine.Get(ctx, tenant, *id)
}

// maker is the operation that made a resource, or makes it now; nil when it ended without.
func (s *Store) maker(ctx context.Context, tx pgx.Tx, tenant, uid string) (*provision.Operation, error) {
	var id string
	err := tx.QueryRow(ctx, `SELECT id FROM provision_operations
		WHERE resource_uid = $1 AND verb = 'create' AND state IN ('RUNNING', 'SUCCEEDED')
		ORDER BY create_time DESC LIMIT 1`, uid).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up operation of %s: %w", uid, err)
	}
	return s.engine.Get(ctx, tenant, id)
}

// lock holds a row, when there is one, against changes that would take away what a transaction relies on. What the row
// says is read after: a statement that waits for a lock may not see what the one before it changed elsewhere.
func lock(ctx context.Context, tx pgx.Tx, sql string, args ...any) error {
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("lock what the change relies on: %w", err)
	}
	return nil
}
