package tenancy

import (
	"context"
	"strings"
	"time"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
)

// DeleteTenant asks for the end of a tenant.
type DeleteTenant struct {
	ID      string
	Etag    string
	Force   bool
	Purge   bool
	Request Request
}

// Delete switches a tenant off and marks it deleted, or removes it for good when asked to purge. With force its
// organisations share its fate, as operations of their own that the tenant's operation waits for.
func (s *Tenants) Delete(ctx context.Context, in DeleteTenant) (Operation, error) {
	if in.Purge && !in.Request.ValidateOnly {
		if op, err := s.joinRemoval(ctx, in); op != nil || err != nil {
			return op, err
		}
	}
	if op, err := s.checkVPCs(ctx, in); op != nil || err != nil {
		return op, err
	}
	var purge time.Time
	op, err := s.edit(ctx, in.ID, in.Etag, VerbDelete, StateDeleting, in.Request, func(ctx context.Context, tx Tx, t *Tenant) (err error) {
		if err := t.deletable(); err != nil {
			return err
		}
		if in.Purge {
			err = s.purge(ctx, tx, t, in.Force, in.Request)
		} else {
			err = s.softDelete(ctx, tx, t, in.Force, in.Request)
		}
		purge = t.PurgeTime
		return err
	})
	return withNetworks(ctx, s.network, resourcename.Tenant{Tenant: in.ID}.String(), purge, op, err)
}

// joinRemoval answers the operation that removes a tenant for good already, nil when none does, and adds force to it.
func (s *Tenants) joinRemoval(ctx context.Context, in DeleteTenant) (Operation, error) {
	return inTx(ctx, s.store, func(ctx context.Context, tx Tx) (Operation, error) {
		if op, err := tx.Replay(ctx, Tenant{ID: in.ID}.change(in.Request, VerbDelete, StateDeleting)); op != nil || err != nil {
			return op, err
		}
		t, err := tx.LockTenant(ctx, in.ID)
		if err != nil || !t.Removing {
			return nil, err
		}
		if err := etag.Check(t.Name(), in.Etag, t.Etag()); err != nil {
			return nil, err
		}
		orgs, err := tx.LockOrganisations(ctx, t.UID)
		if err != nil {
			return nil, err
		}
		for _, o := range orgs {
			if _, err := joinRemoval(ctx, tx, &o, in.Force); err != nil {
				return nil, err
			}
		}
		return tx.Hasten(ctx, t.UID)
	})
}

func (s *Tenants) softDelete(ctx context.Context, tx Tx, t *Tenant, force bool, req Request) error {
	if t.Deleted() {
		return errs.Failed("TENANT_DELETED", "%q is deleted already; undelete it, or purge it to remove it for good", t.Name()).
			With("resource", t.Name())
	}
	orgs, err := tx.LockOrganisations(ctx, t.UID)
	if err != nil {
		return err
	}
	orgs = keep(orgs, func(o Organisation) bool { return !o.Deleted() })
	if err := mustBeEmpty(*t, orgs, force); err != nil {
		return err
	}
	if err := allDeletable(orgs); err != nil {
		return err
	}
	now := s.clock.Now()
	t.DeleteTime, t.PurgeTime = now, now.Add(s.retention)
	return s.cascade(ctx, tx, t, orgs, VerbDelete, StateDeleting, req, func(o *Organisation) {
		o.DeleteTime, o.PurgeTime, o.DeletedWithTenant = t.DeleteTime, t.PurgeTime, true
	})
}

func (s *Tenants) purge(ctx context.Context, tx Tx, t *Tenant, force bool, req Request) error {
	orgs, err := tx.LockOrganisations(ctx, t.UID)
	if err != nil {
		return err
	}
	// One that is on its way out already needs no second order, only that the tenant waits for it: the tenant's own objects
	// go when the last organisation has gone, whichever operation that was.
	if err := mustBeEmpty(*t, keep(orgs, func(o Organisation) bool { return !o.Removing }), force); err != nil {
		return err
	}
	if err := allDeletable(orgs); err != nil {
		return err
	}
	t.Removing = true
	if t.DeleteTime.IsZero() {
		t.DeleteTime = s.clock.Now()
	}
	t.PurgeTime = time.Time{}
	if orgs, err = followRemovals(ctx, tx, t, orgs, force); err != nil {
		return err
	}
	return s.cascade(ctx, tx, t, orgs, VerbDelete, StateDeleting, req, func(o *Organisation) { s.markRemoved(o, force) })
}

