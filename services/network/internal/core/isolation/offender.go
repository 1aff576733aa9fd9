package isolation

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

const stateDeleting = resource.Deleting

// Types of offenders that the ledger knows nothing of, beside those it does.
const (
	typeShare    = "neutron.rbac_policy"
	typeFloating = "neutron.floatingip"
)

// offenders finds everything at the sites that nobody asked for and that opens something, whether or not anything gets
// through it yet.
func (j *judge) offenders() []Offender {
	var out []Offender
	for _, s := range j.sites {
		out = append(out, j.groupOffenders(s)...)
		out = append(out, j.routerOffenders(s)...)
		out = append(out, j.networkOffenders(s, s.NetworkID)...)
	}
	for network, uid := range j.wanted.links {
		if s, ok := j.owner(uid); ok {
			out = append(out, j.linkOffenders(s, network, uid)...)
		}
	}
	out = append(out, j.shareOffenders()...)
	out = append(out, j.floatingOffenders()...)
	return tidy(out)
}

func tidy(in []Offender) []Offender {
	slices.SortFunc(in, func(a, b Offender) int {
		return strings.Compare(a.Resource+" "+a.ObjectType+" "+a.ObjectID, b.Resource+" "+b.ObjectType+" "+b.ObjectID)
	})
	return slices.Compact(in)
}

// owner is the site a link belongs to: the VPC, or one end of the peering.
func (j *judge) owner(uid string) (Site, bool) {
	for _, s := range j.sites {
		if s.UID == uid || slices.ContainsFunc(j.ends[uid], func(end string) bool { return end == s.UID }) {
			return s, true
		}
	}
	return Site{}, false
}

func (j *judge) groupOffenders(s Site) []Offender {
	g, _ := j.m.Group(s.GroupID)
	var out []Offender
	for _, r := range g.Rules {
		if !r.Egress && !j.wanted.asked(j.m, g.ID, r) && !j.wanted.meanwhile(s, r) {
			out = append(out, ruleOffender(s, reachability.Match{Group: reachability.Ref{ID: g.ID, Name: g.Name}, Rule: r}))
		}
	}
	return out
}

func ruleOffender(s Site, r reachability.Match) Offender {
	return Offender{s.Resource, topology.TypeRule, r.Rule.ID, fmt.Sprintf("rule %s of security group %s lets in %s", r.Rule.ID, title(r.Group), r.Rule.Traffic())}
}

func title(r reachability.Ref) string {
	if r.Name == "" {
		return r.ID
	}
	return r.Name + " (" + r.ID + ")"
}

func (j *judge) routerOffenders(s Site) []Offender {
	r, ok := j.m.Router(s.RouterID)
	if !ok {
		return nil
	}
	var out []Offender
	for _, route := range r.Routes {
		if !j.askedRoute(r.ID, route) {
			out = append(out, routeOffender(s, r, route))
		}
	}
	if r.Gateway != nil {
		out = append(out, Offender{s.Resource, topology.TypeRouter, r.ID, fmt.Sprintf(
			"router %s has a gateway to external network %s", title(reachability.Ref{ID: r.ID, Name: r.Name}), r.Gateway.NetworkID)})
	}
	for _, p := range j.m.RouterPorts(r.ID) {
		if !j.askedPort(p) && (r.Gateway == nil || p.NetworkID != r.Gateway.NetworkID) {
			out = append(out, j.joinOffender(s, p))
		}
	}
	return out
}

func (j *judge) askedRoute(router string, r reachability.Route) bool {
	return j.wanted.routes[router][neutron.Route{Destination: r.Destination, NextHop: r.NextHop}]
}

// askedPort reports whether a router should have a port in that network.
func (j *judge) askedPort(p reachability.Port) bool {
	return j.wanted.networks[p.DeviceID][p.NetworkID]
}

func routeOffender(s Site, r reachability.Router, route reachability.Route) Offender {
	return Offender{s.Resource, topology.TypeRoute, fmt.Sprintf("%s %s via %s", r.ID, route.Destination, route.NextHop), fmt.Sprintf(
		"router %s sends %s to %s", title(reachability.Ref{ID: r.ID, Name: r.Name}), route.Destination, route.NextHop)}
}

