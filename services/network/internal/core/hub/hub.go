// Package hub is the bastion network of an organisation and the router all its VPCs are linked to. Its rules fail with
// errs.Error and touch nothing.
package hub

import (
	"net/netip"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
)

// Kind is the name of hubs in operations and the ledger.
const Kind = "hub"

// Hub is the hub of one organisation.
type Hub struct {
	resource.Meta
	Name            resourcename.Hub
	OrganisationUID string
	ProjectID       string
	Mode            resource.Mode
	CIDR            netip.Prefix
	// Tenant is the whole network of the tenant.
	Tenant netip.Prefix
	// Closed is true while the organisation is deleted and can still come back: it gets no new VPCs.
	Closed bool
	Cloud  Cloud
}

// Open refuses new VPCs of an organisation that is deleted or going.
func (h Hub) Open() error {
	organisation := h.Name.Parent().String()
	if h.Status.State == resource.Deleting {
		return errs.NotFound("organisation", organisation)
	}
	if h.Closed {
		return errs.Failed("ORGANISATION_DELETED", "organisation %q is deleted; undelete it first", organisation).With("resource", organisation)
	}
	return nil
}

// MaxVpcs is how many VPCs a hub routes to: each takes a route of the hub's router, and Neutron allows 30 (`max_routes`)
// unless its operator says otherwise.
const MaxVpcs = 30

// Room refuses one VPC more than the hub can route to.
func (h Hub) Room(vpcs int) error {
	if vpcs < MaxVpcs {
		return nil
	}
	organisation := h.Name.Parent().String()
	return errs.New(errs.ResourceExhausted, "VPC_LIMIT_REACHED", "organisation %q has %d VPCs, as many as its hub can route to; delete one, or use another organisation",
		organisation, vpcs).With("resource", organisation)
}

// Cloud is the hub's objects in Neutron.
type Cloud struct {
	NetworkID       string `json:"network_id,omitempty"`
	SubnetID        string `json:"subnet_id,omitempty"`
	RouterID        string `json:"router_id,omitempty"`
	SecurityGroupID string `json:"security_group_id,omitempty"`
}

// Etag of what was asked for.
func (h Hub) Etag() string { return etag.Of(h.UID, h.Revision) }

// Order asks for a hub.
type Order struct {
	Name            resourcename.Hub
	OrganisationUID string
	ProjectID       string
	Mode            resource.Mode
	CIDR            string
}

// Resolve turns an order into the hub to make, with the addresses it gets.
func (o Order) Resolve(uid string, b boundary.Boundary, taken []ipam.Allocation) (Hub, error) {
	if err := b.Open(); err != nil {
		return Hub{}, err
	}
	if !o.Mode.Valid() {
		return Hub{}, errs.Invalid(errs.Field("mode", "must be MUTUALIZED or DEDICATED"))
	}
	cidr, err := ipam.Choose("cidr", o.CIDR, ipam.HubSizes(), b.Network, taken)
	if err != nil {
		return Hub{}, err
	}
	return Hub{
		Meta: resource.Meta{UID: uid, Revision: 1}, Name: o.Name, OrganisationUID: o.OrganisationUID,
		ProjectID: o.ProjectID, Mode: o.Mode, CIDR: cidr, Tenant: b.Network,
	}, nil
}

// Same says whether the order asks for what is there.
func (o Order) Same(h Hub) error {
	same := o.OrganisationUID == h.OrganisationUID && o.ProjectID == h.ProjectID && o.Mode == h.Mode &&
		(o.CIDR == "" || o.CIDR == h.CIDR.String())
	if !same {
		return errs.Exists(Kind, h.Name.String()).With("organisation_uid", h.OrganisationUID).With("cidr", h.CIDR.String())
	}
	return nil
}

// InUse refuses to remove a hub that VPCs are linked to; holder is the name of one of them.
func InUse(h Hub, holder string) error {
	return errs.Failed("HUB_IN_USE", "hub %q still links %q; delete that first", h.Name, holder).With("resource", holder)
}
