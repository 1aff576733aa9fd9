// Package vpc is the rules of VPC environments: what may be asked for, what may change later, and what a VPC is resolved to.
// Its rules fail with errs.Error that names every field at fault, and touch nothing.
package vpc

import (
	"net/netip"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
)

// Kind is the name of VPCs in operations and the ledger.
const Kind = "vpc"

// Vpc is one environment of an organisation.
type Vpc struct {
	resource.Meta
	Name        resourcename.Vpc
	DisplayName string
	Labels      map[string]string
	Mode        resource.Mode
	CIDR        netip.Prefix
	// Transit is the link to the hub: its first address is the hub router's, its second the VPC router's.
	Transit netip.Prefix
	Ingress []IngressRule
	// ProjectID is the Keystone project of the organisation, HubCIDR the network of its hub.
	ProjectID string
	HubCIDR   netip.Prefix
	// Protected refuses its deletion, and that of its organisation and tenant.
	Protected bool
	Cloud     Cloud
}

// Cloud is the VPC's objects in Neutron.
type Cloud struct {
	NetworkID        string `json:"network_id,omitempty"`
	SubnetID         string `json:"subnet_id,omitempty"`
	RouterID         string `json:"router_id,omitempty"`
	TransitNetworkID string `json:"transit_network_id,omitempty"`
	SecurityGroupID  string `json:"security_group_id,omitempty"`
}

// Etag of what was asked for.
func (v Vpc) Etag() string { return etag.Of(v.UID, v.Revision) }

// Order asks for a VPC.
type Order struct {
	Name        resourcename.Vpc
	DisplayName string
	Labels      map[string]string
	// Mode is empty for that of the organisation.
	Mode resource.Mode
	// CIDR is empty for one that is chosen.
	CIDR      string
	Ingress   []IngressRule
	Protected bool
}

// Resolve turns an order into the VPC to make, with the addresses it gets.
func (o Order) Resolve(uid string, b boundary.Boundary, h hub.Hub, taken []ipam.Allocation) (Vpc, error) {
	if err := h.Open(); err != nil {
		return Vpc{}, err
	}
	if err := b.Open(); err != nil {
		return Vpc{}, err
	}
	cidr, err := ipam.Choose("vpc.cidr", o.CIDR, ipam.VpcSizes(), b.Network, taken)
	if err != nil {
		return Vpc{}, err
	}
	transit, err := ipam.ChooseLink(ipam.TransitSpace(), taken)
	if err != nil {
		return Vpc{}, err
	}
	mode := o.Mode
	if mode == "" {
		mode = h.Mode
	}
	return Vpc{
		Meta: resource.Meta{UID: uid, Revision: 1}, Name: o.Name, DisplayName: o.DisplayName, Labels: o.Labels, Mode: mode,
		CIDR: cidr, Transit: transit, Ingress: o.Ingress, ProjectID: h.ProjectID, HubCIDR: h.CIDR,
		Protected: o.Protected,
	}, nil
}

// Usable refuses a VPC that is going as the end of something new.
func (v Vpc) Usable() error {
	if v.Status.State == resource.Deleting {
		return errs.NotFound("vpc", v.Name.String())
	}
	return nil
}

// Deletable refuses to delete a VPC that is protected.
func (v Vpc) Deletable() error {
	if v.Protected {
		return errs.Protected(v.Name.String())
	}
	return nil
}

// Peered refuses to delete a VPC that is peered; peering is the name of one of its peerings.
func Peered(v Vpc, peering string) error {
	return errs.Failed("VPC_PEERED", "%q is peered by %q; delete that peering first", v.Name, peering).With("resource", peering)
}
