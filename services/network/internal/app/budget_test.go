package app_test

import (
	"net/http"
	"strings"
	"testing"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// maxWrites is how many writing calls a VPC may take.
const maxWrites = 18

// writes are the writing calls to Neutron, in order.
func writes(calls []sim.Call) []sim.Call {
	var out []sim.Call
	for _, c := range calls {
		if c.Method != http.MethodGet && strings.Contains(c.Path, "/v2.0/") {
			out = append(out, c)
		}
	}
	return out
}

func reads(calls []sim.Call) int {
	n := 0
	for _, c := range calls {
		if c.Method == http.MethodGet {
			n++
		}
	}
	return n
}

// sideBySide arms gates that only calls which are in flight together get past: one after the other they never would.
func sideBySide(t *testing.T, cloud *sim.Cloud) {
	t.Helper()
	for _, g := range []sim.Fault{
		{Name: "what needs nothing", Method: http.MethodPost, Path: "/v2.0/(networks|routers|security-groups)$", Gather: 4},
		{Name: "subnets of both networks", Method: http.MethodPost, Path: "/subnets$", Gather: 2},
		{Name: "interfaces of both routers", Method: http.MethodPut, Path: "/add_router_interface$", Gather: 2},
		{Name: "routes of both routers", Method: http.MethodPut, Path: "/add_extraroutes$", Gather: 2},
		{Name: "tags", Method: http.MethodPut, Path: "/tags$", Gather: 4},
	} {
		must2(t)(cloud.AddFault(g))
	}
}

func TestVpcIsMadeWithinItsBudget(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	w.sim.Cloud.ResetCalls()
	sideBySide(t, w.sim.Cloud)
	w.vpc("dev", &networkv1.Vpc{IngressRules: []*networkv1.IngressRule{
		{Name: "https", Protocol: networkv1.IngressRule_TCP, PortMin: 443, SourceCidr: "0.0.0.0/0"},
		{Name: "dns", Protocol: networkv1.IngressRule_UDP, PortMin: 53, SourceCidr: "10.0.0.0/8"},
	}})
	calls := w.sim.Cloud.Calls()
	done := writes(calls)
	if len(done) > maxWrites {
		t.Errorf("%d writing calls, at most %d are allowed", len(done), maxWrites)
	}
	seen := map[string]int{}
	for _, c := range done {
		if c.Status >= 300 {
			t.Errorf("%s %s answered %d", c.Method, c.Path, c.Status)
		}
		// What is made is told apart by kind and order only: two networks, two subnets.
		seen[c.Method+" "+c.Path]++
	}
	allowed := map[string]int{"networks": 2, "subnets": 2, "routers": 1, "ports": 1, "security-groups": 1, "security-group-rules": 1, "add_router_interface": 2}
	for call, n := range seen {
		collection := call[strings.LastIndex(call, "/")+1:]
		if most := max(allowed[collection], 1); n > most {
			t.Errorf("%s was called %d times, %d is enough", call, n, most)
		}
	}
	t.Logf("%d writing calls, %d reads", len(done), reads(calls))
	for _, c := range done {
		t.Logf("%s %s", c.Method, c.Template)
	}
}

// TestBudgetsOfTheReadme holds the numbers the README gives.
func TestBudgetsOfTheReadme(t *testing.T) {
	w := newWorld(t, setup{})
	spent := func() int {
		n := len(writes(w.sim.Cloud.Calls()))
		w.sim.Cloud.ResetCalls()
		return n
	}
	w.boundary("acme", space)
	boundary := spent()
	w.hub(org, "proj-core")
	hub := spent()
	a := w.vpc("dev", &networkv1.Vpc{})
	vpc := spent()
	b := w.vpc("prod", &networkv1.Vpc{})
	p := w.peer("link", a, b)
	spent()
	w.done(w.peers.AcceptPeering(t.Context(), &networkv1.AcceptPeeringRequest{Name: p.GetName()}))
	peering := spent()
	if boundary != 3 || hub != 9 || vpc != 17 || peering != 10 {
		t.Errorf("boundary %d, hub %d, VPC %d, peering %d writing calls; the README says 3, 9, 17, 10", boundary, hub, vpc, peering)
	}
}

func TestReadsAndAcceptanceNeedNoCloud(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	v := w.vpc("dev", &networkv1.Vpc{})
	w.sim.Cloud.ResetCalls()
	for range 10 {
		w.get(v.GetName())
		_, err := w.vpcs.ListVpcs(t.Context(), &networkv1.ListVpcsRequest{Parent: org})
		must(t, err)
		_, err = w.hubs.GetHub(t.Context(), &networkv1.GetHubRequest{Name: org + "/hub"})
		must(t, err)
	}
	if calls := w.sim.Cloud.Calls(); len(calls) != 0 {
		t.Errorf("reads called the cloud: %v", calls)
	}
	_, err := w.sim.Cloud.AddFault(sim.Fault{Name: "away", Status: http.StatusServiceUnavailable})
	must(t, err)
	op, err := w.create("prod", &networkv1.Vpc{})
	must(t, err)
	if got := w.get(org + "/vpcs/prod"); got.GetState() != typev1.State_CREATING || !got.GetReconciling() || got.GetCidr() == "" {
		t.Errorf("got %v", got)
	}
	w.sim.Cloud.ClearFaults()
	w.done(op, nil)
}
