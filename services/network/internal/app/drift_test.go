package app_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// maxDriftCalls is what a pass over 100 VPCs with nothing to do may cost.
const maxDriftCalls = 12

func (w *world) pass() {
	w.t.Helper()
	_, err := w.app.Drift.Pass(w.t.Context())
	must(w.t, err)
}

func (w *world) findings(all bool) []*networkv1.DriftFinding {
	w.t.Helper()
	page, err := w.drifts.ListDriftFindings(w.t.Context(), &networkv1.ListDriftFindingsRequest{Parent: tenant, ShowResolved: all, PageSize: 1000})
	must(w.t, err)
	return page.GetDriftFindings()
}

func inSync(v *networkv1.Vpc) string {
	for _, c := range v.GetConditions() {
		if c.GetType() == "InSync" {
			return c.GetStatus() + " " + c.GetReason()
		}
	}
	return ""
}

// settle waits until all repairs are over and a pass finds nothing that is ours to repair.
func (w *world) settle() {
	w.t.Helper()
	w.until("drift is repaired", func() bool {
		w.pass()
		busy := 0
		must(w.t, w.pool.QueryRow(w.t.Context(), `SELECT count(*) FROM provision_resources WHERE reconciling`).Scan(&busy))
		if busy > 0 {
			return false
		}
		w.pass()
		return !slices.ContainsFunc(w.findings(false), func(f *networkv1.DriftFinding) bool { return f.GetKind() != networkv1.DriftFinding_FOREIGN })
	})
}

// picture is all that people could have changed, without ids.
func (w *world) picture() []string {
	w.t.Helper()
	ctx, t := w.t.Context(), w.t
	var out []string
	routers, err := w.cloud.Routers(ctx, neutron.Filter{})
	must(t, err)
	networkNames := map[string]string{}
	networks, err := w.cloud.Networks(ctx, neutron.Filter{})
	must(t, err)
	for _, n := range networks {
		networkNames[n.ID] = n.Name
		out = append(out, fmt.Sprintf("network %s up=%t %v", n.Name, n.AdminUp, sorted(n.Tags)))
	}
	routerNames := map[string]string{}
	for _, r := range routers {
		routerNames[r.ID] = r.Name
		var routes []string
		for _, route := range r.Routes {
			routes = append(routes, route.Destination.String()+" via "+route.NextHop.String())
		}
		out = append(out, fmt.Sprintf("router %s up=%t %v %v", r.Name, r.AdminUp, sorted(routes), sorted(r.Tags)))
	}
	subnets, err := w.cloud.Subnets(ctx, neutron.Filter{})
	must(t, err)
	for _, s := range subnets {
		out = append(out, fmt.Sprintf("subnet %s on %s %s gateway=%s dhcp=%t", s.Name, networkNames[s.NetworkID], s.CIDR, s.Gateway, s.DHCP))
	}
	ports, err := w.cloud.Ports(ctx, neutron.Filter{})
	must(t, err)
	for _, p := range ports {
		if r := routerNames[p.DeviceID]; r != "" {
			out = append(out, fmt.Sprintf("interface %s of %s on %s %s up=%t", p.Name, r, networkNames[p.NetworkID], p.Addresses[0].IP, p.AdminUp))
		}
	}
	groups, err := w.cloud.Groups(ctx, neutron.Filter{Tag: naming.OwnTag})
	must(t, err)
	for _, g := range groups {
		for _, r := range g.Rules {
			out = append(out, fmt.Sprintf("rule of %s %s %s %s %d-%d %s", g.Name, r.Direction, r.EtherType, r.Protocol, r.PortMin, r.PortMax, r.Remote))
		}
	}
	return sorted(out)
}

func sorted(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return out
}

