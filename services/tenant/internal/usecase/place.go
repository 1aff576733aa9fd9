package usecase

import (
	"context"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

// VPCs reads the VPCs of the network service.
type VPCs interface {
	// VPCUIDs returns the unique ids of an organisation's VPCs by their names. It fails with NOT_FOUND for an organisation that
	// the network service does not know.
	VPCUIDs(ctx context.Context, organisation string) (map[string]string, error)
}

// place is a scope as it is now. VpcUID is empty for a scope that is no VPC.
type place struct{ TenantUID, VpcUID string }

// look reads the place of a change: open for a change that gives roles, known for one that takes them away, which must be
// possible while a tenant is suspended or the network service is away.
type look func(context.Context, member.Scope) (place, error)

type places struct {
	tenancy *store.Store
	vpcs    VPCs
}

// open refuses a scope that is deleted, suspended, or not in the cloud yet: its deletion would not remove the groups.
func (p places) open(ctx context.Context, s member.Scope) (place, error) {
	t, err := p.tenancy.Tenant(ctx, s.Tenant)
	if err != nil {
		return place{}, err
	}
	if err := t.Open(); err != nil || s.Organisation == "" {
		return place{TenantUID: t.UID}, err
	}
	o, err := p.tenancy.Organisation(ctx, s.Tenant, s.Organisation)
	if err != nil {
		return place{}, err
	}
	if err := o.Open(); err != nil || s.Vpc == "" {
		return place{TenantUID: t.UID}, err
	}
	vpcs, err := p.present(ctx, s)
	if err != nil && errs.CodeOf(err) != errs.CodeNotFound {
		return place{}, err
	}
	uid, there := vpcs[s.Vpc]
	if !there {
		return place{}, errs.NotFound("vpc", s.Name())
	}
	return place{TenantUID: t.UID, VpcUID: uid}, nil
}

// known reads our own records only, and leaves the VPC out: one that does not exist has no members.
func (p places) known(ctx context.Context, s member.Scope) (place, error) {
	t, err := p.tenancy.Tenant(ctx, s.Tenant)
	if err != nil || s.Organisation == "" {
		return place{TenantUID: t.UID}, err
	}
	_, err = p.tenancy.Organisation(ctx, s.Tenant, s.Organisation)
	return place{TenantUID: t.UID}, err
}

// present are the unique ids of the VPCs of a scope's organisation, by their ids.
func (p places) present(ctx context.Context, s member.Scope) (map[string]string, error) {
	uids, err := p.vpcs.VPCUIDs(ctx, member.Scope{Tenant: s.Tenant, Organisation: s.Organisation}.Name())
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(uids))
	for name, uid := range uids {
		out[name[strings.LastIndexByte(name, '/')+1:]] = uid
	}
	return out, nil
}