// followRemovals notes the operations of organisations that are being removed for good already, and answers the others.
func followRemovals(ctx context.Context, tx Tx, t *Tenant, orgs []Organisation, force bool) (left []Organisation, err error) {
	for _, o := range orgs {
		op, err := joinRemoval(ctx, tx, &o, force)
		switch {
		case err != nil:
			return nil, err
		case op == nil:
			left = append(left, o)
		default:
			t.Cascade = append(t.Cascade, Cascade{UID: o.UID, Name: o.Name(), Operation: op.OperationName()})
		}
	}
	return left, nil
}

func (s *Tenants) markRemoved(o *Organisation, force bool) {
	o.Removing, o.Force = true, o.Force || force
	if o.DeleteTime.IsZero() {
		o.DeleteTime = s.clock.Now()
	}
	o.PurgeTime = time.Time{}
}

// Undelete brings a tenant back, and with it the organisations that were deleted because it was.
func (s *Tenants) Undelete(ctx context.Context, id string, req Request) (Operation, error) {
	return s.edit(ctx, id, "", VerbUndelete, StateUpdating, req, func(ctx context.Context, tx Tx, t *Tenant) error {
		if err := revivable("TENANT", t.Name(), t.Deleted(), t.Removing, t.PurgeTime, s.clock.Now()); err != nil {
			return err
		}
		orgs, err := tx.LockOrganisations(ctx, t.UID)
		if err != nil {
			return err
		}
		orgs = keep(orgs, func(o Organisation) bool { return o.DeletedWithTenant && !o.Removing })
		t.DeleteTime, t.PurgeTime = time.Time{}, time.Time{}
		return s.cascade(ctx, tx, t, orgs, VerbUndelete, StateUpdating, req, func(o *Organisation) {
			o.DeleteTime, o.PurgeTime, o.DeletedWithTenant = time.Time{}, time.Time{}, false
		})
	})
}

// cascade makes the same change to organisations of the tenant and notes their operations for the tenant's own to follow.
func (s *Tenants) cascade(
	ctx context.Context, tx Tx, t *Tenant, orgs []Organisation, verb Verb, transient State, req Request,
	change func(*Organisation),
) error {
	for _, o := range orgs {
		change(&o)
		o.Revision++
		o.UpdateTime = s.clock.Now()
		if err := restrictOrganisation(ctx, tx, &o); err != nil {
			return err
		}
		if err := tx.UpdateOrganisation(ctx, o); err != nil {
			return err
		}
		op, err := tx.Accept(ctx, o.change(Request{ValidateOnly: req.ValidateOnly}, verb, transient))
		if err != nil {
			return err
		}
		t.Cascade = append(t.Cascade, Cascade{UID: o.UID, Name: o.Name(), Operation: op.OperationName()})
	}
	return nil
}

func mustBeEmpty(t Tenant, orgs []Organisation, force bool) error {
	if force || len(orgs) == 0 {
		return nil
	}
	names := make([]string, len(orgs))
	for i, o := range orgs {
		names[i] = o.Name()
	}
	return errs.Failed("TENANT_NOT_EMPTY", "%q still has %s; delete them first, or set force to delete them with it",
		t.Name(), list(names)).With("resource", t.Name()).With("children", strings.Join(names, ","))
}

func allDeletable(orgs []Organisation) error {
	for _, o := range orgs {
		if err := o.deletable(); err != nil {
			return err
		}
	}
	return nil
}

// revivable refuses an undelete that has nothing to bring back.
func revivable(kind, name string, deleted, removing bool, purge, now time.Time) error {
	switch {
	case !deleted:
		return errs.Failed(kind+"_NOT_DELETED", "%q is not deleted; there is nothing to undelete", name).With("resource", name)
	case removing || (!purge.IsZero() && !purge.After(now)):
		return errs.Failed(kind+"_DELETED", "%q is being removed for good and cannot be undeleted; create it anew once it is gone", name).
			With("resource", name)
	}
	return nil
}

const listed = 10

// list names at most ten, so that an error stays readable.
func list(names []string) string {
	if len(names) <= listed {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:listed], ", ") + " and others"
}

func keep[T any](in []T, want func(T) bool) []T {
	var out []T
	for _, v := range in {
		if want(v) {
			out = append(out, v)
		}
	}
	return out
}
