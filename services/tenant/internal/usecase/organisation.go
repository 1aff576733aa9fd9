package usecase

import (
	"context"

	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// ListOrganisations reads a page of a tenant's organisations.
func (s *Tenancy) ListOrganisations(ctx context.Context, tenant string, q resource.List) (resource.Page[tenancy.Organisation], error) {
	if _, err := s.Tenant(ctx, tenant); err != nil {
		return resource.Page[tenancy.Organisation]{}, err
	}
	return s.Store.ListOrganisations(ctx, tenant, q)
}

// CreateOrganisation takes the whole order. The network service checks its networks before the transaction.
func (s *Tenancy) CreateOrganisation(ctx context.Context, id resource.Identity, in tenancy.CreateOrganisation) (*provision.Operation, error) {
	if err := in.Validate(s.cfg.Quota); err != nil {
		return nil, err
	}
	// The networks of a repeated order, or of an organisation that exists, would be in their own way.
	if op, err := s.cfg.Changes.Earlier(ctx, id, in.Tenant); op != nil || err != nil {
		return op, err
	}
	if err := s.admit(ctx, in); err != nil {
		return nil, err
	}
	if err := s.cfg.Network.CheckOrder(ctx, in.Tenant, in.Networks()); err != nil {
		return nil, err
	}
	return s.cfg.Changes.Operation(ctx, id, in.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		t, err := s.ShareTenant(ctx, tx, in.Tenant)
		if err != nil {
			return nil, err
		}
		if err := in.Admit(t, false); err != nil { // the insert refuses an id that was taken meanwhile
			return nil, err
		}
		o := in.Organisation(ids.New("org"), t.UID, tx.Now())
		if err := s.InsertOrganisation(ctx, tx, o); err != nil {
			return nil, err
		}
		if err := tx.Reserve(ctx, o.UID, []quota.Claim{{Place: t.Name(), Resource: QuotaOrganisations, Amount: 1}}); err != nil {
			return nil, err
		}
		tx.After(o.Name(), s.cfg.Messages.Organisation(o))
		return tx.Accept(ctx, create.organisation(o))
	})
}

// admit refuses an order that cannot succeed as things are. The transaction decides again.
func (s *Tenancy) admit(ctx context.Context, in tenancy.CreateOrganisation) error {
	t, err := s.Tenant(ctx, in.Tenant)
	if err != nil {
		return err
	}
	there, err := absent(s.Organisation(ctx, in.Tenant, in.ID))
	if err != nil {
		return err
	}
	return in.Admit(t, there.UID != "")
}

// UpdateOrganisation changes the texts, the quota and the protection of an organisation.
func (s *Tenancy) UpdateOrganisation(ctx context.Context, id resource.Identity, in tenancy.UpdateOrganisation) (*provision.Operation, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	return s.editOrganisation(ctx, id, in.Key, in.Etag, update, func(_ *accept.Tx, o *tenancy.Organisation) error { return in.Apply(o) })
}

// RotateCredential makes a new credential and revokes the old one.
func (s *Tenancy) RotateCredential(ctx context.Context, id resource.Identity, key tenancy.OrganisationKey) (*provision.Operation, error) {
	return s.editOrganisation(ctx, id, key, "", rotate, func(_ *accept.Tx, o *tenancy.Organisation) error { return o.Rotate() })
}

// UndeleteOrganisation brings an organisation back.
func (s *Tenancy) UndeleteOrganisation(ctx context.Context, id resource.Identity, key tenancy.OrganisationKey) (*provision.Operation, error) {
	return s.editOrganisation(ctx, id, key, "", undelete, func(tx *accept.Tx, o *tenancy.Organisation) error { return o.Undelete(tx.Now()) })
}

