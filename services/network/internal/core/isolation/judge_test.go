package isolation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

func TestJudge_cloudAsAskedFor_isVerified(t *testing.T) {
	t.Parallel()
	w := newWorld()
	reports := w.judge()
	for tenant, want := range map[string]struct{ pairs, reachable int }{"acme": {6, 4}, "globex": {2, 2}, "": {20, 6}} {
		r := reports[tenant]
		if r.Verdict != isolation.Verified || r.PairCount != want.pairs || r.Reachable != want.reachable || len(r.Offenders) != 0 {
			t.Errorf("%q: %s, %d pairs, %d reachable, offenders %v; want VERIFIED and %+v", tenant, r.Verdict, r.PairCount, r.Reachable, r.Offenders, want)
		}
	}
	acme := reports["acme"]
	for pair, traffic := range map[[2]string]string{{"hub", "dev"}: "all", {"dev", "hub"}: "icmp tcp:443 tcp:6443 tcp:8132 tcp:8200", {"dev", "prod"}: ""} {
		p := pairOf(t, acme, resourceOf("acme", pair[0]), resourceOf("acme", pair[1]))
		if got := strings.Join(p.Observed, " "); got != traffic || strings.Join(p.Expected, " ") != traffic || p.Verdict != isolation.Verified {
			t.Errorf("%v: observed %q, expected %q, %s; want %q", pair, got, p.Expected, p.Verdict, traffic)
		}
	}
	if got := reports[""].Tenants; len(got) != 2 || got[0].Tenant != "acme" || got[1].Verdict != isolation.Verified {
		t.Errorf("summaries %+v", got)
	}
}

func TestJudge_peering(t *testing.T) {
	t.Parallel()
	for acceptance, want := range map[peering.Acceptance]string{peering.Accepted: "all", peering.Pending: ""} {
		w := newWorld()
		w.peer(*w.vpcOf("acme", "dev"), *w.vpcOf("acme", "prod"), acceptance)
		r := w.judge()["acme"]
		p := pairOf(t, r, resourceOf("acme", "dev"), resourceOf("acme", "prod"))
		if r.Verdict != isolation.Verified || strings.Join(p.Observed, " ") != want {
			t.Errorf("%s: %s, observed %q, offenders %v", acceptance, r.Verdict, p.Observed, r.Offenders)
		}
	}
}

