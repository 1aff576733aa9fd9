package reachability_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"

	r "github.com/low-layer/platform/services/network/internal/core/reachability"
)

func ip(s string) netip.Addr     { return netip.MustParseAddr(s) }
func cidr(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func host(id, network, address string, groups ...string) r.Port {
	return r.Port{ID: id, NetworkID: network, DeviceID: "vm-" + id, DeviceOwner: "compute:nova", GroupIDs: groups, Addresses: []r.Address{{SubnetID: "s-" + network, IP: ip(address)}}}
}

func joint(router, network, address string) r.Port {
	return r.Port{
		ID: router + "-" + network, NetworkID: network, DeviceID: router, DeviceOwner: "network:router_interface",
		Addresses: []r.Address{{SubnetID: "s-" + network, IP: ip(address)}},
	}
}

func lan(s *r.State, id, block, gateway string) {
	s.Networks = append(s.Networks, r.Network{ID: id})
	sub := r.Subnet{ID: "s-" + id, NetworkID: id, CIDR: cidr(block)}
	if gateway != "" {
		sub.Gateway = ip(gateway)
	}
	s.Subnets = append(s.Subnets, sub)
}

func number16(n int) *int { return &n }

// world is two networks behind two routers, which a link joins: what a hub and a VPC are.
func world() r.State {
	var s r.State
	lan(&s, "hub", "10.64.0.0/22", "10.64.0.1")
	lan(&s, "dev", "10.64.16.0/20", "10.64.16.1")
	lan(&s, "link", "100.64.0.0/30", "100.64.0.1")
	s.Ports = []r.Port{
		host("h", "hub", "10.64.0.5", "open"), host("d", "dev", "10.64.16.5", "open"),
		joint("hub-r", "hub", "10.64.0.1"), joint("hub-r", "link", "100.64.0.1"), joint("dev-r", "link", "100.64.0.2"), joint("dev-r", "dev", "10.64.16.1"),
	}
	s.Routers = []r.Router{
		{ID: "hub-r", Routes: []r.Route{{Destination: cidr("10.64.16.0/20"), NextHop: ip("100.64.0.2")}}},
		{ID: "dev-r", Routes: []r.Route{{Destination: cidr("10.64.0.0/22"), NextHop: ip("100.64.0.1")}}},
	}
	s.Groups = []r.Group{{ID: "open", Rules: []r.Rule{{ID: "out", Egress: true}, {ID: "in"}}}}
	return s
}

func portIn(s *r.State, id string) *r.Port {
	for i := range s.Ports {
		if s.Ports[i].ID == id {
			return &s.Ports[i]
		}
	}
	panic("no port " + id)
}

func TestAsk(t *testing.T) {
	fromHub, fromDev := r.End{Network: "hub", IP: ip("10.64.0.5"), Port: "h"}, r.End{Network: "dev", IP: ip("10.64.16.5"), Port: "d"}
	web, ping := r.Traffic{Protocol: r.TCP, Port: 443}, r.Traffic{Protocol: r.ICMP}
	for _, c := range []struct {
		name    string
		change  func(*r.State)
		ask     r.Question
		want    r.Verdict
		outcome r.Outcome
		rules   []string
	}{
		{"by the routes of both routers", nil, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Reachable, r.Arrived, []string{"in"}},
		{"no route", func(s *r.State) { s.Routers[0].Routes = nil }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Unroutable, r.NoRoute, nil},
		{"no way back", func(s *r.State) { s.Routers[1].Routes = nil }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.OneWay, r.Arrived, []string{"in"}},
		{
			"a route whose next hop is in no network of the router is none", func(s *r.State) { s.Routers[0].Routes[0].NextHop = ip("192.0.2.1") },
			r.Question{From: fromHub, To: fromDev, Traffic: web},
			r.Unroutable, r.NoRoute, nil,
		},
		{"nobody is the next hop", func(s *r.State) { s.Routers[0].Routes[0].NextHop = ip("100.64.0.3") }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Unroutable, r.NoNextHop, nil},
		{"the next hop is a server", func(s *r.State) {
			s.Ports = append(s.Ports, host("x", "link", "100.64.0.3"))
			s.Routers[0].Routes[0].NextHop = ip("100.64.0.3")
		}, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Unroutable, r.Astray, nil},
		{
			"round in circles", func(s *r.State) {
				s.Routers[1].Routes[0].Destination, portIn(s, "dev-r-dev").DeviceID = cidr("10.0.0.0/8"), ""
			},
			r.Question{From: fromHub, To: fromDev, Traffic: web},
			r.Unroutable, r.Loop, nil,
		},
		{"the longest prefix", func(s *r.State) {
			s.Routers[0].Routes = append(s.Routers[0].Routes, r.Route{Destination: cidr("10.64.16.5/32"), NextHop: ip("10.64.0.9")})
		}, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Unroutable, r.NoNextHop, nil},
		{"of two equal routes the good one", func(s *r.State) {
			s.Routers[0].Routes = append([]r.Route{{Destination: cidr("10.64.16.0/20"), NextHop: ip("10.64.0.9")}}, s.Routers[0].Routes...)
		}, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Reachable, r.Arrived, []string{"in"}},
		{"a router that is off", func(s *r.State) { s.Routers[1].Down = true }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Unroutable, r.Down, nil},
		{"an interface that is off", func(s *r.State) { portIn(s, "dev-r-dev").Down = true }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Unroutable, r.Down, nil},
		{"a network without a gateway", func(s *r.State) { s.Subnets[0].Gateway = netip.Addr{} }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Unroutable, r.NoRoute, nil},
		{"a route that servers are told", func(s *r.State) {
			s.Subnets[0].Gateway, s.Subnets[0].HostRoutes = netip.Addr{}, []r.Route{{Destination: cidr("10.64.16.0/20"), NextHop: ip("10.64.0.1")}}
		}, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Reachable, r.Arrived, []string{"in"}},
		{"no rule lets it out", func(s *r.State) { s.Groups[0].Rules = s.Groups[0].Rules[1:] }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.DeniedEgress, r.Arrived, []string{"in"}},
		{"no rule lets it in", func(s *r.State) { s.Groups[0].Rules = s.Groups[0].Rules[:1] }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.DeniedIngress, r.Arrived, nil},
		{"a port of another rule", func(s *r.State) {
			s.Groups[0].Rules[1] = r.Rule{ID: "in", Protocol: "6", Min: number16(22), Max: number16(80)}
		}, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.DeniedIngress, r.Arrived, nil},
		{"rules for IPv6 only", func(s *r.State) { s.Groups[0].Rules[1].IPv6 = true }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.DeniedIngress, r.Arrived, nil},
		{"the members of a group", func(s *r.State) { s.Groups[0].Rules[1].RemoteGroupID = "open" }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Reachable, r.Arrived, []string{"in"}},
		{"the members of another group", func(s *r.State) { s.Groups[0].Rules[1].RemoteGroupID = "other" }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.DeniedIngress, r.Arrived, nil},
		{"addresses that members may take", func(s *r.State) {
			s.Groups[0].Rules[1].RemoteGroupID = "other"
			s.Ports = append(s.Ports, r.Port{ID: "m", NetworkID: "dev", GroupIDs: []string{"other"}, Pairs: []netip.Prefix{cidr("10.64.0.0/24")}})
		}, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Reachable, r.Arrived, []string{"in"}},
		{"the addresses of a list", func(s *r.State) {
			s.Groups[0].Rules[1].RemoteAddressGroupID = "list"
			s.Addresses = []r.AddressGroup{{ID: "list", Prefixes: []netip.Prefix{cidr("10.64.0.5/32")}}}
		}, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Reachable, r.Arrived, []string{"in"}},
		{"port security off", func(s *r.State) { portIn(s, "d").Open, portIn(s, "d").GroupIDs = true, nil }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.Reachable, r.Arrived, nil},
		{"no group at all", func(s *r.State) { portIn(s, "d").GroupIDs = nil }, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.DeniedIngress, r.Arrived, nil},
		{"stateless, and no rule for answers", func(s *r.State) {
			s.Groups[0].Stateless, s.Groups[0].Rules[1] = true, r.Rule{ID: "in", Protocol: "tcp", Min: number16(443), Max: number16(443)}
		}, r.Question{From: fromHub, To: fromDev, Traffic: web}, r.OneWay, r.Arrived, []string{"in"}},
		{"an address that nobody has", nil, r.Question{From: fromHub, To: r.End{IP: ip("10.64.16.77")}, Traffic: web}, r.NoHost, r.Arrived, nil},
		{"a server that could be there", nil, r.Question{From: fromHub, To: r.End{Network: "dev", IP: ip("10.64.16.77"), Groups: []string{"open"}}, Traffic: web}, r.Reachable, r.Arrived, []string{"in"}},
		{
			"another's with the same address", func(s *r.State) {
				lan(s, "rival", "10.64.16.0/20", "10.64.16.1")
				s.Ports = append(s.Ports, host("v", "rival", "10.64.16.5"))
			},
			r.Question{From: fromHub, To: r.End{Network: "rival", IP: ip("10.64.16.5"), Port: "v"}, Traffic: web},
			r.Elsewhere, r.Arrived, nil,
		},
		{"a router answers pings", nil, r.Question{From: fromHub, To: r.End{IP: ip("100.64.0.2")}, Traffic: ping}, r.Reachable, r.AtRouter, nil},
		{"a router answers nothing else", nil, r.Question{From: fromHub, To: r.End{IP: ip("100.64.0.2")}, Traffic: web}, r.NoHost, r.AtRouter, nil},
		{"another router than the gateway", func(s *r.State) { s.Subnets[1].Gateway = netip.Addr{} }, r.Question{From: fromDev, To: fromHub, Traffic: web, By: "dev-r-dev"}, r.Reachable, r.Arrived, []string{"in"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := world()
			if c.change != nil {
				c.change(&s)
			}
			got := r.New(s).Ask(c.ask)
			var rules []string
			for _, m := range got.Ingress.Rules {
				rules = append(rules, m.Rule.ID)
			}
			if got.Verdict != c.want || got.Forward.Outcome != c.outcome || !reflect.DeepEqual(rules, c.rules) {
				t.Errorf("got %s %s %v, want %s %s %v\n%+v", got.Verdict, got.Forward.Outcome, rules, c.want, c.outcome, c.rules, got)
			}
		})
	}
}

// outside is world with an external network that both routers have a gateway to.
func outside() r.State {
	s := world()
	lan(&s, "ext", "203.0.113.0/24", "203.0.113.1")
	s.Networks[len(s.Networks)-1].External = true
	lan(&s, "far", "172.16.0.0/24", "172.16.0.1")
	gateway := func(router, address string) r.Port {
		p := joint(router, "ext", address)
		p.DeviceOwner = "network:router_gateway"
		return p
	}
	s.Ports = append(s.Ports, gateway("hub-r", "203.0.113.10"), gateway("far-r", "203.0.113.20"), joint("far-r", "far", "172.16.0.1"), host("f", "far", "172.16.0.5", "open"))
	s.Routers[0].Gateway = &r.Gateway{NetworkID: "ext", SNAT: true}
	s.Routers = append(s.Routers, r.Router{ID: "far-r", Gateway: &r.Gateway{NetworkID: "ext", SNAT: true}})
	return s
}

func TestGateways(t *testing.T) {
	from := r.End{Network: "hub", IP: ip("10.64.0.5"), Port: "h"}
	web := r.Traffic{Protocol: r.TCP, Port: 443}
	s := outside()
	if got := r.New(s).Ask(r.Question{From: from, To: r.End{IP: ip("198.51.100.7")}, Traffic: web}); got.Verdict != r.Unroutable || got.Forward.Outcome != r.Outside {
		t.Errorf("what leaves the cloud: %+v", got)
	}
	s.Floating = []r.FloatingIP{{ID: "fip", NetworkID: "ext", IP: ip("203.0.113.50"), RouterID: "far-r", PortID: "f", Fixed: ip("172.16.0.5")}}
	got := r.New(s).Ask(r.Question{From: from, To: r.End{IP: ip("203.0.113.50")}, Traffic: web})
	if got.Verdict != r.Reachable || got.Forward.Port.ID != "f" || got.Forward.Hidden == nil || got.Forward.Hidden.To != ip("203.0.113.10") || len(got.Forward.Hops) != 2 {
		t.Errorf("a floating address: %+v", got)
	}
	// A hidden end is known by the router's address only.
	s.Groups = append(s.Groups, r.Group{ID: "strict", Rules: []r.Rule{{ID: "from-hub", Remote: cidr("10.64.0.0/22")}}})
	portIn(&s, "f").GroupIDs = []string{"strict"}
	if got := r.New(s).Ask(r.Question{From: from, To: r.End{IP: ip("203.0.113.50")}, Traffic: web}); got.Verdict != r.DeniedIngress {
		t.Errorf("a rule for the source's own address let it in: %+v", got)
	}
}

func TestState_storedAndRead_isEqual(t *testing.T) {
	s := outside()
	s.Floating = []r.FloatingIP{{ID: "fip", NetworkID: "ext", IP: ip("203.0.113.50")}}
	s.Subnets[0].Gateway = netip.Addr{}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back r.State
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, back) {
		t.Errorf("got %+v, want %+v", back, s)
	}
}
