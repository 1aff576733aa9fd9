// Package accept carries out changes of resources, each in one transaction that a use case scripts:
//
//	op, err := changes.Operation(ctx, id, tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
//		// lock, decide in core, write by the store, then:
//		op, err := tx.Accept(ctx, provision.Change{…})
//		…
//		return op, tx.Publish(ctx, "vpc.created", name, message)
//	})
//
// Before the script it looks for the result of an earlier call with the same request_id (libs/resource/replay). After it, it
// remembers the result and appends the audit record of the caller. With validate_only the result is the plan, with its
// effect on quotas, and the transaction is rolled back. The script may run again when Postgres ends the transaction because of
// another one, so it must call nothing but the database.
package accept

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/behalf"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/replay"
)

// Engine is the part of the provisioning engine that changes are given to.
type Engine interface {
	Accept(ctx context.Context, tx pgx.Tx, c provision.Change) (*provision.Operation, error)
	Read(ctx context.Context, q provision.Querier, tenant, id string) (*provision.Operation, error)
	Preview(ctx context.Context, tx pgx.Tx, op *provision.Operation) (*provision.Operation, error)
}

// Config is what Changes need. Engine and Quota may be nil in a service without.
type Config struct {
	// Service is the source of the events.
	Service string
	DB      pg.Beginner
	Engine  Engine
	Trail   *trail.Trail
	Quota   *quota.Ledger
	Clock   clock.Clock
	// Closed refuses a caller's command in a tenant that is suspended or deleted, for every command of the service. The service lists
	// its exceptions by the method. Work of the platform itself is never refused: without a method, or by another service.
	Closed func(ctx context.Context, tx pgx.Tx, id resource.Identity, tenant string) error
}

// Changes carries out changes.
type Changes struct{ cfg Config }

// New makes Changes.
func New(cfg Config) *Changes { return &Changes{cfg: cfg} }

// errPreviewed rolls back a change that was made to be planned.
var errPreviewed = errors.New("roll back a plan")

// Operation runs a script that ends in an operation of the engine. tenant is the id. A script without an operation, and without
// an error, commits and leaves no record.
func (c *Changes) Operation(
	ctx context.Context, id resource.Identity, tenant string, script func(context.Context, *Tx) (*provision.Operation, error),
) (op *provision.Operation, err error) {
	err = c.inTx(ctx, id, tenant, func(ctx context.Context, tx *Tx) error {
		if op, err = tx.replayed(ctx); op != nil || err != nil {
			return err
		}
		if err := tx.open(ctx); err != nil {
			return err
		}
		if op, err = script(ctx, tx); op == nil || err != nil {
			return err
		}
		if id.ValidateOnly {
			if op, err = tx.planned(ctx, op, op.Verb == "delete"); err == nil {
				op.Preview.Fields = tx.changes.Differences()
			}
			return err
		}
		if err := tx.Keep(ctx, op.Name); err != nil {
			return err
		}
		return c.cfg.Trail.Append(ctx, tx, op.Resource, &tx.changes)
	})
	if err != nil {
		return nil, err
	}
	return op, nil
}

// Earlier returns the operation of an earlier call with the same request_id, nil when there is none. A use case that calls another
// system before its transaction looks here first.
func (c *Changes) Earlier(ctx context.Context, id resource.Identity, tenant string) (op *provision.Operation, err error) {
	if id.ID == "" {
		return nil, nil
	}
	err = c.inTx(ctx, id, tenant, func(ctx context.Context, tx *Tx) error {
		op, err = tx.replayed(ctx)
		return err
	})
	return op, err
}

// Record runs a script that ends without an operation, for resources the engine does not work on. The script calls Replayed
// and Keep itself: a change that needs another system takes two transactions, with the call between them.
func (c *Changes) Record(ctx context.Context, id resource.Identity, tenant string, script func(context.Context, *Tx) error) error {
	return c.inTx(ctx, id, tenant, func(ctx context.Context, tx *Tx) error {
		if err := tx.open(ctx); err != nil {
			return err
		}
		if err := script(ctx, tx); err != nil || tx.changes.Resource() == "" {
			return err
		}
		return c.cfg.Trail.Append(ctx, tx, tx.changes.Resource(), &tx.changes)
	})
}

