package tenancy

import (
	"context"
	"errors"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/resource"
)

// Tenants is what may be done to tenants.
type Tenants struct {
	store     Store
	network   Network
	clock     clock.Clock
	retention time.Duration
}

// NewTenants makes the use cases; retention is how long a deleted tenant can be undeleted.
func NewTenants(store Store, network Network, c clock.Clock, retention time.Duration) *Tenants {
	return &Tenants{store: store, network: network, clock: c, retention: retention}
}

// Get answers one tenant.
func (s *Tenants) Get(ctx context.Context, id string) (Tenant, error) { return s.store.Tenant(ctx, id) }

// List answers a page of tenants.
func (s *Tenants) List(ctx context.Context, q resource.List) (resource.Page[Tenant], error) {
	return s.store.ListTenants(ctx, q)
}

// Create makes a tenant.
func (s *Tenants) Create(ctx context.Context, in CreateTenant) (Operation, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	now := s.clock.Now()
	t := Tenant{
		UID: ids.New("ten"), ID: in.ID, DisplayName: in.DisplayName, Labels: in.Labels,
		NetworkCIDR: in.NetworkCIDR, Protected: in.Protected, Revision: 1, CreateTime: now, UpdateTime: now,
	}
	if t.NetworkCIDR == "" {
		t.NetworkCIDR = DefaultNetworkCIDR
	}
	return inTx(ctx, s.store, func(ctx context.Context, tx Tx) (Operation, error) {
		c := t.change(in.Request, VerbCreate, StateCreating)
		if op, err := tx.Replay(ctx, c); op != nil || err != nil {
			return op, err
		}
		if err := tx.InsertTenant(ctx, t); err != nil {
			return nil, err
		}
		return tx.Accept(ctx, c)
	})
}

// UpdateTenant changes the fields that are not nil.
type UpdateTenant struct {
	ID          string
	Etag        string
	DisplayName *string
	Labels      *map[string]string
	Protected   *bool
	Request     Request
}

// Validate notes everything wrong with the input.
func (in UpdateTenant) Validate() error {
	var bad errs.Fields
	checkText("tenant", deref(in.DisplayName), deref(in.Labels), &bad)
	return bad.Err()
}

// Update changes a tenant.
func (s *Tenants) Update(ctx context.Context, in UpdateTenant) (Operation, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	return s.edit(ctx, in.ID, in.Etag, VerbUpdate, StateUpdating, in.Request, func(_ context.Context, _ Tx, t *Tenant) error {
		if err := t.mutable(); err != nil {
			return err
		}
		set(&t.DisplayName, in.DisplayName)
		set(&t.Labels, in.Labels)
		set(&t.Protected, in.Protected)
		return nil
	})
}

// Suspend switches a tenant off; the reason is for people.
func (s *Tenants) Suspend(ctx context.Context, id, reason string, req Request) (Operation, error) {
	return s.edit(ctx, id, "", VerbSuspend, StateUpdating, req, func(_ context.Context, _ Tx, t *Tenant) error {
		if err := t.open(); err != nil {
			return err
		}
		t.Suspended, t.SuspendReason = true, reason
		return nil
	})
}

// Resume ends a suspension.
func (s *Tenants) Resume(ctx context.Context, id string, req Request) (Operation, error) {
	return s.edit(ctx, id, "", VerbResume, StateUpdating, req, func(_ context.Context, _ Tx, t *Tenant) error {
		if err := t.mutable(); err != nil {
			return err
		}
		if !t.Suspended {
			return errs.Failed("TENANT_NOT_SUSPENDED", "%q is not suspended; there is nothing to resume", t.Name()).
				With("resource", t.Name())
		}
		t.Suspended, t.SuspendReason = false, ""
		return nil
	})
}

// edit is the one path of a change to a tenant that exists: replay, lock, check the etag, change, write, tell, accept.
func (s *Tenants) edit(
	ctx context.Context, id, tag string, verb Verb, transient State, req Request,
	change func(context.Context, Tx, *Tenant) error,
) (Operation, error) {
	return inTx(ctx, s.store, func(ctx context.Context, tx Tx) (Operation, error) {
		if op, err := tx.Replay(ctx, Tenant{ID: id}.change(req, verb, transient)); op != nil || err != nil {
			return op, err
		}
		t, err := tx.LockTenant(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := etag.Check(t.Name(), tag, t.Etag()); err != nil {
			return nil, err
		}
		t.Cascade = nil
		if err := change(ctx, tx, &t); err != nil {
			return nil, err
		}
		t.Revision++
		t.UpdateTime = s.clock.Now()
		if err := restrictTenant(ctx, tx, &t); err != nil {
			return nil, err
		}
		if err := tx.UpdateTenant(ctx, t); err != nil {
			return nil, err
		}
		return tx.Accept(ctx, t.change(req, verb, transient))
	})
}

// inTx is Store.InTx for functions that answer an operation.
func inTx(ctx context.Context, store Store, fn func(context.Context, Tx) (Operation, error)) (Operation, error) {
	var op Operation
	err := store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		var err error
		op, err = fn(ctx, tx)
		if _, only := planned(op); only && err == nil {
			return errPreviewed
		}
		return err
	})
	if errors.Is(err, errPreviewed) {
		return op, nil
	}
	if err != nil {
		return nil, err
	}
	return op, nil
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
