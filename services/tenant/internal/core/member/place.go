package member

import (
	"context"
	"slices"
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
	VPCNames(ctx context.Context, organisation string) ([]string, error)
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
		return Place{t.UID}, err
	}
	o, err := p.tenancy.Organisation(ctx, s.Tenant, s.Organisation)
	if err != nil {
		return Place{}, err
	}
	if err := o.Open(); err != nil || s.Vpc == "" {
		return Place{t.UID}, err
	}
	names, err := p.network.VPCNames(ctx, o.Name())
	if err != nil {
		return Place{}, err
	}
	if !slices.Contains(names, s.Name()) {
		return Place{}, errs.NotFound("vpc", s.Name())
	}
	return Place{t.UID}, nil
}

// Exists leaves the VPC out: the network service may be away, and one that is not there has no members.
func (p places) Exists(ctx context.Context, s Scope) error {
	if _, err := p.tenancy.Tenant(ctx, s.Tenant); err != nil || s.Organisation == "" {
		return err
	}
	_, err := p.tenancy.Organisation(ctx, s.Tenant, s.Organisation)
	return err
}

// Vpcs answers the ids of an organisation's VPCs.
func (p places) Vpcs(ctx context.Context, tenant, organisation string) ([]string, error) {
	names, err := p.network.VPCNames(ctx, Scope{Tenant: tenant, Organisation: organisation}.Name())
	for i, n := range names {
		names[i] = n[strings.LastIndexByte(n, '/')+1:]
	}
	return names, err
}
