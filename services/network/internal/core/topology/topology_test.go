package topology_test

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/topology"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

func dev() vpc.Vpc {
	return vpc.Vpc{
		ProjectID: "p", CIDR: netip.MustParsePrefix("10.64.16.0/20"), Transit: netip.MustParsePrefix("100.64.0.4/30"),
		HubCIDR: netip.MustParsePrefix("10.64.0.0/22"),
	}
}

func TestRoutes_leadToTheHubAndBack(t *testing.T) {
	v := dev()
	if r := topology.VpcRoute(v); r.Destination != v.HubCIDR || r.NextHop.String() != "100.64.0.5" {
		t.Errorf("got %v", r)
	}
	if r := topology.HubRoute(v); r.Destination != v.CIDR || r.NextHop.String() != "100.64.0.6" {
		t.Errorf("got %v", r)
	}
	p := peering.Peering{Link: netip.MustParsePrefix("100.65.0.0/30")}
	a, b := topology.PeeringRoutes(p, v.CIDR, netip.MustParsePrefix("10.64.32.0/20"))
	if a.Destination.String() != "10.64.32.0/20" || a.NextHop.String() != "100.65.0.2" || b.Destination != v.CIDR || b.NextHop.String() != "100.65.0.1" {
		t.Errorf("got %v, %v", a, b)
	}
}

func TestVpcRules_neverRepeatTraffic(t *testing.T) {
	v := dev()
	v.Ingress = []vpc.IngressRule{
		{Name: "web", Protocol: vpc.TCP, PortMin: 443, PortMax: 443, Source: netip.MustParsePrefix("0.0.0.0/0")},
		{Name: "again", Source: v.CIDR},
	}
	rules := topology.VpcRules(v)
	if len(rules) != 5 {
		t.Errorf("got %d rules, want both egress, vpc, bastion and web: %+v", len(rules), rules)
	}
	for i, r := range rules {
		for _, other := range rules[i+1:] {
			if r.Traffic() == other.Traffic() {
				t.Errorf("%+v and %+v let the same traffic through", r, other)
			}
		}
	}
}

func TestHubRules_openOnlyTheBastionsPorts(t *testing.T) {
	h := hub.Hub{CIDR: netip.MustParsePrefix("10.64.0.0/22"), Tenant: netip.MustParsePrefix("10.64.0.0/12")}
	var ports []int
	for _, r := range topology.HubRules(h) {
		if r.Direction == neutron.Ingress && r.Remote == h.Tenant && r.Protocol == "tcp" {
			ports = append(ports, r.PortMin)
		}
	}
	if !slices.Equal(ports, []int{443, 6443, 8132, 8200}) {
		t.Errorf("got ports %v", ports)
	}
}

// For any group, removing the surplus and adding the missing makes it what is wanted.
func TestCompareRulesConverges(t *testing.T) {
	rule := rapid.Custom(func(t *rapid.T) neutron.Rule {
		return neutron.Rule{
			ID: rapid.StringMatching("[a-z]{6}").Draw(t, "id"), Direction: neutron.Ingress, EtherType: "IPv4",
			Description: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "description"),
			Protocol:    rapid.SampledFrom([]string{"", "tcp"}).Draw(t, "protocol"),
			PortMin:     rapid.IntRange(0, 2).Draw(t, "port"),
		}
	})
	key := func(r neutron.Rule) neutron.Rule { r.ID = ""; return r }
	rapid.Check(t, func(t *rapid.T) {
		have := rapid.SliceOfN(rule, 0, 8).Draw(t, "have")
		want := rapid.SliceOfNDistinct(rule, 0, 8, key).Draw(t, "want")
		missing, surplus := topology.CompareRules(have, want, func(neutron.Rule) bool { return false })
		var result []neutron.Rule
		left := slices.Clone(surplus)
		for _, h := range have {
			if i := slices.Index(left, h); i >= 0 {
				left = slices.Delete(left, i, i+1)
				continue
			}
			result = append(result, key(h))
		}
		for _, m := range missing {
			result = append(result, key(m))
		}
		if len(result) != len(want) {
			t.Fatalf("%v becomes %v, want %v", have, result, want)
		}
		for _, w := range want {
			if !slices.Contains(result, key(w)) {
				t.Fatalf("%v becomes %v, without %v", have, result, w)
			}
		}
	})
}

// A rule that a VPC and a peering both ask for is one rule, whoever made it, and goes when neither needs it any more.
func TestSharedRule(t *testing.T) {
	v, other := dev(), netip.MustParsePrefix("10.64.32.0/20")
	v.Ingress = []vpc.IngressRule{{Name: "peer", Source: other}}
	with := topology.VpcRules(v)
	v.Ingress = nil
	without := topology.VpcRules(v)
	p := peering.Peering{Acceptance: peering.Accepted}
	p.UID = "peer_1"
	peers := append(slices.Clone(without), topology.PeeringRule(p.UID, "p", other))
	needs := func(r neutron.Rule) bool { return topology.PeeringNeeds(p, other, r) }
	pending := p
	pending.Acceptance = peering.Pending
	nobody := func(neutron.Rule) bool { return false }
	byHand := append(slices.Clone(without), neutron.Rule{Direction: neutron.Ingress, EtherType: "IPv4", Remote: other})
	for name, c := range map[string]struct {
		have, want       []neutron.Rule
		keep             func(neutron.Rule) bool
		missing, surplus int
	}{
		"the peering's is enough for the VPC":      {peers, with, needs, 0, 0},
		"also once the peering is gone":            {peers, with, nobody, 0, 0},
		"the VPC's stays for the peering":          {with, without, needs, 0, 0},
		"but not for one that was not accepted":    {with, without, func(r neutron.Rule) bool { return topology.PeeringNeeds(pending, other, r) }, 0, 1},
		"the peering's goes when neither needs it": {peers, without, nobody, 0, 1},
		"one made by hand is nobody's":             {byHand, with, needs, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			missing, surplus := topology.CompareRules(c.have, c.want, c.keep)
			if len(missing) != c.missing || len(surplus) != c.surplus {
				t.Errorf("missing %v, surplus %v", missing, surplus)
			}
		})
	}
}

func TestDefaultRoute_isAnywhere(t *testing.T) {
	a := neutron.Rule{Remote: netip.MustParsePrefix("0.0.0.0/0")}
	if a.Traffic() != (neutron.Rule{}).Traffic() {
		t.Error("0.0.0.0/0 and no prefix at all are the same traffic")
	}
}