func TestDriftIsRepaired(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	hub := w.foundation()
	v, other := w.vpc("dev", &networkv1.Vpc{}), w.vpc("prod", &networkv1.Vpc{})
	p := w.peer("link", v, other)
	w.done(w.peers.AcceptPeering(t.Context(), &networkv1.AcceptPeeringRequest{Name: p.GetName()}))
	w.settle()
	if found := w.findings(true); len(found) != 0 {
		t.Fatalf("nothing was changed, yet %v", found)
	}
	if got := inSync(w.get(v.GetName())); got != "True InSync" {
		t.Errorf("got condition %q", got)
	}
	want := w.picture()
	c, ctx := v.GetCloud(), t.Context()
	subnetOf := func(network string) neutron.Subnet {
		s, err := w.cloud.Subnets(ctx, neutron.Filter{NetworkID: network})
		must(t, err)
		return s[0]
	}
	rulesOf := func() []neutron.Rule {
		rules, err := w.cloud.Rules(ctx, neutron.Filter{GroupID: w.get(v.GetName()).GetCloud().GetSecurityGroupId()})
		must(t, err)
		return rules
	}
	hubRouter, router := hub.GetCloud().GetRouterId(), c.GetRouterId()
	for _, damage := range []struct {
		name string
		kind networkv1.DriftFinding_Kind
		do   func() error
	}{
		{"network renamed", networkv1.DriftFinding_CHANGED, func() error {
			_, err := w.cloud.UpdateNetwork(ctx, neutron.Network{ID: c.GetNetworkId(), Name: "mine", AdminUp: true})
			return err
		}},
		{"router off", networkv1.DriftFinding_CHANGED, func() error {
			_, err := w.cloud.UpdateRouter(ctx, neutron.Router{ID: router, Name: "x"})
			return err
		}},
		{"tags gone", networkv1.DriftFinding_CHANGED, func() error {
			return w.cloud.SetTags(ctx, neutron.TagRouter, router, []string{"other"})
		}},
		{"VPC route gone", networkv1.DriftFinding_CHANGED, func() error {
			return w.cloud.RemoveRoutes(ctx, router, []neutron.Route{{Destination: netip.MustParsePrefix(hub.GetCidr()), NextHop: netip.MustParseAddr("100.64.0.1")}})
		}},
		{"hub route gone", networkv1.DriftFinding_CHANGED, func() error {
			return w.cloud.RemoveRoutes(ctx, hubRouter, []neutron.Route{{Destination: netip.MustParsePrefix(v.GetCidr()), NextHop: netip.MustParseAddr("100.64.0.2")}})
		}},
		{"peering route gone", networkv1.DriftFinding_CHANGED, func() error {
			return w.cloud.RemoveRoutes(ctx, router, []neutron.Route{{Destination: netip.MustParsePrefix(other.GetCidr()), NextHop: netip.MustParseAddr("100.65.0.2")}})
		}},
		{"route added", networkv1.DriftFinding_CHANGED, func() error {
			return w.cloud.AddRoutes(ctx, router, []neutron.Route{{Destination: netip.MustParsePrefix("192.0.2.0/24"), NextHop: netip.MustParseAddr("100.64.0.1")}})
		}},
		{"rule added", networkv1.DriftFinding_CHANGED, func() error {
			_, err := w.cloud.CreateRules(ctx, []neutron.Rule{{
				GroupID: c.GetSecurityGroupId(), ProjectID: "proj-core", Direction: neutron.Ingress, EtherType: "IPv4", Protocol: "tcp",
				PortMin: 22, PortMax: 22, Remote: netip.MustParsePrefix("0.0.0.0/0"),
			}})
			return err
		}},
		{"rule removed", networkv1.DriftFinding_CHANGED, func() error {
			for _, r := range rulesOf() {
				if r.Description == naming.AllowDescription("bastion") {
					return w.cloud.DeleteRule(ctx, r.ID)
				}
			}
			return fmt.Errorf("there is no such rule")
		}},
		{"egress removed", networkv1.DriftFinding_CHANGED, func() error {
			for _, r := range rulesOf() {
				if r.Direction == neutron.Egress && r.EtherType == "IPv4" {
					return w.cloud.DeleteRule(ctx, r.ID)
				}
			}
			return fmt.Errorf("there is no such rule")
		}},
		{"peering rule removed", networkv1.DriftFinding_MISSING, func() error {
			for _, r := range rulesOf() {
				if r.Description == naming.PeeringDescription(p.GetUid()) {
					return w.cloud.DeleteRule(ctx, r.ID)
				}
			}
			return fmt.Errorf("there is no such rule")
		}},
		{"gateway and DHCP changed", networkv1.DriftFinding_CHANGED, func() error {
			s := subnetOf(c.GetNetworkId())
			s.DHCP = false
			_, err := w.cloud.UpdateSubnet(ctx, s)
			return err
		}},
		{"interface detached", networkv1.DriftFinding_CHANGED, func() error {
			return w.cloud.DetachSubnet(ctx, router, c.GetSubnetId())
		}},
		{"link cut", networkv1.DriftFinding_MISSING, func() error {
			must(t, w.cloud.RemoveRoutes(ctx, router, []neutron.Route{{Destination: netip.MustParsePrefix(hub.GetCidr()), NextHop: netip.MustParseAddr("100.64.0.1")}}))
			return w.cloud.DetachSubnet(ctx, router, subnetOf(c.GetTransitNetworkId()).ID)
		}},
		{"group gone", networkv1.DriftFinding_MISSING, func() error { return w.cloud.DeleteGroup(ctx, c.GetSecurityGroupId()) }},
	} {
		t.Run(damage.name, func(t *testing.T) {
			must(t, damage.do())
			w.pass()
			found := w.findings(false)
			if !slices.ContainsFunc(found, func(f *networkv1.DriftFinding) bool {
				return f.GetKind() == damage.kind && f.GetOperation() != "" && f.GetDetail() != ""
			}) {
				t.Errorf("got findings %v", found)
			}
			w.settle()
			if got := w.picture(); !slices.Equal(got, want) {
				t.Errorf("after the repair:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
	if got := inSync(w.get(v.GetName())); got != "True InSync" {
		t.Errorf("got condition %q", got)
	}
}

// A router that was torn out whole comes back with all that hung on it, the peering's part included.
func TestRouterTornOutComesBack(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	v, other := w.vpc("dev", &networkv1.Vpc{}), w.vpc("prod", &networkv1.Vpc{})
	p := w.peer("link", v, other)
	w.done(w.peers.AcceptPeering(t.Context(), &networkv1.AcceptPeeringRequest{Name: p.GetName()}))
	want := w.picture()
	ctx, router := t.Context(), v.GetCloud().GetRouterId()
	routers, err := w.cloud.Routers(ctx, neutron.Filter{IDs: []string{router}})
	must(t, err)
	must(t, w.cloud.RemoveRoutes(ctx, router, routers[0].Routes))
	ports, err := w.cloud.Ports(ctx, neutron.Filter{DeviceID: router})
	must(t, err)
	for _, port := range ports {
		must(t, w.cloud.DetachSubnet(ctx, router, port.Addresses[0].SubnetID))
	}
	must(t, w.cloud.DeleteRouter(ctx, router))
	w.settle()
	if got := w.picture(); !slices.Equal(got, want) {
		t.Errorf("after the repair:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if now := w.get(v.GetName()).GetCloud().GetRouterId(); now == router || now == "" {
		t.Errorf("the VPC still shows router %q", now)
	}
	w.done(w.peers.DeletePeering(ctx, &networkv1.DeletePeeringRequest{Name: p.GetName()}))
	w.done(w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: v.GetName()}))
}

func TestForeignObjectsAreReportedAndLeftAlone(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	v := w.vpc("dev", &networkv1.Vpc{})
	ctx := t.Context()
	port, err := w.cloud.CreatePort(ctx, neutron.Port{Name: "theirs", ProjectID: "proj-core", NetworkID: v.GetCloud().GetNetworkId()})
	must(t, err)
	w.sim.Cloud.ResetCalls()
	w.pass()
	w.pass()
	found := w.findings(false)
	if len(found) != 1 || found[0].GetKind() != networkv1.DriftFinding_FOREIGN || found[0].GetObjectId() != port.ID ||
		found[0].GetResource() != v.GetName() || found[0].GetOperation() != "" {
		t.Errorf("got %v", found)
	}
	if done := writes(w.sim.Cloud.Calls()); len(done) != 0 {
		t.Errorf("a foreign object made the service write: %v", done)
	}
	if got := inSync(w.get(v.GetName())); got != "True ForeignObjects" {
		t.Errorf("got condition %q", got)
	}
	must(t, w.cloud.DeletePort(ctx, port.ID))
	w.pass()
	if left := w.findings(false); len(left) != 0 {
		t.Errorf("the finding is not resolved: %v", left)
	}
	if all := w.findings(true); len(all) != 1 || all[0].GetResolveTime() == nil {
		t.Errorf("got %v", all)
	}
	if got := inSync(w.get(v.GetName())); got != "True InSync" {
		t.Errorf("got condition %q", got)
	}
}

// Objects made by hand in a project of ours are told of with its hub, whatever they are, and nothing is done about them.
func TestForeignObjectsInOurProjects(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	h := w.foundation()
	w.vpc("dev", &networkv1.Vpc{})
	ctx := t.Context()
	network, err := w.cloud.CreateNetwork(ctx, neutron.Network{Name: "theirs", ProjectID: "proj-core"})
	must(t, err)
	router, err := w.cloud.CreateRouter(ctx, neutron.Router{Name: "theirs", ProjectID: "proj-core"})
	must(t, err)
	group, err := w.cloud.CreateGroup(ctx, neutron.Group{Name: "theirs", ProjectID: "proj-core"})
	must(t, err)
	_, err = w.cloud.CreateNetwork(ctx, neutron.Network{Name: "of nobody we know", ProjectID: "proj-other"})
	must(t, err)
	w.sim.Cloud.ResetCalls()
	w.pass()
	want := map[string]bool{network.ID: true, router.ID: true, group.ID: true}
	for _, f := range w.findings(false) {
		if !want[f.GetObjectId()] || f.GetKind() != networkv1.DriftFinding_FOREIGN || f.GetResource() != h.GetName() || f.GetOperation() != "" {
			t.Errorf("got %v", f)
		}
		delete(want, f.GetObjectId())
	}
	if len(want) != 0 {
		t.Errorf("not reported: %v", want)
	}
	if calls := w.sim.Cloud.Calls(); len(writes(calls)) != 0 || len(calls) > maxDriftCalls {
		t.Errorf("%d calls: %v", len(calls), calls)
	}
	must(t, w.cloud.DeleteNetwork(ctx, network.ID))
	must(t, w.cloud.DeleteRouter(ctx, router.ID))
	must(t, w.cloud.DeleteGroup(ctx, group.ID))
	w.pass()
	if left := w.findings(false); len(left) != 0 {
		t.Errorf("not resolved: %v", left)
	}
}

// What was made a moment ago may be missing from the cloud's lists: it is not judged.
func TestYoungObjectsAreNotJudged(t *testing.T) {
	w := newWorld(t, setup{engine: impatient, age: time.Hour})
	w.foundation()
	w.vpc("dev", &networkv1.Vpc{})
	must2(t)(w.sim.Cloud.AddFault(sim.Fault{Name: "stale", Method: http.MethodGet, Stale: sim.Duration(time.Hour)}))
	w.sim.Cloud.ResetCalls()
	w.pass()
	if found := w.findings(true); len(found) != 0 {
		t.Errorf("got %v", found)
	}
	if done := writes(w.sim.Cloud.Calls()); len(done) != 0 {
		t.Errorf("got %v", done)
	}
}

func TestPassOverAHundredVpcsIsCheap(t *testing.T) {
	w := newWorld(t, setup{})
	w.boundary("acme", "10.0.0.0/8")
	const organisations, each = 15, 7
	for i := range organisations {
		w.hub(fmt.Sprintf("%s/organisations/o%02d", tenant, i), fmt.Sprintf("proj-%02d", i))
	}
	for i := range organisations {
		for j := range each {
			_, err := w.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{
				Parent: fmt.Sprintf("%s/organisations/o%02d", tenant, i), VpcId: fmt.Sprintf("v%d", j), Vpc: &networkv1.Vpc{},
			})
			must(t, err)
		}
	}
	w.until("all are ACTIVE", func() bool {
		left := 0
		must(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM provision_resources WHERE state <> 'ACTIVE'`).Scan(&left))
		return left == 0
	})
	w.pass()
	w.sim.Cloud.ResetCalls()
	w.pass()
	calls := w.sim.Cloud.Calls()
	if len(calls) > maxDriftCalls || len(writes(calls)) > 0 {
		t.Errorf("%d calls for a pass with nothing to do, at most %d are allowed: %v", len(calls), maxDriftCalls, calls)
	}
	if found := w.findings(true); len(found) != 0 {
		t.Errorf("got %v", found)
	}
	t.Logf("%d calls", len(calls))
}