// Each case changes one thing in a cloud that is as asked for.
func TestJudge_tamperedCloud_isViolated(t *testing.T) {
	t.Parallel()
	dev, prod, hubs := resourceOf("acme", "dev"), resourceOf("acme", "prod"), resourceOf("acme", "hub")
	for name, c := range map[string]struct {
		tamper func(w *world)
		// from and to are the pair that is violated, empty for none.
		from, to string
		cut      bool
		offender string
		says     string
	}{
		"rule for the world": {
			func(w *world) {
				w.groupOf("acme-dev-g").Rules = append(w.groupOf("acme-dev-g").Rules, reachability.Rule{ID: "evil"})
			},
			"", "", false, "neutron.security_group_rule evil", "lets in",
		},
		"wider port": {
			func(w *world) {
				low, high := 440, 443
				w.groupOf("acme-hub-g").Rules = append(w.groupOf("acme-hub-g").Rules, reachability.Rule{ID: "wide", Protocol: "tcp", Min: &low, Max: &high, Remote: cidr("10.64.0.0/12")})
			}, dev, hubs, false, "neutron.security_group_rule wide", "tcp:440-442",
		},
		"routes between two VPCs": {
			func(w *world) {
				d, p := w.vpcOf("acme", "dev"), w.vpcOf("acme", "prod")
				w.route(d.Cloud.RouterID, neutron.Route{Destination: p.CIDR, NextHop: ip("100.64.0.1")})
				w.route(p.Cloud.RouterID, neutron.Route{Destination: d.CIDR, NextHop: ip("100.64.0.5")})
				w.rule(p.Cloud.SecurityGroupID, neutron.Rule{Direction: neutron.Ingress, EtherType: "IPv4", Remote: d.CIDR})
			}, dev, prod, false, "neutron.route acme-dev-r 10.64.32.0/20 via 100.64.0.1", "gets through and should not",
		},
		"router of a VPC in the network of another": {
			func(w *world) { w.join("acme-dev-r", "acme-prod", ip("10.64.47.250")) },
			"", "", false, "neutron.port acme-dev-r@acme-prod", "joins router acme-dev-r to network acme-prod",
		},
		"lost rule": {
			func(w *world) {
				g := w.groupOf("acme-dev-g")
				g.Rules = slices.DeleteFunc(g.Rules, func(r reachability.Rule) bool { return strings.Contains(r.Description, "bastion") })
			}, hubs, dev, true, "", "no rule of security group acme-dev-g lets it in",
		},
		"lost route": {
			func(w *world) { w.router("acme-dev-r").Routes = nil }, dev, hubs, true, "", "lost at router acme-dev-r: it knows no route there",
		},
		"router switched off": {
			func(w *world) { w.router("acme-hub-r").Down = true }, hubs, dev, true, "", "switched off",
		},
		"lost link": {
			func(w *world) {
				w.state.Ports = slices.DeleteFunc(w.state.Ports, func(p reachability.Port) bool { return p.NetworkID == "acme-dev-transit" })
			}, dev, hubs, true, "", "does not lead there",
		},
		"gateway to the outside": {
			func(w *world) { w.router("acme-dev-r").Gateway = &reachability.Gateway{NetworkID: "internet"} },
			"", "", false, "neutron.router acme-dev-r", "has a gateway to external network internet",
		},
		"port of another project": {
			func(w *world) { w.server("acme-dev", "p-evil", "10.64.16.9", "acme-dev-g") },
			"", "", false, "neutron.port port-10.64.16.9", "belongs to project p-evil",
		},
		"port without port security": {
			func(w *world) { w.server("acme-dev", "p-acme", "10.64.16.9").Open = true },
			"", "", false, "neutron.port port-10.64.16.9", "port security off",
		},
		"addresses of another VPC": {
			func(w *world) {
				p := w.server("acme-dev", "p-acme", "10.64.16.9", "acme-dev-g")
				p.Pairs = append(p.Pairs, cidr("10.64.32.0/24"))
			}, "", "", false, "neutron.port port-10.64.16.9", "addresses of " + prod,
		},
		"server on a link": {
			func(w *world) { w.server("acme-dev-transit", "p-acme", "100.64.0.3") },
			"", "", false, "neutron.port port-100.64.0.3", "is on the link between two routers",
		},
		"network shared": {
			func(w *world) {
				w.state.Shares = append(w.state.Shares, reachability.Share{ID: "rbac", ObjectType: "network", ObjectID: "acme-dev", Action: "access_as_shared", Target: "p-evil"})
			}, "", "", false, "neutron.rbac_policy rbac", "lets project p-evil put ports in network acme-dev",
		},
		"floating address": {
			func(w *world) {
				w.server("acme-dev", "p-acme", "10.64.16.9", "acme-dev-g")
				w.state.Floating = append(w.state.Floating, reachability.FloatingIP{ID: "fip", NetworkID: "internet", IP: ip("198.51.100.7"), PortID: "port-10.64.16.9", RouterID: "acme-dev-r"})
			}, "", "", false, "neutron.floatingip fip", "floating address 198.51.100.7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			c.tamper(w)
			reports := w.judge()
			r := reports["acme"]
			if r.Verdict != isolation.Violated || reports[""].Verdict != isolation.Violated || reports["globex"].Verdict != isolation.Verified {
				t.Errorf("acme %s, operator %s, globex %s", r.Verdict, reports[""].Verdict, reports["globex"].Verdict)
			}
			if c.offender != "" && !slices.Contains(offenders(r), c.offender) {
				t.Errorf("offenders %v, want %s", offenders(r), c.offender)
			}
			said := fmt.Sprint(r.Offenders)
			if c.from != "" {
				p := pairOf(t, r, c.from, c.to)
				said += p.Message + fmt.Sprint(p.Offenders)
				if p.Verdict != isolation.Violated || p.Cut != c.cut || len(p.Offenders) == 0 {
					t.Errorf("pair: %s, cut %t, offenders %v", p.Verdict, p.Cut, p.Offenders)
				}
			}
			if !strings.Contains(said, c.says) {
				t.Errorf("the report says %s, want %q", said, c.says)
			}
		})
	}
}

