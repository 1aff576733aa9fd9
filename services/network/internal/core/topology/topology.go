// Package topology is what a network of LOW-LAYER looks like: which rules each security group holds, and which routes each
// router. Provisioning makes it so and drift is judged by it. It is pure and never fails.
//
// The hub router knows the way to every VPC, a VPC router only the way to the hub and to the VPCs it is peered with: so
// the bastion and a VPC reach one another, and two VPCs do not.
package topology

import (
	"net/netip"
	"slices"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

const (
	etherIPv4 = "IPv4"
	etherIPv6 = "IPv6"
)

// hubPorts are those VPCs may open connections to: the bastion's consoles, Kubernetes control planes and their tunnels,
// and OpenBao.
func hubPorts() []int { return []int{443, 6443, 8132, 8200} }

// HubRules are the rules of a hub's security group.
func HubRules(h hub.Hub) []neutron.Rule {
	rules := append(egress(h.ProjectID),
		allow(h.ProjectID, naming.AllowDescription("hub"), "", 0, 0, h.CIDR),
		allow(h.ProjectID, naming.AllowDescription("tenant-icmp"), "icmp", 0, 0, h.Tenant))
	for _, port := range hubPorts() {
		rules = append(rules, allow(h.ProjectID, naming.AllowDescription("tenant-tcp"), "tcp", port, port, h.Tenant))
	}
	return rules
}

// VpcRules are the rules of a VPC's security group: the VPC itself, the hub, and what the caller allows by name.
func VpcRules(v vpc.Vpc) []neutron.Rule {
	rules := append(egress(v.ProjectID),
		allow(v.ProjectID, naming.AllowDescription("vpc"), "", 0, 0, v.CIDR),
		allow(v.ProjectID, naming.AllowDescription("bastion"), "", 0, 0, v.HubCIDR))
	for _, r := range v.Ingress {
		rule := allow(v.ProjectID, naming.IngressDescription(r.Name), string(r.Protocol), r.PortMin, r.PortMax, r.Source)
		// A cloud holds no two rules for the same traffic: what is allowed already needs no second one.
		if !Holds(rules, rule) {
			rules = append(rules, rule)
		}
	}
	return rules
}

// PeeringRule lets the other end of a peering in to a VPC.
func PeeringRule(uid, project string, other netip.Prefix) neutron.Rule {
	return allow(project, naming.PeeringDescription(uid), "", 0, 0, other)
}

// PeeringNeeds reports the rules in the group of a VPC that a peering needs: its own, and once it is accepted any other of ours
// that lets the same traffic in. A group holds no two rules for one traffic, so a rule of the VPC's own that says the same
// as the peering's is the one both rely on, and stays as long as either does.
func PeeringNeeds(p peering.Peering, other netip.Prefix, r neutron.Rule) bool {
	if r.Description == naming.PeeringDescription(p.UID) {
		return true
	}
	return p.Acceptance == peering.Accepted && naming.OurRule(r.Description) && r.Traffic() == PeeringRule(p.UID, "", other).Traffic()
}

// HubRoutes are the routes of a hub router: one to each VPC, over its link.
func HubRoutes(vpcs []vpc.Vpc) []neutron.Route {
	routes := make([]neutron.Route, len(vpcs))
	for i, v := range vpcs {
		routes[i] = HubRoute(v)
	}
	return routes
}

// HubRoute is the hub router's way to a VPC.
func HubRoute(v vpc.Vpc) neutron.Route {
	return neutron.Route{Destination: v.CIDR, NextHop: ipam.Host(v.Transit, 2)}
}

// VpcRoute is a VPC router's way to the hub, and to nothing behind it.
func VpcRoute(v vpc.Vpc) neutron.Route {
	return neutron.Route{Destination: v.HubCIDR, NextHop: ipam.Host(v.Transit, 1)}
}

// PeeringRoutes are the ways of both routers of a peering to the other's VPC.
func PeeringRoutes(p peering.Peering, vpcCIDR, peerCIDR netip.Prefix) (ofVpc, ofPeer neutron.Route) {
	return neutron.Route{Destination: peerCIDR, NextHop: ipam.Host(p.Link, 2)},
		neutron.Route{Destination: vpcCIDR, NextHop: ipam.Host(p.Link, 1)}
}

func allow(project, description, protocol string, portMin, portMax int, from netip.Prefix) neutron.Rule {
	return neutron.Rule{
		ProjectID: project, Description: description, Direction: neutron.Ingress, EtherType: etherIPv4,
		Protocol: protocol, PortMin: portMin, PortMax: portMax, Remote: from,
	}
}

// egress are the rules Neutron gives every group: all out.
func egress(project string) []neutron.Rule {
	rule := neutron.Rule{ProjectID: project, Description: naming.EgressDescription, Direction: neutron.Egress, EtherType: etherIPv4}
	six := rule
	six.EtherType = etherIPv6
	return []neutron.Rule{rule, six}
}

// Holds reports whether rules let the traffic of a rule through.
func Holds(rules []neutron.Rule, rule neutron.Rule) bool {
	for _, r := range rules {
		if r.Traffic() == rule.Traffic() {
			return true
		}
	}
	return false
}

// CompareRules returns the wanted rules that are missing, and the present ones that are not wanted. A rule is the wanted one
// when it lets the same traffic through under the same description; rules that let traffic out need no description, and one
// that a peering made does as well, whether or not the peering is still there.
func CompareRules(have, want []neutron.Rule, keep func(neutron.Rule) bool) (missing, surplus []neutron.Rule) {
	left := slices.Clone(have)
	for _, w := range want {
		i := slices.IndexFunc(left, func(h neutron.Rule) bool {
			return h.Traffic() == w.Traffic() &&
				(w.Direction == neutron.Egress || h.Description == w.Description || naming.PeeringRule(h.Description))
		})
		if i < 0 {
			missing = append(missing, w)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, h := range left {
		if !keep(h) {
			surplus = append(surplus, h)
		}
	}
	return missing, surplus
}