// editOrganisation is the script of a change to an organisation: lock, decide, write, accept, publish.
func (s *Tenancy) editOrganisation(
	ctx context.Context, id resource.Identity, key tenancy.OrganisationKey, tag string, c change,
	decide func(*accept.Tx, *tenancy.Organisation) error,
) (*provision.Operation, error) {
	return s.cfg.Changes.Operation(ctx, id, key.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		o, err := s.lockOrganisation(ctx, tx, key, tag)
		if err != nil {
			return nil, err
		}
		if err := decide(tx, &o); err != nil {
			return nil, err
		}
		return s.writeOrganisation(ctx, tx, o, c, tx.Accept)
	})
}

func (s *Tenancy) lockOrganisation(ctx context.Context, tx *accept.Tx, key tenancy.OrganisationKey, tag string) (tenancy.Organisation, error) {
	o, err := s.LockOrganisation(ctx, tx, key.Tenant, key.Organisation)
	if err != nil {
		return o, err
	}
	tx.Before(o.Name(), s.cfg.Messages.Organisation(o))
	return o, etag.Check(o.Name(), tag, o.Etag())
}

// DeleteOrganisation switches an organisation off and marks it deleted, or removes it for good. A purge that runs already is the
// result of another one.
func (s *Tenancy) DeleteOrganisation(ctx context.Context, id resource.Identity, in tenancy.DeleteOrganisation) (*provision.Operation, error) {
	if op, err := s.cfg.Changes.Earlier(ctx, id, in.Key.Tenant); op != nil || err != nil {
		return op, err
	}
	o, err := s.Organisation(ctx, in.Key.Tenant, in.Key.Organisation)
	if err != nil {
		return nil, err
	}
	if !in.Purge || !o.Removing {
		if err := s.removable(ctx, o.Name(), in.Force); err != nil {
			return nil, err
		}
	}
	op, err := s.cfg.Changes.Operation(ctx, id, in.Key.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		o, err := s.lockOrganisation(ctx, tx, in.Key, in.Etag)
		if err != nil {
			return nil, err
		}
		if in.Purge {
			return s.purgeOrganisation(ctx, tx, o, in.Force)
		}
		if err := o.Delete(tx.Now(), s.cfg.Retention); err != nil {
			return nil, err
		}
		op, err := s.writeOrganisation(ctx, tx, o, remove, tx.Accept)
		if err != nil {
			return nil, err
		}
		return op, s.planPurge(ctx, tx, op, o.PurgeTime, o.UID)
	})
	return s.withNetworks(ctx, o.Name(), op, err)
}

func (s *Tenancy) purgeOrganisation(ctx context.Context, tx *accept.Tx, o tenancy.Organisation, force bool) (*provision.Operation, error) {
	if !tx.ValidateOnly() {
		if op, err := s.joinRemoval(ctx, tx, o, force); op != nil || err != nil {
			return op, err
		}
	}
	if err := o.Deletable(); err != nil {
		return nil, err
	}
	o.Remove(force, tx.Now())
	return s.writeOrganisation(ctx, tx, o, remove, tx.Accept)
}

// joinRemoval returns the operation that removes an organisation for good already, nil when none does, and adds force to it. A
// second operation would supersede the first, and clients that wait for the first would see it given up.
func (s *Tenancy) joinRemoval(ctx context.Context, tx *accept.Tx, o tenancy.Organisation, force bool) (*provision.Operation, error) {
	if !o.Removing {
		return nil, nil
	}
	if force && !o.Force {
		o.Force = true
		if err := s.Store.UpdateOrganisation(ctx, tx, o); err != nil {
			return nil, err
		}
	}
	return s.cfg.Engine.Hasten(ctx, tx, o.UID)
}

// removable refuses the deletion of an organisation with VPCs; with force, with protected VPCs.
func (s *Tenancy) removable(ctx context.Context, name string, force bool) error {
	if force {
		return s.unprotected(ctx, name)
	}
	vpcs, err := s.cfg.Network.VPCNames(ctx, name)
	if err != nil || len(vpcs) == 0 {
		return err
	}
	return tenancy.NotEmpty(name, vpcs)
}
