package member

import (
	"context"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Tenancy is what scopes are looked up in.
type Tenancy interface {
	Tenant(ctx context.Context, id string) (tenancy.Tenant, error)
	Organisation(ctx context.Context, tenantID, id string) (tenancy.Organisation, error)
}

// Network knows the VPCs.
type Network interface {
	// VPCUIDs answers the unique ids of an organisation's VPCs by their names; NOT_FOUND when the network service does not know it.
	VPCUIDs(ctx context.Context, organisation string) (map[string]string, error)
}

type places struct {
	tenancy Tenancy
	network Network
}

// NewPlaces looks tenants and organisations up in our own records, VPCs at the network service.
func NewPlaces(t Tenancy, n Network) Places { return places{t, n} }

// Open refuses what is deleted or suspended, and what is not in the cloud yet: its end would not come by here to remove
// the groups.
func (p places) Open(ctx context.Context, s Scope) (Place, error) {
	t, err := p.tenancy.Tenant(ctx, s.Tenant)
	if err != nil {
		return Place{}, err
	}
	if err := t.Open(); err != nil || s.Organisation == "" {
		return Place{TenantUID: t.UID}, err
	}
	o, err := p.tenancy.Organisation(ctx, s.Tenant, s.Organisation)
	if err != nil {
		return Place{}, err
	}
	if err := o.Open(); err != nil || s.Vpc == "" {
		return Place{TenantUID: t.UID}, err
	}
	vpcs, err := p.Vpcs(ctx, s.Tenant, s.Organisation)
	if err != nil && errs.CodeOf(err) != errs.CodeNotFound {
		return Place{}, err
	}
	uid, there := vpcs[s.Vpc]
	if !there {
		return Place{}, errs.NotFound("vpc", s.Name())
	}
	return Place{TenantUID: t.UID, VpcUID: uid}, nil
}

// Known leaves the VPC out: the network service may be away, and one that is not there has no members.
func (p places) Known(ctx context.Context, s Scope) (Place, error) {
	t, err := p.tenancy.Tenant(ctx, s.Tenant)
	if err != nil || s.Organisation == "" {
		return Place{TenantUID: t.UID}, err
	}
	_, err = p.tenancy.Organisation(ctx, s.Tenant, s.Organisation)
	return Place{TenantUID: t.UID}, err
}

// Vpcs answers an organisation's VPCs.
func (p places) Vpcs(ctx context.Context, tenant, organisation string) (map[string]string, error) {
	uids, err := p.network.VPCUIDs(ctx, Scope{Tenant: tenant, Organisation: organisation}.Name())
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(uids))
	for name, uid := range uids {
		out[name[strings.LastIndexByte(name, '/')+1:]] = uid
	}
	return out, nil
}
