// Package peering is the rules of routes between two VPCs of a tenant: one asks, the other accepts, either ends it. Its
// rules fail with errs.Error and touch nothing.
package peering

import (
	"net/netip"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Kind is the name of peerings in operations and the ledger.
const Kind = "peering"

// Acceptance is where a request stands.
type Acceptance string

// The acceptances.
const (
	Pending  Acceptance = "PENDING"
	Accepted Acceptance = "ACCEPTED"
)

// Peering is a route between two VPCs.
type Peering struct {
	resource.Meta
	Name       resourcename.Peering
	Vpc, Peer  resourcename.Vpc
	VpcUID     string
	PeerUID    string
	Acceptance Acceptance
	// Link is the network between the two routers: its first address is that of the VPC that asked.
	Link netip.Prefix
}

// Etag of what was asked for.
func (p Peering) Etag() string { return etag.Of(p.UID, p.Revision) }

// Order asks for a peering.
type Order struct {
	Name      resourcename.Peering
	Vpc, Peer resourcename.Vpc
}

// Validate refuses ends that could never be peered.
func (o Order) Validate() error {
	var bad errs.Fields
	if o.Vpc.Tenant != o.Name.Tenant {
		bad.Add("peering.vpc", "%q is not of tenant %q; name a VPC of that tenant", o.Vpc, o.Name.Tenant)
	}
	if o.Peer.Tenant != o.Name.Tenant {
		bad.Add("peering.peer_vpc", "%q is not of tenant %q; name a VPC of that tenant", o.Peer, o.Name.Tenant)
	}
	if o.Vpc == o.Peer {
		bad.Add("peering.peer_vpc", "is the same VPC as peering.vpc; name another one")
	}
	return bad.Err()
}

// Rivals refuses an order beside another peering, by its name, that has its name or its pair of VPCs; an empty name is none.
func (o Order) Rivals(other string) error {
	switch other {
	case "":
		return nil
	case o.Name.String():
		return errs.Exists(Kind, other)
	default:
		return errs.New(errs.AlreadyExists, "PEERING_EXISTS", "%q and %q are peered already by %q; use that, or delete it first", o.Vpc, o.Peer, other).
			With("resource", other)
	}
}

// Resolve turns an order into the peering to make, with the link it gets.
func (o Order) Resolve(uid string, a, b vpc.Vpc, taken []ipam.Allocation) (Peering, error) {
	if err := a.Usable(); err != nil {
		return Peering{}, err
	}
	if err := b.Usable(); err != nil {
		return Peering{}, err
	}
	link, err := ipam.ChooseLink(ipam.PeeringSpace(), taken)
	if err != nil {
		return Peering{}, err
	}
	return Peering{
		Meta: resource.Meta{UID: uid, Revision: 1}, Name: o.Name, Vpc: o.Vpc, Peer: o.Peer, VpcUID: a.UID, PeerUID: b.UID,
		Acceptance: Pending, Link: link,
	}, nil
}

// Accept returns the peering as accepted.
func (p Peering) Accept() (Peering, error) {
	if p.Status.State == resource.Deleting {
		return Peering{}, errs.NotFound(Kind, p.Name.String())
	}
	if p.Acceptance != Pending {
		return Peering{}, errs.Failed("PEERING_NOT_PENDING", "%q was accepted before; nothing is left to accept", p.Name).
			With("resource", p.Name.String())
	}
	p.Acceptance = Accepted
	p.Revision++
	return p, nil
}
