// Package boundary is the network boundary of a tenant: the address space all its networks lie in, which no other tenant's
// traffic enters. Its rules fail with errs.Error and touch nothing.
package boundary

import (
	"net/netip"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
)

// Kind is the name of boundaries in operations and the ledger.
const Kind = "boundary"

// Boundary is what one tenant's networks are confined to.
type Boundary struct {
	resource.Meta
	Tenant    resourcename.Tenant
	TenantUID string
	// Network is the space of the tenant.
	Network netip.Prefix
	// Suspended tenants, and deleted ones that can still come back, get no new networks.
	Suspended bool
	Cloud     Cloud
}

// Cloud is the boundary's objects in Neutron. They belong to the platform's own project and are never shared.
type Cloud struct {
	ScopeID    string `json:"scope_id,omitempty"`
	PoolID     string `json:"pool_id,omitempty"`
	LinkPoolID string `json:"link_pool_id,omitempty"`
}

// Name of the boundary as a resource.
func (b Boundary) Name() string { return Name(b.Tenant) }

// Name of a tenant's boundary as a resource.
func Name(t resourcename.Tenant) string { return t.String() + "/boundary" }

// Order asks for a boundary.
type Order struct {
	Tenant    resourcename.Tenant
	TenantUID string
	Network   string
}

// Resolve turns an order into the boundary to make.
func (o Order) Resolve(uid string) (Boundary, error) {
	network, err := ipam.ParseTenant("network_cidr", o.Network)
	if err != nil {
		return Boundary{}, err
	}
	return Boundary{Meta: resource.Meta{UID: uid, Revision: 1}, Tenant: o.Tenant, TenantUID: o.TenantUID, Network: network}, nil
}

// Same says whether the order asks for what is there.
func (o Order) Same(b Boundary) error {
	if o.TenantUID != b.TenantUID || o.Network != b.Network.String() {
		return errs.Exists(Kind, b.Name()).
			With("tenant_uid", b.TenantUID).With("network_cidr", b.Network.String())
	}
	return nil
}

// Open refuses new networks of a tenant that is suspended or going.
func (b Boundary) Open() error {
	if b.Suspended {
		return Suspended(b.Tenant)
	}
	if b.Status.State == resource.Deleting {
		return errs.NotFound("tenant", b.Tenant.String())
	}
	return nil
}

// Suspended is the refusal of a command in a suspended or deleted tenant.
func Suspended(t resourcename.Tenant) *errs.Error {
	return errs.Failed("TENANT_SUSPENDED", "tenant %q is suspended or deleted; resume or undelete it first", t).With("resource", t.String())
}

// InUse refuses to remove a boundary with networks in it; holder is the name of one.
func InUse(b Boundary, holder string) error {
	return errs.Failed("BOUNDARY_IN_USE", "the network of tenant %q still holds %q; delete that first", b.Tenant, holder).
		With("resource", holder)
}
