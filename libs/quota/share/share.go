// Package share is the one place of the amounts that hubs, VPCs and peerings take of the limits of their Neutron project. It is pure.
//
// The tenant service checks orders with it, the network service reserves quotas with it. A test of the network service compares it
// with the objects that the steps make.
package share

import (
	"fmt"
	"strings"
)

// The limits of a project that the platform's own objects count in.
const (
	Networks       = "networks"
	Routers        = "routers"
	Ports          = "ports"
	SecurityGroups = "security_groups"
)

// Share is the amount of each limit.
type Share struct{ Networks, Routers, Ports, SecurityGroups int64 }

var (
	// Hub has two security groups: its own, and the one that Neutron makes in every project.
	Hub = Share{Networks: 1, Routers: 1, Ports: 1, SecurityGroups: 2}
	// Vpc has its own network and that of its link, with a port at each end of the link and one in the VPC.
	Vpc = Share{Networks: 2, Routers: 1, Ports: 3, SecurityGroups: 1}
	// Peering has a link, in the project of the VPC that asks for it.
	Peering = Share{Networks: 1, Ports: 2}
)

// Amount is the amount of one limit.
type Amount struct {
	Limit string
	Of    int64
}

// Amounts lists the limits in their order, also those of which nothing is taken.
func (s Share) Amounts() []Amount {
	return []Amount{{Networks, s.Networks}, {Routers, s.Routers}, {Ports, s.Ports}, {SecurityGroups, s.SecurityGroups}}
}

// Values is the SQL of a VALUES list of limits and amounts, without those of which nothing is taken.
func (s Share) Values() string {
	var rows []string
	for _, a := range s.Amounts() {
		if a.Of != 0 {
			rows = append(rows, fmt.Sprintf("('%s', %d::bigint)", a.Limit, a.Of))
		}
	}
	return "(VALUES " + strings.Join(rows, ", ") + ")"
}