func TestJudge_linkBetweenTenants_isViolatedForBothAndMasked(t *testing.T) {
	t.Parallel()
	w := newWorld()
	// The globex VPC gets addresses of its own, so that acme can route to it.
	w.vpc("globex", "prod", "10.64.48.0/20")
	acme, globex := w.vpcOf("acme", "dev"), w.vpcOf("globex", "prod")
	w.network("backdoor", "p-acme", cidr("192.168.0.0/30"))
	w.join(acme.Cloud.RouterID, "backdoor", ip("192.168.0.1"))
	w.join(globex.Cloud.RouterID, "backdoor", ip("192.168.0.2"))
	w.route(acme.Cloud.RouterID, neutron.Route{Destination: globex.CIDR, NextHop: ip("192.168.0.2")})
	w.route(globex.Cloud.RouterID, neutron.Route{Destination: acme.CIDR, NextHop: ip("192.168.0.1")})
	w.rule(globex.Cloud.SecurityGroupID, neutron.Rule{Direction: neutron.Ingress, EtherType: "IPv4", Remote: acme.CIDR})
	reports := w.judge()
	for _, tenant := range []string{"acme", "globex", ""} {
		if reports[tenant].Verdict != isolation.Violated {
			t.Errorf("%q: %s", tenant, reports[tenant].Verdict)
		}
	}
	p := pairOf(t, reports["acme"], resourceOf("acme", "dev"), "")
	if p.Verdict != isolation.Violated || len(p.Rules) != 0 {
		t.Errorf("acme sees %+v", p)
	}
	for _, other := range []struct{ tenant, foreign string }{{"acme", "globex"}, {"globex", "acme"}} {
		if said := fmt.Sprintf("%+v", reports[other.tenant]); strings.Contains(said, "tenants/"+other.foreign) || strings.Contains(said, "p-"+other.foreign) {
			t.Errorf("the report of %s names %s: %s", other.tenant, other.foreign, said)
		}
	}
	operator := pairOf(t, reports[""], resourceOf("acme", "dev"), resourceOf("globex", "prod"))
	if operator.Verdict != isolation.Violated || len(operator.Offenders) < 2 {
		t.Errorf("the operator sees %+v", operator)
	}
}

func TestJudge_changeUnderWay_isUnsettled(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.router("acme-dev-r").Routes = nil
	w.intent.Busy = map[string]bool{"vpc_acme-dev": true}
	r := w.judge()["acme"]
	if p := pairOf(t, r, resourceOf("acme", "dev"), resourceOf("acme", "hub")); p.Verdict != isolation.Unsettled || r.Verdict != isolation.Unsettled {
		t.Errorf("pair %s, report %s", p.Verdict, r.Verdict)
	}
	// An object that no resource accounts for is an offender at any time.
	w.groupOf("acme-dev-g").Rules = append(w.groupOf("acme-dev-g").Rules, reachability.Rule{ID: "evil"})
	if r := w.judge()["acme"]; r.Verdict != isolation.Violated || !slices.Contains(offenders(r), "neutron.security_group_rule evil") {
		t.Errorf("with a foreign rule: %s, %v", r.Verdict, offenders(r))
	}
}

func TestJudge_otherIntentAfterwards_isUnsettled(t *testing.T) {
	t.Parallel()
	w := newWorld()
	before := w.intent
	after := before
	after.Vpcs = slices.Clone(before.Vpcs)
	changed := &after.Vpcs[0]
	changed.Revision++
	changed.Ingress = []vpc.IngressRule{{Name: "web", Protocol: vpc.TCP, PortMin: 80, PortMax: 80, Source: cidr("10.64.0.0/12")}}
	_, reports := isolation.Judge(noon, w.state, before, after)
	if r := byTenant(reports)["acme"]; len(r.Offenders) != 0 || r.Verdict == isolation.Violated {
		t.Errorf("got %s, offenders %v", r.Verdict, r.Offenders)
	}
}

