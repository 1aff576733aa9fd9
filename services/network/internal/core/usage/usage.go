// Package usage is the share of quotas that each resource takes: of the tenant's, and of the Neutron project's.
// It is pure and never fails. A test compares it with the objects that the steps of a resource make.
package usage

import (
	"github.com/low-layer/platform/libs/quota/share"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// The limited resources.
const (
	Vpcs           = "vpcs"
	Peerings       = "peerings"
	Networks       = share.Networks
	Routers        = share.Routers
	Ports          = share.Ports
	SecurityGroups = share.SecurityGroups
)

// Claim is the share of a resource in one limit of a tenant or an organisation, by its name.
type Claim struct {
	Place, Resource string
	Amount          int64
}

// OfHub is the claims of a hub.
func OfHub(h hub.Hub) []Claim {
	return project(h.Name.Parent().String(), share.Hub)
}

// OfVpc is the claims of a VPC.
func OfVpc(v vpc.Vpc) []Claim {
	return append(project(v.Name.Parent().String(), share.Vpc), Claim{v.Name.Parent().Parent().String(), Vpcs, 1})
}

// OfPeering is the claims of a peering, from the time it is asked for.
func OfPeering(p peering.Peering) []Claim {
	return append(project(p.Vpc.Parent().String(), share.Peering), Claim{p.Name.Parent().String(), Peerings, 1})
}

func project(organisation string, s share.Share) []Claim {
	var out []Claim
	for _, a := range s.Amounts() {
		out = append(out, Claim{organisation, a.Limit, a.Of})
	}
	return out
}
