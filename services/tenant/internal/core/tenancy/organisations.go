package tenancy

import (
	"context"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/resource"
)

// Organisations is what may be done to organisations.
type Organisations struct {
	store     Store
	network   Network
	clock     clock.Clock
	retention time.Duration
	defaults  Quota
}

// NewOrganisations makes the use cases; retention is how long a deleted organisation can be undeleted, defaults the quota of one
// that says nothing of it.
func NewOrganisations(store Store, network Network, c clock.Clock, retention time.Duration, defaults Quota) *Organisations {
	return &Organisations{store: store, network: network, clock: c, retention: retention, defaults: defaults}
}

// Get answers one organisation.
func (s *Organisations) Get(ctx context.Context, key OrganisationKey) (Organisation, error) {
	return s.store.Organisation(ctx, key.Tenant, key.Organisation)
}

// List answers a page of a tenant's organisations.
func (s *Organisations) List(ctx context.Context, tenant string, q resource.List) (resource.Page[Organisation], error) {
	if _, err := s.store.Tenant(ctx, tenant); err != nil {
		return resource.Page[Organisation]{}, err
	}
	return s.store.ListOrganisations(ctx, tenant, q)
}

// Create takes the whole order. The network service is asked before anything is stored, and not at all when the call
// was seen before: by then the order's own networks would be in its way.
func (s *Organisations) Create(ctx context.Context, in CreateOrganisation) (Operation, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	if err := in.Quota.suffices("organisation.quota", len(in.VPCs), s.defaults); err != nil {
		return nil, err
	}
	op, err := inTx(ctx, s.store, func(ctx context.Context, tx Tx) (Operation, error) {
		_, op, err := s.admit(ctx, tx, in)
		return op, err
	})
	if op != nil || err != nil {
		return op, err
	}
	if err := s.network.CheckOrder(ctx, in.Tenant, in.networks()); err != nil {
		return nil, err
	}
	now := s.clock.Now()
	o := Organisation{
		UID: ids.New("org"), TenantID: in.Tenant, ID: in.ID, DisplayName: in.DisplayName, Labels: in.Labels,
		Mode: in.Mode, HubCIDR: in.HubCIDR, Quota: in.Quota, VPCs: in.VPCs, Protected: in.Protected,
		CredentialGeneration: 1, Revision: 1, CreateTime: now, UpdateTime: now,
	}
	return inTx(ctx, s.store, func(ctx context.Context, tx Tx) (Operation, error) {
		t, op, err := s.admit(ctx, tx, in)
		if op != nil || err != nil {
			return op, err
		}
		o.TenantUID = t.UID
		if err := tx.InsertOrganisation(ctx, o); err != nil {
			return nil, err
		}
		return tx.Accept(ctx, o.change(in.Request, VerbCreate, StateCreating))
	})
}

// admit answers the operation of an earlier call, or everything that speaks against the order in the tenant as it is.
func (s *Organisations) admit(ctx context.Context, tx Tx, in CreateOrganisation) (Tenant, Operation, error) {
	probe := OrganisationKey{in.Tenant, in.ID}.probe()
	if op, err := tx.Replay(ctx, probe.change(in.Request, VerbCreate, StateCreating)); op != nil || err != nil {
		return Tenant{}, op, err
	}
	t, err := tx.ShareTenant(ctx, in.Tenant)
	if err != nil {
		return Tenant{}, nil, err
	}
	if err := t.open(); err != nil {
		return Tenant{}, nil, err
	}
	if !t.Ready() {
		e := errs.Failed("TENANT_NOT_READY", "%q is still being made; wait for its operation to end, then order again", t.Name()).
			With("resource", t.Name())
		e.Retry = 2 * time.Second
		return Tenant{}, nil, e
	}
	switch _, err := tx.LockOrganisation(ctx, in.Tenant, in.ID); {
	case err == nil:
		return Tenant{}, nil, errs.Exists("organisation", probe.Name())
	case errs.CodeOf(err) != errs.CodeNotFound:
		return Tenant{}, nil, err
	}
	return t, nil, in.checkNetworks(t)
}

