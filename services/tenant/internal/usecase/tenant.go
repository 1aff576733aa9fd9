package usecase

import (
	"context"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/resource/replay"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// CreateTenant makes a tenant. The request ids of an earlier tenant of its id are forgotten.
func (s *Tenancy) CreateTenant(ctx context.Context, id resource.Identity, in tenancy.CreateTenant) (*provision.Operation, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	return s.cfg.Changes.Operation(ctx, id, in.ID, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		t := in.Tenant(ids.New("ten"), tx.Now())
		if err := s.InsertTenant(ctx, tx, t); err != nil {
			return nil, err
		}
		if err := replay.Forget(ctx, tx, t.ID); err != nil {
			return nil, err
		}
		tx.After(t.Name(), s.cfg.Messages.Tenant(t))
		return tx.Accept(ctx, create.tenant(t))
	})
}

// UpdateTenant changes the texts and the protection of a tenant.
func (s *Tenancy) UpdateTenant(ctx context.Context, id resource.Identity, in tenancy.UpdateTenant) (*provision.Operation, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	return s.editTenant(ctx, id, in.ID, in.Etag, update, func(_ context.Context, _ *accept.Tx, t *tenancy.Tenant) error { return in.Apply(t) })
}

// SuspendTenant switches a tenant off.
func (s *Tenancy) SuspendTenant(ctx context.Context, id resource.Identity, tenant, reason string) (*provision.Operation, error) {
	return s.editTenant(ctx, id, tenant, "", suspend, func(_ context.Context, _ *accept.Tx, t *tenancy.Tenant) error { return t.Suspend(reason) })
}

// ResumeTenant ends a suspension.
func (s *Tenancy) ResumeTenant(ctx context.Context, id resource.Identity, tenant string) (*provision.Operation, error) {
	return s.editTenant(ctx, id, tenant, "", resume, func(_ context.Context, _ *accept.Tx, t *tenancy.Tenant) error { return t.Resume() })
}

// DeleteTenant switches a tenant off and marks it deleted, or removes it for good. With force its organisations share its fate, as
// operations of their own that the tenant's operation follows.
func (s *Tenancy) DeleteTenant(ctx context.Context, id resource.Identity, in tenancy.DeleteTenant) (*provision.Operation, error) {
	if op, err := s.cfg.Changes.Earlier(ctx, id, in.ID); op != nil || err != nil {
		return op, err
	}
	t, err := s.Tenant(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Force && !(in.Purge && t.Removing) {
		if err := t.Deletable(); err != nil {
			return nil, err
		}
		every := resourcename.Organisation{Tenant: in.ID, Organisation: resourcename.Wildcard}
		if err := s.unprotected(ctx, every.String()); err != nil {
			return nil, err
		}
	}
	op, err := s.cfg.Changes.Operation(ctx, id, in.ID, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		t, err := s.lockTenant(ctx, tx, in.ID, in.Etag)
		if err != nil {
			return nil, err
		}
		orgs, err := s.lockOrganisations(ctx, tx, t.UID)
		if err != nil {
			return nil, err
		}
		if in.Purge {
			return s.purgeTenant(ctx, tx, t, orgs, in.Force)
		}
		return s.softDelete(ctx, tx, t, orgs, in.Force)
	})
	return s.withNetworks(ctx, t.Name(), op, err)
}

func (s *Tenancy) lockOrganisations(ctx context.Context, tx *accept.Tx, tenantUID string) ([]tenancy.Organisation, error) {
	orgs, err := s.LockOrganisations(ctx, tx, tenantUID)
	for _, o := range orgs {
		tx.Before(o.Name(), s.cfg.Messages.Organisation(o))
	}
	return orgs, err
}

func (s *Tenancy) softDelete(
	ctx context.Context, tx *accept.Tx, t tenancy.Tenant, orgs []tenancy.Organisation, force bool,
) (*provision.Operation, error) {
	along, err := t.Delete(orgs, force, tx.Now(), s.cfg.Retention)
	if err != nil {
		return nil, err
	}
	if err := s.cascade(ctx, tx, &t, along, remove); err != nil {
		return nil, err
	}
	op, err := s.writeTenant(ctx, tx, t, remove)
	if err != nil {
		return nil, err
	}
	uids := []string{t.UID}
	for _, o := range orgs {
		uids = append(uids, o.UID)
	}
	return op, s.planPurge(ctx, tx, op, t.PurgeTime, uids...)
}

// purgeTenant removes a tenant for good, or returns the operation that does it already. The tenant's own objects go when the last
// organisation has gone, whichever operation removed it.
func (s *Tenancy) purgeTenant(
	ctx context.Context, tx *accept.Tx, t tenancy.Tenant, orgs []tenancy.Organisation, force bool,
) (*provision.Operation, error) {
	if t.Removing && !tx.ValidateOnly() {
		for _, o := range orgs {
			if _, err := s.joinRemoval(ctx, tx, o, force); err != nil {
				return nil, err
			}
		}
		if op, err := s.cfg.Engine.Hasten(ctx, tx, t.UID); op != nil || err != nil {
			return op, err
		}
	}
	if err := t.Remove(orgs, force, tx.Now()); err != nil {
		return nil, err
	}
	for _, o := range orgs {
		op, err := s.joinRemoval(ctx, tx, o, force)
		if op == nil && err == nil {
			o.Remove(force, tx.Now())
			op, err = s.writeOrganisation(ctx, tx, o, remove, tx.AcceptBeside)
		}
		if err != nil {
			return nil, err
		}
		t.Cascade = append(t.Cascade, tenancy.Cascade{UID: o.UID, Name: o.Name(), Operation: op.Name})
	}
	return s.writeTenant(ctx, tx, t, remove)
}

// UndeleteTenant brings a tenant back, and the organisations that were deleted with it.
func (s *Tenancy) UndeleteTenant(ctx context.Context, id resource.Identity, tenant string) (*provision.Operation, error) {
	return s.editTenant(ctx, id, tenant, "", undelete, func(ctx context.Context, tx *accept.Tx, t *tenancy.Tenant) error {
		orgs, err := s.lockOrganisations(ctx, tx, t.UID)
		if err != nil {
			return err
		}
		back, err := t.Undelete(orgs, tx.Now())
		if err != nil {
			return err
		}
		return s.cascade(ctx, tx, t, back, undelete)
	})
}

// cascade writes organisations that change with their tenant, and notes their operations for the tenant's to follow.
func (s *Tenancy) cascade(ctx context.Context, tx *accept.Tx, t *tenancy.Tenant, orgs []tenancy.Organisation, c change) error {
	for _, o := range orgs {
		op, err := s.writeOrganisation(ctx, tx, o, c, tx.AcceptBeside)
		if err != nil {
			return err
		}
		t.Cascade = append(t.Cascade, tenancy.Cascade{UID: o.UID, Name: o.Name(), Operation: op.Name})
	}
	return nil
}

// unprotected refuses the removal of protected VPCs. A VPC that is protected later is not deleted either: the network service
// refuses then, and the deletion is BLOCKED.
func (s *Tenancy) unprotected(ctx context.Context, organisation string) error {
	vpcs, err := s.cfg.Network.ProtectedVPCs(ctx, organisation)
	if err != nil || len(vpcs) == 0 {
		return err
	}
	return errs.Protected(vpcs[0])
}