func (c *Changes) inTx(ctx context.Context, id resource.Identity, tenant string, script func(context.Context, *Tx) error) error {
	err := pg.InTx(ctx, c.cfg.DB, func(ctx context.Context, raw pgx.Tx) error {
		err := script(ctx, &Tx{Tx: raw, cfg: &c.cfg, id: id, tenant: tenant})
		if err == nil && id.ValidateOnly {
			err = errPreviewed
		}
		return err
	})
	if errors.Is(err, errPreviewed) {
		return nil
	}
	return err
}

// Join makes a Tx of a transaction that its caller ends, for work of the platform itself.
func (c *Changes) Join(tx pgx.Tx, tenant string) *Tx { return &Tx{Tx: tx, cfg: &c.cfg, tenant: tenant} }

// Tx is the transaction of one change.
type Tx struct {
	pgx.Tx
	cfg     *Config
	id      resource.Identity
	tenant  string
	changes audit.Changes
	plan    provision.Preview
}

// open refuses a caller's command in a closed tenant.
func (t *Tx) open(ctx context.Context) error {
	if t.cfg.Closed == nil || t.id.Method == "" {
		return nil
	}
	if _, service := behalf.Service(ctx); service {
		return nil
	}
	return t.cfg.Closed(ctx, t, t.id, t.tenant)
}

// Now is the time in the resolution of the database.
func (t *Tx) Now() time.Time { return t.cfg.Clock.Now().UTC().Truncate(time.Microsecond) }

// ValidateOnly reports whether the transaction is rolled back in the end.
func (t *Tx) ValidateOnly() bool { return t.id.ValidateOnly }

// Before notes a resource as it was read, After as it was written, nil when it was removed: for the audit record.
func (t *Tx) Before(name string, m proto.Message) { t.changes.Before(name, m) }

// After is described at Before.
func (t *Tx) After(name string, m proto.Message) { t.changes.After(name, m) }

// Replayed is the result of an earlier call, empty when there was none. Call it first.
func (t *Tx) Replayed(ctx context.Context) (string, error) {
	return replay.Find(ctx, t, t.tenant, t.id, t.Now())
}

// Keep remembers the result of the call.
func (t *Tx) Keep(ctx context.Context, result string) error {
	return replay.Keep(ctx, t, t.tenant, t.id, result, t.Now())
}

func (t *Tx) replayed(ctx context.Context) (*provision.Operation, error) {
	name, err := t.Replayed(ctx)
	if name == "" || err != nil {
		return nil, err
	}
	op, err := t.cfg.Engine.Read(ctx, t, t.tenant, path.Base(name))
	if errs.CodeOf(err) == errs.CodeNotFound { // the engine has pruned it, or it was of an earlier tenant
		return nil, replay.Drop(ctx, t, t.tenant, t.id)
	}
	return op, err
}

// Accept hands the caller's change to the engine. With validate_only the operation is its plan.
func (t *Tx) Accept(ctx context.Context, c provision.Change) (*provision.Operation, error) {
	c.RequestID = t.id.ID
	return t.AcceptBeside(ctx, c)
}

// AcceptBeside accepts a change of another resource that the caller's change brings with it. Its plan goes before the caller's.
func (t *Tx) AcceptBeside(ctx context.Context, c provision.Change) (*provision.Operation, error) {
	c.Tenant = t.tenant
	op, err := t.cfg.Engine.Accept(ctx, t, c)
	if err != nil || !t.id.ValidateOnly {
		return op, err
	}
	return t.planned(ctx, op, c.Deleting)
}

// planned is the plan in place of an operation. Plans of one transaction add up.
func (t *Tx) planned(ctx context.Context, op *provision.Operation, deleting bool) (*provision.Operation, error) {
	if op.Preview != nil {
		return op, nil
	}
	op, err := t.cfg.Engine.Preview(ctx, t, op)
	if err != nil {
		return nil, err
	}
	if err := t.effects(ctx, op, deleting); err != nil {
		return nil, err
	}
	op.Preview.Objects = append(t.plan.Objects, op.Preview.Objects...)
	op.Preview.Quota = append(t.plan.Quota, op.Preview.Quota...)
	op.Preview.Usage = append(t.plan.Usage, op.Preview.Usage...)
	t.plan = *op.Preview
	return op, nil
}

// Publish appends an event that shows a resource as it is now. From here to the commit the tenant's other changes wait: call it
// last. A plan publishes nothing.
func (t *Tx) Publish(ctx context.Context, kind, subject string, m proto.Message) error {
	if t.id.ValidateOnly {
		return nil
	}
	return event.Publish(ctx, t, t.cfg.Service, t.tenant, kind, subject, m)
}