// UpdateOrganisation changes the fields that are not nil.
type UpdateOrganisation struct {
	Key         OrganisationKey
	Etag        string
	DisplayName *string
	Labels      *map[string]string
	Quota       func(Quota) Quota
	Protected   *bool
	Request     Request
}

// Update changes an organisation.
func (s *Organisations) Update(ctx context.Context, in UpdateOrganisation) (Operation, error) {
	var bad errs.Fields
	checkText("organisation", deref(in.DisplayName), deref(in.Labels), &bad)
	if in.Quota != nil {
		in.Quota(Quota{}).check("organisation.quota", 0, &bad)
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	return s.edit(ctx, in.Key, in.Etag, VerbUpdate, in.Request, func(_ context.Context, _ Tx, o *Organisation) error {
		if err := o.mutable(); err != nil {
			return err
		}
		set(&o.DisplayName, in.DisplayName)
		set(&o.Labels, in.Labels)
		set(&o.Protected, in.Protected)
		if in.Quota != nil {
			o.Quota = in.Quota(o.Quota)
		}
		return nil
	})
}

// Rotate makes a new credential and revokes the old one.
func (s *Organisations) Rotate(ctx context.Context, key OrganisationKey, req Request) (Operation, error) {
	return s.edit(ctx, key, "", VerbRotate, req, func(_ context.Context, _ Tx, o *Organisation) error {
		if err := o.mutable(); err != nil {
			return err
		}
		o.CredentialGeneration++
		return nil
	})
}

// DeleteOrganisation asks for the end of an organisation.
type DeleteOrganisation struct {
	Key     OrganisationKey
	Etag    string
	Force   bool
	Purge   bool
	Request Request
}

// Delete switches an organisation off and marks it deleted, or removes it for good when asked to purge. A purge that is
// under way already is the answer to another one.
func (s *Organisations) Delete(ctx context.Context, in DeleteOrganisation) (Operation, error) {
	if op, err := s.checkVPCs(ctx, in); op != nil || err != nil {
		return op, err
	}
	var purge time.Time
	op, err := inTx(ctx, s.store, func(ctx context.Context, tx Tx) (Operation, error) {
		if op, err := tx.Replay(ctx, in.Key.probe().change(in.Request, VerbDelete, StateDeleting)); op != nil || err != nil {
			return op, err
		}
		o, err := s.hold(ctx, tx, in.Key, in.Etag)
		if err != nil {
			return nil, err
		}
		if in.Purge && !in.Request.ValidateOnly {
			if op, err := joinRemoval(ctx, tx, &o, in.Force); op != nil || err != nil {
				return op, err
			}
		}
		return s.commit(ctx, tx, &o, VerbDelete, StateDeleting, in.Request, func(_ context.Context, _ Tx, o *Organisation) error {
			if err := o.deletable(); err != nil {
				return err
			}
			err := s.remove(o, in.Force, in.Purge)
			purge = o.PurgeTime
			return err
		})
	})
	return withNetworks(ctx, s.network, in.Key.probe().Name(), purge, op, err)
}

// joinRemoval answers the operation that removes an organisation for good already; nil when none does. A second one would
// supersede it, and who waits for the first would hear that it was given up although it was not. Force is added to it.
func joinRemoval(ctx context.Context, tx Tx, o *Organisation, force bool) (Operation, error) {
	if !o.Removing {
		return nil, nil
	}
	if force && !o.Force {
		o.Force = true
		if err := tx.UpdateOrganisation(ctx, *o); err != nil {
			return nil, err
		}
	}
	return tx.Hasten(ctx, o.UID)
}

func (s *Organisations) remove(o *Organisation, force, purge bool) error {
	now := s.clock.Now()
	if purge {
		o.Removing, o.Force, o.PurgeTime = true, o.Force || force, time.Time{}
		if o.DeleteTime.IsZero() {
			o.DeleteTime = now
		}
		return nil
	}
	if o.Deleted() {
		return errs.Failed("ORGANISATION_DELETED", "%q is deleted already; undelete it, or purge it to remove it for good", o.Name()).
			With("resource", o.Name())
	}
	o.DeleteTime, o.PurgeTime = now, now.Add(s.retention)
	return nil
}

// checkVPCs asks the network service for VPCs that speak against the deletion: with force the protected ones, otherwise
// all. A call that was seen before is answered as it was: by now they may be gone.
func (s *Organisations) checkVPCs(ctx context.Context, in DeleteOrganisation) (Operation, error) {
	name := in.Key.probe().Name()
	underway := false
	op, err := inTx(ctx, s.store, func(ctx context.Context, tx Tx) (Operation, error) {
		op, err := tx.Replay(ctx, in.Key.probe().change(in.Request, VerbDelete, StateDeleting))
		if op != nil || err != nil {
			return op, err
		}
		o, err := tx.LockOrganisation(ctx, in.Key.Tenant, in.Key.Organisation)
		underway = in.Purge && o.Removing
		return nil, err
	})
	if op != nil || err != nil || underway {
		return op, err
	}
	if in.Force {
		return nil, unprotected(ctx, s.network, name)
	}
	vpcs, err := s.network.VPCNames(ctx, name)
	if err != nil || len(vpcs) == 0 {
		return nil, err
	}
	return nil, NotEmpty(name, vpcs)
}

// NotEmpty is the error of an organisation that cannot go because VPCs are left in it.
func NotEmpty(organisation string, vpcs []string) *errs.Error {
	return errs.Failed("ORGANISATION_NOT_EMPTY", "%q still has %s; delete them first, or set force to delete them with it",
		organisation, list(vpcs)).With("resource", organisation).With("children", strings.Join(vpcs, ","))
}

// Undelete brings an organisation back.
func (s *Organisations) Undelete(ctx context.Context, key OrganisationKey, req Request) (Operation, error) {
	return s.edit(ctx, key, "", VerbUndelete, req, func(_ context.Context, _ Tx, o *Organisation) error {
		if err := revivable("ORGANISATION", o.Name(), o.Deleted(), o.Removing, o.PurgeTime, s.clock.Now()); err != nil {
			return err
		}
		o.DeleteTime, o.PurgeTime, o.DeletedWithTenant = time.Time{}, time.Time{}, false
		return nil
	})
}

// hold answers an organisation that may be changed, and keeps it and the openness of its tenant until the transaction ends.
func (s *Organisations) hold(ctx context.Context, tx Tx, key OrganisationKey, tag string) (Organisation, error) {
	t, err := tx.ShareTenant(ctx, key.Tenant)
	if err != nil {
		return Organisation{}, err
	}
	o, err := tx.LockOrganisation(ctx, key.Tenant, key.Organisation)
	if err != nil {
		return Organisation{}, err
	}
	if err := t.open(); err != nil {
		return Organisation{}, err
	}
	return o, etag.Check(o.Name(), tag, o.Etag())
}

// edit is the usual path of a change to an organisation that exists.
func (s *Organisations) edit(
	ctx context.Context, key OrganisationKey, tag string, verb Verb, req Request,
	change func(context.Context, Tx, *Organisation) error,
) (Operation, error) {
	return inTx(ctx, s.store, func(ctx context.Context, tx Tx) (Operation, error) {
		if op, err := tx.Replay(ctx, key.probe().change(req, verb, StateUpdating)); op != nil || err != nil {
			return op, err
		}
		o, err := s.hold(ctx, tx, key, tag)
		if err != nil {
			return nil, err
		}
		return s.commit(ctx, tx, &o, verb, StateUpdating, req, change)
	})
}

func (s *Organisations) commit(
	ctx context.Context, tx Tx, o *Organisation, verb Verb, transient State, req Request,
	change func(context.Context, Tx, *Organisation) error,
) (Operation, error) {
	if err := change(ctx, tx, o); err != nil {
		return nil, err
	}
	o.Revision++
	o.UpdateTime = s.clock.Now()
	if err := restrictOrganisation(ctx, tx, o); err != nil {
		return nil, err
	}
	if err := tx.UpdateOrganisation(ctx, *o); err != nil {
		return nil, err
	}
	return tx.Accept(ctx, o.change(req, verb, transient))
}
