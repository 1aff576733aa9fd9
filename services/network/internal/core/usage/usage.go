// Package usage is the share of quotas that each resource takes: of the tenant's, and of the Neutron project's.
// It is pure and never fails. A test compares it with the objects that the steps of a resource make.
package usage

import (
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// The limited resources.
const (
	Vpcs           = "vpcs"
	Peerings       = "peerings"
	Networks       = "networks"
	Routers        = "routers"
	Ports          = "ports"
	SecurityGroups = "security_groups"
)

// Claim is the share of a resource in one limit of a tenant or an organisation, by its name.
type Claim struct {
	Place, Resource string
	Amount          int64
}

// OfHub is what a hub takes. One of the groups is that which Neutron makes in every project.
func OfHub(h hub.Hub) []Claim {
	return project(h.Name.Parent().String(), 1, 1, 1, 2)
}

// OfVpc is what a VPC takes: its network and that of its link, and a port at each end of the link and in the VPC.
func OfVpc(v vpc.Vpc) []Claim {
	return append(project(v.Name.Parent().String(), 2, 1, 3, 1), Claim{v.Name.Parent().Parent().String(), Vpcs, 1})
}

// OfPeering is what a peering takes from the day it is asked for: the link is in the project of the VPC that asks.
func OfPeering(p peering.Peering) []Claim {
	return append(project(p.Vpc.Parent().String(), 1, 0, 2, 0), Claim{p.Name.Parent().String(), Peerings, 1})
}

func project(organisation string, networks, routers, ports, groups int64) []Claim {
	return []Claim{
		{organisation, Networks, networks},
		{organisation, Routers, routers},
		{organisation, Ports, ports},
		{organisation, SecurityGroups, groups},
	}
}
