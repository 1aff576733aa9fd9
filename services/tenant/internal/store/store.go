// Package store keeps tenants and organisations in the service's own Postgres and hands their changes to the engine and
// the outbox in the same transaction.
//
// It promises that reads are one statement each and never call the cloud, that a change is all there or not at all, and
// that a constraint a caller can meet becomes an errs.Error; any other database error passes through, wrapped with what
// was being done. Secrets come and go sealed.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/errs"
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

// Migrations are every set of the service's database, in the order they are applied.
func Migrations() []pg.Migrations {
	own, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded under this very name
	}
	sets := append(provision.Migrations(), event.Migrations(), trail.Migrations(), quota.Migrations(), replay.Migrations())
	return append(sets, pg.Migrations{Name: "tenant", FS: own})
}

// Engine is what the store needs of the provisioning engine.
type Engine interface {
	Accept(ctx context.Context, tx pgx.Tx, c provision.Change) (*provision.Operation, error)
	Read(ctx context.Context, q provision.Querier, tenant, id string) (*provision.Operation, error)
	Hasten(ctx context.Context, tx pgx.Tx, uid string) (*provision.Operation, error)
	Preview(ctx context.Context, tx pgx.Tx, op *provision.Operation) (*provision.Operation, error)
	Removals(ctx context.Context, q provision.Querier, uids []string) ([]provision.PlannedObject, error)
}

// Renderer makes the messages that events carry.
type Renderer interface {
	Tenant(t tenancy.Tenant) proto.Message
	Organisation(o tenancy.Organisation) proto.Message
}

// Store implements tenancy.Store.
type Store struct {
	pool   *pgxpool.Pool
	engine Engine
	pages  *paging.Token
	outbox Outbox
	trail  *trail.Trail
	quota  *quota.Ledger

	tenants       rows.Listing[tenancy.Tenant]
	organisations rows.Listing[tenancy.Organisation]
}

// New makes a store whose changes the trail records, and that keeps count of quotas in the ledger.
func New(pool *pgxpool.Pool, engine Engine, pages *paging.Token, outbox Outbox, t *trail.Trail, l *quota.Ledger) *Store {
	return &Store{
		pool: pool, engine: engine, pages: pages, outbox: outbox, trail: t, quota: l,
		tenants: tenantListing(), organisations: organisationListing(),
	}
}

var _ tenancy.Store = (*Store)(nil)

// InTx runs fn in one transaction, of which the record of who made the change is the last statement.
func (s *Store) InTx(ctx context.Context, fn func(context.Context, tenancy.Tx) error) error {
	return pg.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		t := s.join(tx)
		if err := fn(ctx, t); err != nil || t.accepted == "" {
			return err
		}
		return s.trail.Append(ctx, tx, t.accepted, &t.changes)
	})
}

// Join is the store inside a transaction that somebody else ends.
func (s *Store) Join(tx pgx.Tx) tenancy.Tx { return s.join(tx) }

func (s *Store) join(tx pgx.Tx) *transaction {
	return &transaction{tx: tx, engine: s.engine, outbox: s.outbox, quota: s.quota}
}

// TenantUID is the unique id of a tenant, empty when there is none of the name.
func TenantUID(ctx context.Context, q trail.Querier, tenant string) (string, error) {
	var uid string
	err := q.QueryRow(ctx, `SELECT uid FROM tenants WHERE id = $1`, tenant).Scan(&uid)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("look up tenant: %w", err)
	}
	return uid, nil
}

// transaction implements tenancy.Tx.
type transaction struct {
	tx     pgx.Tx
	engine Engine
	outbox Outbox
	quota  *quota.Ledger
	// planned is what the changes planned so far in this transaction would do: the last one takes the others along.
	planned provision.Preview
	// changes is what was read and written, accepted the resource of the change that the caller asked for.
	changes  audit.Changes
	accepted string
}

// Operation is an accepted operation of the engine.
type Operation struct{ *provision.Operation }

// OperationName is its resource name.
func (o Operation) OperationName() string { return o.Name }

// Provisioned is the engine's record of it.
func (o Operation) Provisioned() *provision.Operation { return o.Operation }

// Replay answers the operation of an earlier call.
func (t *transaction) Replay(ctx context.Context, c tenancy.Change) (tenancy.Operation, error) {
	name, err := replay.Find(ctx, t.tx, c.Tenant, c.Request, time.Now())
	if name == "" || err != nil {
		return nil, err
	}
	op, err := t.engine.Read(ctx, t.tx, c.Tenant, path.Base(name))
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil, replay.Drop(ctx, t.tx, c.Tenant, c.Request)
	}
	return wrap(op, err)
}

// Accept records the change.
func (t *transaction) Accept(ctx context.Context, c tenancy.Change) (tenancy.Operation, error) {
	op, err := t.engine.Accept(ctx, t.tx, change(c))
	if c.Request.Method != "" {
		t.accepted = c.Name
	}
	if err == nil {
		err = replay.Keep(ctx, t.tx, c.Tenant, c.Request, op.Name, time.Now())
	}
	if err != nil || !c.Request.ValidateOnly {
		return wrap(op, err)
	}
	return t.preview(ctx, op, c.Removing)
}

// Hasten answers the operation that works on a resource.
func (t *transaction) Hasten(ctx context.Context, uid string) (tenancy.Operation, error) {
	return wrap(t.engine.Hasten(ctx, t.tx, uid))
}

// wrap keeps a nil operation a nil interface.
func wrap(op *provision.Operation, err error) (tenancy.Operation, error) {
	if op == nil || err != nil {
		return nil, err
	}
	return Operation{op}, nil
}

func change(c tenancy.Change) provision.Change {
	return provision.Change{
		Kind: string(c.Kind), UID: c.UID, Name: c.Name, Tenant: c.Tenant, Verb: string(c.Verb),
		Transient: c.Transient, Final: c.Final, Deleting: c.Removing,
		RequestID: c.Request.ID,
	}
}

// AnnounceTenant appends an event that shows the tenant as it is in the transaction.
func (t *transaction) AnnounceTenant(ctx context.Context, kind string, v tenancy.Tenant) error {
	return t.outbox.Tenant(ctx, t.tx, kind, v)
}

// AnnounceOrganisation appends an event that shows the organisation as it is in the transaction.
func (t *transaction) AnnounceOrganisation(ctx context.Context, kind string, v tenancy.Organisation) error {
	return t.outbox.Organisation(ctx, t.tx, kind, v)
}
