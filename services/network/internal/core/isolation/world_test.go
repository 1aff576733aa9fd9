package isolation_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
	"github.com/low-layer/platform/services/network/internal/core/topology"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func cidr(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func ip(s string) netip.Addr     { return netip.MustParseAddr(s) }

// world is an intent, and the state of a cloud that holds exactly what the intent asks for.
type world struct {
	intent isolation.Intent
	state  reachability.State
	links  int
}

// newWorld holds the organisations acme/core with the VPCs dev and prod, and globex/core with the VPC dev. The tenants have the
// same addresses.
func newWorld() *world {
	w := &world{}
	for _, tenant := range []string{"acme", "globex"} {
		w.hub(tenant)
	}
	w.vpc("acme", "dev", "10.64.16.0/20")
	w.vpc("acme", "prod", "10.64.32.0/20")
	w.vpc("globex", "dev", "10.64.16.0/20")
	return w
}

func resourceOf(tenant, name string) string {
	if name == "hub" {
		return "tenants/" + tenant + "/organisations/core/hub"
	}
	return "tenants/" + tenant + "/organisations/core/vpcs/" + name
}

func (w *world) hub(tenant string) {
	h := hub.Hub{
		Meta: resource.Meta{UID: "hub_" + tenant, Revision: 1, Status: resource.Status{State: resource.Active}}, ProjectID: "p-" + tenant,
		Mode: resource.Dedicated, CIDR: cidr("10.64.0.0/22"), Tenant: cidr("10.64.0.0/12"),
		Cloud: hub.Cloud{NetworkID: tenant + "-hub", RouterID: tenant + "-hub-r", SecurityGroupID: tenant + "-hub-g"},
	}
	h.Name.Tenant, h.Name.Organisation = tenant, "core"
	w.intent.Hubs = append(w.intent.Hubs, h)
	w.network(h.Cloud.NetworkID, h.ProjectID, h.CIDR)
	w.state.Routers = append(w.state.Routers, reachability.Router{ID: h.Cloud.RouterID, ProjectID: h.ProjectID})
	w.join(h.Cloud.RouterID, h.Cloud.NetworkID, ipam.Host(h.CIDR, 1))
	w.group(h.Cloud.SecurityGroupID, h.ProjectID, topology.HubRules(h))
}

func (w *world) vpc(tenant, name, block string) vpc.Vpc {
	h := w.hubOf(tenant)
	id := tenant + "-" + name
	v := vpc.Vpc{
		Meta: resource.Meta{UID: "vpc_" + id, Revision: 1, Status: resource.Status{State: resource.Active}}, ProjectID: h.ProjectID,
		CIDR: cidr(block), Transit: w.link("100.64.0.0"), HubCIDR: h.CIDR,
		Cloud: vpc.Cloud{NetworkID: id, RouterID: id + "-r", SecurityGroupID: id + "-g", TransitNetworkID: id + "-transit"},
	}
	v.Name.Tenant, v.Name.Organisation, v.Name.Vpc = tenant, "core", name
	w.intent.Vpcs = append(w.intent.Vpcs, v)
	w.network(id, v.ProjectID, v.CIDR)
	w.network(v.Cloud.TransitNetworkID, v.ProjectID, v.Transit)
	w.state.Routers = append(w.state.Routers, reachability.Router{ID: v.Cloud.RouterID, ProjectID: v.ProjectID})
	w.join(v.Cloud.RouterID, id, ipam.Host(v.CIDR, 1))
	w.join(h.Cloud.RouterID, v.Cloud.TransitNetworkID, ipam.Host(v.Transit, 1))
	w.join(v.Cloud.RouterID, v.Cloud.TransitNetworkID, ipam.Host(v.Transit, 2))
	w.route(h.Cloud.RouterID, topology.HubRoute(v))
	w.route(v.Cloud.RouterID, topology.VpcRoute(v))
	w.group(v.Cloud.SecurityGroupID, v.ProjectID, topology.VpcRules(v))
	return v
}

// peer peers two VPCs of a tenant. A pending peering makes nothing.
func (w *world) peer(a, b vpc.Vpc, acceptance peering.Acceptance) peering.Peering {
	p := peering.Peering{
		Meta: resource.Meta{UID: strings.ReplaceAll("peer_"+a.UID+b.UID, "-", "_"), Revision: 1, Status: resource.Status{State: resource.Active}}, Vpc: a.Name, Peer: b.Name,
		VpcUID: a.UID, PeerUID: b.UID, Acceptance: acceptance, Link: w.link("100.65.0.0"),
	}
	p.Name.Tenant, p.Name.Peering = a.Name.Tenant, a.Name.Vpc+"-"+b.Name.Vpc
	w.intent.Peerings = append(w.intent.Peerings, p)
	if acceptance != peering.Accepted {
		return p
	}
	network := "ll-link-" + p.UID
	w.network(network, a.ProjectID, p.Link)
	w.join(a.Cloud.RouterID, network, ipam.Host(p.Link, 1))
	w.join(b.Cloud.RouterID, network, ipam.Host(p.Link, 2))
	ofVpc, ofPeer := topology.PeeringRoutes(p, a.CIDR, b.CIDR)
	w.route(a.Cloud.RouterID, ofVpc)
	w.route(b.Cloud.RouterID, ofPeer)
	w.rule(a.Cloud.SecurityGroupID, topology.PeeringRule(p.UID, a.ProjectID, b.CIDR))
	w.rule(b.Cloud.SecurityGroupID, topology.PeeringRule(p.UID, b.ProjectID, a.CIDR))
	return p
}

func (w *world) hubOf(tenant string) hub.Hub {
	return w.intent.Hubs[slices.IndexFunc(w.intent.Hubs, func(h hub.Hub) bool { return h.Name.Tenant == tenant })]
}

func (w *world) vpcOf(tenant, name string) *vpc.Vpc {
	return &w.intent.Vpcs[slices.IndexFunc(w.intent.Vpcs, func(v vpc.Vpc) bool { return v.Name.Tenant == tenant && v.Name.Vpc == name })]
}

// link is the next /30 of a space.
func (w *world) link(space string) netip.Prefix {
	raw := ip(space).As4()
	raw[2], raw[3] = byte(w.links/64), byte(w.links%64*4)
	w.links++
	return netip.PrefixFrom(netip.AddrFrom4(raw), 30)
}

func (w *world) network(id, project string, block netip.Prefix) {
	w.state.Networks = append(w.state.Networks, reachability.Network{ID: id, Name: id, ProjectID: project})
	w.state.Subnets = append(w.state.Subnets, reachability.Subnet{ID: "s-" + id, NetworkID: id, CIDR: block, Gateway: ipam.Host(block, 1)})
}

func (w *world) join(router, network string, at netip.Addr) {
	w.state.Ports = append(w.state.Ports, reachability.Port{
		ID: router + "@" + network, NetworkID: network, DeviceID: router, DeviceOwner: "network:router_interface",
		Addresses: []reachability.Address{{SubnetID: "s-" + network, IP: at}},
	})
}

func (w *world) router(id string) *reachability.Router {
	return &w.state.Routers[slices.IndexFunc(w.state.Routers, func(r reachability.Router) bool { return r.ID == id })]
}

func (w *world) route(router string, r neutron.Route) {
	at := w.router(router)
	at.Routes = append(at.Routes, reachability.Route{Destination: r.Destination, NextHop: r.NextHop})
}

func (w *world) group(id, project string, rules []neutron.Rule) {
	w.state.Groups = append(w.state.Groups, reachability.Group{ID: id, ProjectID: project})
	for _, r := range rules {
		w.rule(id, r)
	}
}

func (w *world) groupOf(id string) *reachability.Group {
	return &w.state.Groups[slices.IndexFunc(w.state.Groups, func(g reachability.Group) bool { return g.ID == id })]
}

func (w *world) rule(group string, r neutron.Rule) string {
	g := w.groupOf(group)
	rule := reachability.Rule{
		ID: fmt.Sprintf("%s-%d", group, len(g.Rules)), Description: r.Description, Egress: r.Direction == neutron.Egress, IPv6: r.EtherType == "IPv6",
		Protocol: r.Protocol, Remote: r.Remote,
	}
	if r.PortMin != 0 {
		rule.Min, rule.Max = &r.PortMin, &r.PortMax
	}
	g.Rules = append(g.Rules, rule)
	return rule.ID
}

// server is a port of a server in a network.
func (w *world) server(network, project, address string, groups ...string) *reachability.Port {
	w.state.Ports = append(w.state.Ports, reachability.Port{
		ID: "port-" + address, NetworkID: network, ProjectID: project, DeviceID: "vm-" + address, DeviceOwner: "compute:nova", GroupIDs: groups,
		Addresses: []reachability.Address{{SubnetID: "s-" + network, IP: ip(address)}},
	})
	return &w.state.Ports[len(w.state.Ports)-1]
}

// judge judges the state by the intent.
func (w *world) judge() map[string]isolation.Report {
	_, reports := isolation.Judge(noon, w.state, w.intent, w.intent)
	return byTenant(reports)
}

func byTenant(reports []isolation.Report) map[string]isolation.Report {
	out := map[string]isolation.Report{}
	for _, r := range reports {
		out[r.Tenant] = r
	}
	return out
}

func pairOf(t testing.TB, r isolation.Report, from, to string) isolation.Pair {
	t.Helper()
	for _, p := range r.Pairs {
		if p.Source == from && p.Destination == to {
			return p
		}
	}
	t.Fatalf("no pair %s to %s among %d", from, to, len(r.Pairs))
	return isolation.Pair{}
}

func offenders(r isolation.Report) []string {
	seen := map[string]bool{}
	for _, o := range r.Offenders {
		seen[o.ObjectType+" "+o.ObjectID] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