func (j *judge) joinOffender(s Site, p reachability.Port) Offender {
	r, _ := j.m.Router(p.DeviceID)
	n, _ := j.m.Network(p.NetworkID)
	return Offender{s.Resource, topology.TypePort, p.ID, fmt.Sprintf("port %s joins router %s to network %s",
		p.ID, title(reachability.Ref{ID: p.DeviceID, Name: r.Name}), title(reachability.Ref{ID: p.NetworkID, Name: n.Name}))}
}

// networkOffenders are ports in a site's network that are somebody else's, or that nothing is checked at.
func (j *judge) networkOffenders(s Site, network string) []Offender {
	var out []Offender
	for _, p := range j.m.PortsOf(network) {
		switch {
		case p.OfRouter():
			if !j.askedPort(p) && p.DeviceID != s.RouterID {
				out = append(out, j.joinOffender(s, p))
			}
		case !p.Host():
		case p.ProjectID != s.ProjectID:
			out = append(out, portOffender(s, p, fmt.Sprintf("belongs to project %s, not to that of the organisation", p.ProjectID)))
		case p.Open:
			out = append(out, portOffender(s, p, "has port security off: it sends and takes whatever it likes, from any address"))
		default:
			if pair, other, ok := j.strayPair(s, p); ok {
				out = append(out, portOffender(s, p, fmt.Sprintf("may take %s, addresses of %s", pair, other)))
			}
		}
	}
	return out
}

func portOffender(s Site, p reachability.Port, what string) Offender {
	name := "port " + title(reachability.Ref{ID: p.ID, Name: p.Name})
	if p.DeviceID != "" {
		name += " of server " + p.DeviceID
	}
	return Offender{s.Resource, topology.TypePort, p.ID, name + " " + what}
}

// strayPair is an address pair by which a server could pass for one of another network of its tenant.
func (j *judge) strayPair(s Site, p reachability.Port) (netip.Prefix, string, bool) {
	for _, pair := range p.Pairs {
		for _, other := range j.sites {
			if other.Tenant == s.Tenant && other.UID != s.UID && other.CIDR.Overlaps(pair) {
				return pair, other.Resource, true
			}
		}
	}
	return netip.Prefix{}, "", false
}

// linkOffenders are ports on the link between two routers that are neither router's.
func (j *judge) linkOffenders(s Site, network, uid string) []Offender {
	var out []Offender
	for _, p := range j.m.PortsOf(network) {
		switch {
		case p.OfRouter() && !j.askedPort(p):
			// That of a router of ours is told where the router is.
			if _, ours := j.routers[p.DeviceID]; !ours {
				out = append(out, j.joinOffender(s, p))
			}
		case p.Host() && !strings.HasSuffix(p.Name, "-"+uid):
			out = append(out, portOffender(s, p, "is on the link between two routers"))
		}
	}
	return out
}

func (j *judge) shareOffenders() []Offender {
	var out []Offender
	for _, sh := range j.state.Shares {
		s, ok := j.byNetwork[sh.ObjectID]
		if uid := j.wanted.links[sh.ObjectID]; !ok && uid != "" {
			s, ok = j.owner(uid)
		}
		if ok && sh.ObjectType == "network" && sh.Target != s.ProjectID {
			out = append(out, Offender{s.Resource, typeShare, sh.ID, fmt.Sprintf("policy %s lets project %s put ports in network %s (%s)", sh.ID, sh.Target, sh.ObjectID, sh.Action)})
		}
	}
	return out
}

func (j *judge) floatingOffenders() []Offender {
	var out []Offender
	for _, f := range j.state.Floating {
		p, _ := j.m.Port(f.PortID)
		if s, ok := j.byNetwork[p.NetworkID]; ok && f.PortID != "" {
			out = append(out, Offender{s.Resource, typeFloating, f.ID, fmt.Sprintf("floating address %s leads from external network %s to port %s", f.IP, f.NetworkID, f.PortID)})
		}
	}
	return out
}