func TestJudge_objectsOfAResourceInTheMaking_areFoundByName(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.vpcOf("acme", "dev")
	cloud := v.Cloud
	for i := range w.state.Networks {
		if w.state.Networks[i].ID == cloud.NetworkID {
			w.state.Networks[i].Name = "ll-dev-" + v.UID
		}
	}
	w.router(cloud.RouterID).Name = "ll-dev-" + v.UID
	w.groupOf(cloud.SecurityGroupID).Name = "ll-dev-" + v.UID
	v.Cloud.NetworkID, v.Cloud.RouterID, v.Cloud.SecurityGroupID = "", "", ""
	o, reports := isolation.Judge(noon, w.state, w.intent, w.intent)
	if r := byTenant(reports)["acme"]; r.Verdict != isolation.Verified || r.PairCount != 6 {
		t.Errorf("got %s, %d pairs, offenders %v", r.Verdict, r.PairCount, r.Offenders)
	}
	if !slices.ContainsFunc(o.Sites, func(s isolation.Site) bool { return s.UID == v.UID && s.NetworkID == cloud.NetworkID }) {
		t.Errorf("sites %+v", o.Sites)
	}
}

// genWorld is a tenant with up to five VPCs, some of them peered, and with rules of their own.
func genWorld(t *rapid.T) *world {
	w := &world{}
	w.hub("acme")
	n := rapid.IntRange(1, 5).Draw(t, "vpcs")
	for i := range n {
		w.vpc("acme", fmt.Sprint("v", i), fmt.Sprintf("10.64.%d.0/20", 16*(i+1)))
	}
	for i := range n {
		v := &w.intent.Vpcs[i]
		if rapid.Bool().Draw(t, "rule") {
			port := rapid.IntRange(1, 65535).Draw(t, "port")
			v.Ingress = []vpc.IngressRule{{Name: "r", Protocol: vpc.TCP, PortMin: port, PortMax: port, Source: cidr("10.64.0.0/12")}}
			w.rule(v.Cloud.SecurityGroupID, neutron.Rule{Direction: neutron.Ingress, EtherType: "IPv4", Protocol: "tcp", PortMin: port, PortMax: port, Remote: cidr("10.64.0.0/12")})
		}
		for k := range i {
			if rapid.Bool().Draw(t, "peered") {
				w.peer(*v, w.intent.Vpcs[k], rapid.SampledFrom([]peering.Acceptance{peering.Accepted, peering.Pending}).Draw(t, "acceptance"))
			}
		}
	}
	return w
}

func TestJudge_anyCloudAsAskedFor_isVerified(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := genWorld(t)
		r := w.judge()["acme"]
		accepted := 0
		for _, p := range w.intent.Peerings {
			if p.Acceptance == peering.Accepted {
				accepted++
			}
		}
		if r.Verdict != isolation.Verified || len(r.Offenders) != 0 {
			t.Fatalf("%s: %v", r.Verdict, r.Offenders)
		}
		if want := 2 * (len(w.intent.Vpcs) + accepted); r.Reachable != want {
			t.Fatalf("%d pairs reach, want %d: the hub with each VPC, and each accepted peering", r.Reachable, want)
		}
	})
}

// Removing any rule, route or router port that was asked for cuts something; the report never calls that verified.
func TestJudge_anyLostObject_isViolated(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := genWorld(t)
		i := rapid.IntRange(0, len(w.state.Routers)-1).Draw(t, "router")
		if rapid.Bool().Draw(t, "down") {
			w.state.Routers[i].Down = true
		} else {
			w.state.Routers[i].Routes = nil
		}
		if r := w.judge()["acme"]; r.Verdict != isolation.Violated || r.Violated == 0 {
			t.Fatalf("%s with %d violated pairs", r.Verdict, r.Violated)
		}
	})
}

// A rule that lets in more than was asked for is an offender, wherever it stands and whatever it lets in.
func TestJudge_anyForeignRule_isAnOffender(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := genWorld(t)
		g := &w.state.Groups[rapid.IntRange(0, len(w.state.Groups)-1).Draw(t, "group")]
		g.Rules = append(g.Rules, reachability.Rule{
			ID: "evil", Protocol: rapid.SampledFrom([]string{"", "tcp", "udp", "icmp"}).Draw(t, "protocol"),
			Remote: cidr(rapid.SampledFrom([]string{"0.0.0.0/0", "10.0.0.0/8", "172.16.0.0/12", "198.51.100.7/32"}).Draw(t, "remote")),
		})
		r := w.judge()["acme"]
		if r.Verdict != isolation.Violated || !slices.Contains(offenders(r), "neutron.security_group_rule evil") {
			t.Fatalf("%s, offenders %v", r.Verdict, offenders(r))
		}
	})
}
