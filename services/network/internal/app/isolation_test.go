package app_test

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/reconcile"
	"github.com/low-layer/platform/services/network/internal/store"
	"github.com/low-layer/platform/services/network/internal/usecase"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// maxObserveCalls is what an observation costs, however many tenants there are: one list of each kind.
const maxObserveCalls = 7

func (w *world) observe() {
	w.t.Helper()
	must(w.t, w.app.Isolation.Pass(w.t.Context()))
}

func (w *world) isolation() networkv1.IsolationServiceClient {
	return networkv1.NewIsolationServiceClient(w.conn)
}

func (w *world) report(tenant string) *networkv1.IsolationReport {
	w.t.Helper()
	name := "isolationReport"
	if tenant != "" {
		name = "tenants/" + tenant + "/" + name
	}
	r, err := w.isolation().GetIsolationReport(w.t.Context(), &networkv1.GetIsolationReportRequest{Name: name})
	must(w.t, err)
	return r
}

func pairOf(t *testing.T, r *networkv1.IsolationReport, from, to string) *networkv1.IsolationPair {
	t.Helper()
	for _, p := range r.GetPairs() {
		if p.GetSource() == from && p.GetDestination() == to {
			return p
		}
	}
	t.Fatalf("the report has no pair %s -> %s", from, to)
	return nil
}

func (w *world) why(tenant, from, to string, protocol networkv1.WhyReachableRequest_Protocol, port int32) *networkv1.WhyReachableResponse {
	w.t.Helper()
	r, err := w.isolation().WhyReachable(w.t.Context(), &networkv1.WhyReachableRequest{
		Name: "tenants/" + tenant + "/isolationReport", Source: from, Destination: to, Protocol: protocol, Port: port,
	})
	must(w.t, err)
	return r
}

// verified is the condition of a VPC, and what it says.
func verified(v *networkv1.Vpc) (status, message string) {
	for _, c := range v.GetConditions() {
		if c.GetType() == reconcile.ConditionIsolationVerified {
			return c.GetStatus() + " " + c.GetReason(), c.GetMessage()
		}
	}
	return "", ""
}

// addRule lets traffic in to a group by hand and answers the rule's id.
func (w *world) addRule(group string, port int, from string) string {
	w.t.Helper()
	made, err := w.cloud.CreateRules(w.t.Context(), []neutron.Rule{{
		GroupID: group, ProjectID: "proj-core", Direction: neutron.Ingress, EtherType: "IPv4", Protocol: "tcp", PortMin: port, PortMax: port,
		Remote: netip.MustParsePrefix(from),
	}})
	must(w.t, err)
	return made[0].ID
}

// told counts the events of a type.
func (w *world) told(kind string) int {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT payload FROM event_outbox`)
	must(w.t, err)
	payloads, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	must(w.t, err)
	n := 0
	for _, raw := range payloads {
		e := &eventv1.Event{}
		must(w.t, proto.Unmarshal(raw, e))
		if e.GetType() == kind {
			n++
		}
	}
	return n
}

func TestIsolationOfWhatWasAskedForIsVerified(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.boundary("acme", space)
	_, err := w.isolation().GetIsolationReport(t.Context(), &networkv1.GetIsolationReportRequest{Name: "tenants/acme/isolationReport"})
	refused(t, err, codes.Unavailable, "ISOLATION_NOT_OBSERVED")
	_, err = w.isolation().GetIsolationReport(t.Context(), &networkv1.GetIsolationReportRequest{Name: "tenants/nobody/isolationReport"})
	refused(t, err, codes.NotFound, "TENANT_NOT_FOUND")
	w.observe()
	for _, tenant := range []string{"acme", ""} {
		if r := w.report(tenant); r.GetVerdict() != networkv1.IsolationReport_EMPTY || !strings.Contains(r.GetMessage(), "there is no network") {
			t.Errorf("of nothing it says %v", r)
		}
	}
	w.hub(org, "proj-core")
	dev := w.vpc("dev", &networkv1.Vpc{IngressRules: []*networkv1.IngressRule{{Name: "web", Protocol: networkv1.IngressRule_TCP, PortMin: 443, SourceCidr: "0.0.0.0/0"}}})
	prod := w.vpc("prod", &networkv1.Vpc{})
	w.sim.Cloud.ResetCalls()
	w.observe()
	if calls := w.sim.Cloud.Calls(); len(calls) > maxObserveCalls || len(writes(calls)) > 0 {
		t.Errorf("an observation made %d calls, at most %d are allowed: %v", len(calls), maxObserveCalls, calls)
	}
	w.sim.Cloud.ResetCalls()
	r := w.report("acme")
	if r.GetVerdict() != networkv1.IsolationReport_VERIFIED || r.GetPairCount() != 6 || r.GetReachablePairCount() != 4 || len(r.GetOffenders()) != 0 {
		t.Errorf("got %v", r)
	}
	down := pairOf(t, r, org+"/hub", dev.GetName())
	if !down.GetReachable() || !slices.Equal(down.GetObservedTraffic(), []string{"all"}) || len(down.GetForward().GetHops()) != 2 || len(down.GetRules()) == 0 {
		t.Errorf("got %v", down)
	}
	up := pairOf(t, r, dev.GetName(), org+"/hub")
	if want := []string{"icmp", "tcp:443", "tcp:6443", "tcp:8132", "tcp:8200"}; !slices.Equal(up.GetObservedTraffic(), want) || !slices.Equal(up.GetExpectedTraffic(), want) {
		t.Errorf("got %v, want %v", up, want)
	}
	if across := pairOf(t, r, dev.GetName(), prod.GetName()); across.GetReachable() || across.GetExpected() || across.GetVerdict() != networkv1.IsolationReport_VERIFIED ||
		!strings.Contains(across.GetMessage(), "knows no route") {
		t.Errorf("got %v", across)
	}
	if status, _ := verified(w.get(dev.GetName())); status != "True Isolated" {
		t.Errorf("got condition %q", status)
	}
	if why := w.why("acme", dev.GetName(), prod.GetName(), networkv1.WhyReachableRequest_TCP, 22); why.GetVerdict() != networkv1.WhyReachableResponse_NO_ROUTE ||
		!strings.Contains(why.GetMessage(), dev.GetCloud().GetRouterId()) {
		t.Errorf("got %v", why)
	}
	why := w.why("acme", dev.GetName(), org+"/hub", networkv1.WhyReachableRequest_TCP, 6443)
	if why.GetVerdict() != networkv1.WhyReachableResponse_REACHABLE || len(why.GetForward().GetHops()) != 2 || len(why.GetBack().GetHops()) != 2 ||
		len(why.GetIngress().GetRules()) != 1 || !strings.Contains(why.GetMessage(), why.GetIngress().GetRules()[0].GetId()) {
		t.Errorf("got %v", why)
	}
	if why := w.why("acme", dev.GetName(), org+"/hub", networkv1.WhyReachableRequest_TCP, 2222); why.GetVerdict() != networkv1.WhyReachableResponse_DENIED_INGRESS ||
		why.GetForward().GetOutcome() != networkv1.ReachabilityPath_ARRIVED {
		t.Errorf("got %v", why)
	}
	if calls := w.sim.Cloud.Calls(); len(calls) != 0 {
		t.Errorf("reading reports called the cloud: %v", calls)
	}
	if n := w.told("vpc.isolation_verified") + w.told("vpc.isolation_violated"); n != 0 {
		t.Errorf("%d events tell of a turn, and there was none", n)
	}
}

// unknown wants the reports of acme and of the operator to say that exactly these are not known yet.
func (w *world) unknown(names ...string) {
	w.t.Helper()
	for _, tenant := range []string{"acme", ""} {
		r := w.report(tenant)
		if r.GetVerdict() != networkv1.IsolationReport_UNSETTLED || !slices.Equal(r.GetUnobserved(), names) || !strings.Contains(r.GetMessage(), "not known yet of "+names[0]) {
			w.t.Errorf("%v are not known yet, and the report says %v", names, r)
		}
	}
	for _, s := range w.report("").GetTenants() {
		if want := s.GetTenant() == tenant; want != (s.GetVerdict() == networkv1.IsolationReport_UNSETTLED) {
			w.t.Errorf("of %s the operator's report says %s", s.GetTenant(), s.GetVerdict())
		}
	}
}

// A report is of before what was changed since, and says so until the cloud is observed again.
func TestNothingIsVerifiedBeforeItIsObserved(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.boundary("rival", space)
	rival := w.hub("tenants/rival/organisations/core", "proj-rival")
	w.boundary("acme", space)
	w.observe()
	w.hub(org, "proj-core")
	w.unknown(org + "/hub")
	w.observe()
	if r := w.report("acme"); r.GetVerdict() != networkv1.IsolationReport_VERIFIED || r.GetPairCount() != 0 || !strings.Contains(r.GetMessage(), "the one network") {
		t.Errorf("got %v", r)
	}
	dev := w.vpc("dev", &networkv1.Vpc{})
	w.unknown(dev.GetName())
	if r := w.report("rival"); r.GetVerdict() != networkv1.IsolationReport_VERIFIED || strings.Contains(r.String(), "acme") {
		t.Errorf("another tenant's report: %v", r)
	}
	w.observe()
	if r := w.report("acme"); r.GetVerdict() != networkv1.IsolationReport_VERIFIED || r.GetPairCount() != 2 || len(r.GetUnobserved()) != 0 || !strings.Contains(r.GetMessage(), "each of 2 pairs") {
		t.Errorf("got %v", r)
	}
	w.done(w.vpcs.UpdateVpc(t.Context(), &networkv1.UpdateVpcRequest{
		Vpc:        &networkv1.Vpc{Name: dev.GetName(), IngressRules: []*networkv1.IngressRule{{Name: "web", Protocol: networkv1.IngressRule_TCP, PortMin: 443, SourceCidr: "0.0.0.0/0"}}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"ingress_rules"}},
	}))
	w.unknown(dev.GetName())
	w.observe()
	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: dev.GetName()}))
	w.unknown(dev.GetName())
	// What is known to be wrong stays wrong, whatever else is not known.
	rule := w.addRule(rival.GetCloud().GetSecurityGroupId(), 2222, "0.0.0.0/0")
	w.observe()
	w.vpc("prod", &networkv1.Vpc{})
	if r := w.report(""); r.GetVerdict() != networkv1.IsolationReport_VIOLATED || r.GetOffenders()[0].GetObjectId() != rule || len(r.GetUnobserved()) != 1 {
		t.Errorf("got %v", r)
	}
}

// What is being changed all the while is not known, however fresh the observation.
func TestNothingIsVerifiedWhileItIsMade(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	fault, err := w.sim.Cloud.AddFault(sim.Fault{Name: "no routers", Method: http.MethodPost, Path: "/v2.0/routers$", Status: http.StatusServiceUnavailable})
	must(t, err)
	op, err := w.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{Parent: org, VpcId: "dev", Vpc: &networkv1.Vpc{}})
	must(t, err)
	w.observe()
	w.unknown(org + "/vpcs/dev")
	w.sim.Cloud.RemoveFault(fault)
	w.done(op, nil)
	w.observe()
	if r := w.report("acme"); r.GetVerdict() != networkv1.IsolationReport_VERIFIED || r.GetPairCount() != 2 {
		t.Errorf("got %v", r)
	}
}

// What was observed long ago proves nothing: the platform, or the cloud, may have stood still since.
func TestOldObservationProvesNothing(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	w.vpc("dev", &networkv1.Vpc{})
	w.observe()
	if r := w.report("acme"); r.GetVerdict() != networkv1.IsolationReport_VERIFIED {
		t.Fatalf("got %v", r)
	}
	later := usecase.New(usecase.NewSettlements(store.New(w.pool, later{}, nil), usecase.Messages{}, nil), nil, nil)
	mine, err := later.IsolationReport(t.Context(), resourcename.Tenant{Tenant: "acme"})
	must(t, err)
	all, err := later.OperatorReport(t.Context())
	must(t, err)
	for _, r := range []isolation.Report{mine, all} {
		if r.Verdict != isolation.Unsettled || len(r.Unobserved) != 0 || !strings.Contains(r.Message, "nothing newer than "+r.Time.UTC().Format(time.RFC3339)) {
			t.Errorf("got %s: %s", r.Verdict, r.Message)
		}
	}
	if all.Tenants[0].Verdict != isolation.Unsettled {
		t.Errorf("got %v", all.Tenants)
	}
}

// later is a clock that is two minutes ahead.
type later struct{ clock.Clock }

func (later) Now() time.Time { return time.Now().Add(2 * time.Minute) }

func TestBadRuleIsNamedUntilItIsGone(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	hub := w.foundation()
	dev := w.vpc("dev", &networkv1.Vpc{})
	w.observe()
	for _, bad := range []struct {
		name, group, resource string
		opens                 bool
		status                func() (string, string)
	}{
		{"a port of the hub that VPCs get to", hub.GetCloud().GetSecurityGroupId(), org + "/hub", true, func() (string, string) {
			h, err := w.hubs.GetHub(t.Context(), &networkv1.GetHubRequest{Name: org + "/hub"})
			must(t, err)
			return verified(&networkv1.Vpc{Conditions: h.GetConditions()})
		}},
		{"a port of a VPC that nobody gets to yet", dev.GetCloud().GetSecurityGroupId(), dev.GetName(), false, func() (string, string) {
			return verified(w.get(dev.GetName()))
		}},
	} {
		t.Run(bad.name, func(t *testing.T) {
			violated := w.told("hub.isolation_violated") + w.told("vpc.isolation_violated")
			rule := w.addRule(bad.group, 2222, "0.0.0.0/0")
			w.observe()
			r := w.report("acme")
			if r.GetVerdict() != networkv1.IsolationReport_VIOLATED || len(r.GetOffenders()) != 1 || r.GetOffenders()[0].GetObjectId() != rule ||
				r.GetOffenders()[0].GetResource() != bad.resource || r.GetOffenders()[0].GetObjectType() != "neutron.security_group_rule" {
				t.Errorf("got %v", r)
			}
			if status, message := bad.status(); !strings.HasPrefix(status, "False") || !strings.Contains(message, rule) {
				t.Errorf("got condition %q: %s", status, message)
			}
			up := pairOf(t, r, dev.GetName(), org+"/hub")
			if opened := up.GetVerdict() == networkv1.IsolationReport_VIOLATED; opened != bad.opens {
				t.Errorf("got %v", up)
			}
			if bad.opens && (len(up.GetOffenders()) != 1 || up.GetOffenders()[0].GetObjectId() != rule || !slices.Contains(up.GetObservedTraffic(), "tcp:2222")) {
				t.Errorf("got %v", up)
			}
			if now := w.told("hub.isolation_violated") + w.told("vpc.isolation_violated"); now == violated {
				t.Error("no event tells of it")
			}
			if op := w.report(""); op.GetVerdict() != networkv1.IsolationReport_VIOLATED || op.GetTenants()[0].GetTenant() != tenant {
				t.Errorf("the operator's report: %v", op)
			}
			left, err := w.cloud.Rules(t.Context(), neutron.Filter{IDs: []string{rule}})
			must(t, err)
			if len(left) != 1 {
				t.Error("the report repaired what it should only tell")
			}
			must(t, w.cloud.DeleteRule(t.Context(), rule))
			w.observe()
			if status, _ := bad.status(); status != "True Isolated" {
				t.Errorf("got condition %q", status)
			}
		})
	}
	if w.told("hub.isolation_verified") != 1 || w.told("vpc.isolation_verified") == 0 {
		t.Error("no event tells that it is verified again")
	}
}

// breach does by hand what must never be: it links the hub routers of two tenants.
func (w *world) breach(hubA, hubB string, toA, toB netip.Prefix) (mend func()) {
	w.t.Helper()
	ctx, t := w.t.Context(), w.t
	n, err := w.cloud.CreateNetwork(ctx, neutron.Network{Name: "breach"})
	must(t, err)
	scope, err := w.cloud.CreateScope(ctx, neutron.Scope{Name: "breach"})
	must(t, err)
	pool, err := w.cloud.CreatePool(ctx, neutron.Pool{Name: "breach", ScopeID: scope.ID, Prefixes: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
	must(t, err)
	s, err := w.cloud.CreateSubnet(ctx, neutron.Subnet{
		Name: "breach", NetworkID: n.ID, PoolID: pool.ID, CIDR: netip.MustParsePrefix("198.51.100.0/29"), Gateway: netip.MustParseAddr("198.51.100.1"),
	})
	must(t, err)
	port, err := w.cloud.CreatePort(ctx, neutron.Port{NetworkID: n.ID, Addresses: []neutron.Address{{SubnetID: s.ID, IP: netip.MustParseAddr("198.51.100.2")}}})
	must(t, err)
	_, err = w.cloud.AttachSubnet(ctx, hubA, s.ID)
	must(t, err)
	must(t, w.cloud.AttachPort(ctx, hubB, port.ID))
	routesB := []neutron.Route{{Destination: toA, NextHop: netip.MustParseAddr("198.51.100.1")}}
	routesA := []neutron.Route{{Destination: toB, NextHop: netip.MustParseAddr("198.51.100.2")}}
	must(t, w.cloud.AddRoutes(ctx, hubB, routesB))
	must(t, w.cloud.AddRoutes(ctx, hubA, routesA))
	return func() {
		must(t, w.cloud.RemoveRoutes(ctx, hubB, routesB))
		must(t, w.cloud.RemoveRoutes(ctx, hubA, routesA))
		must(t, w.cloud.DetachSubnet(ctx, hubA, s.ID))
		must(t, w.cloud.DetachSubnet(ctx, hubB, s.ID))
		must(t, w.cloud.DeleteNetwork(ctx, n.ID))
	}
}

func TestBreachBetweenTenantsIsFound(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	hubA := w.foundation()
	prod := w.vpc("prod", &networkv1.Vpc{})
	w.boundary("rival", space)
	hubB := w.hub("tenants/rival/organisations/core", "proj-rival")
	w.observe()
	if hubA.GetCidr() != hubB.GetCidr() {
		t.Fatalf("the tenants' addresses do not overlap, so little is shown: %s, %s", hubA.GetCidr(), hubB.GetCidr())
	}
	if r := w.report(""); r.GetVerdict() != networkv1.IsolationReport_VERIFIED || len(r.GetTenants()) != 2 {
		t.Errorf("got %v", r)
	}
	// One address of either side is enough; no route of the hub itself covers the source's.
	from := netip.MustParsePrefix("10.64.0.77/32")
	to := netip.PrefixFrom(netip.MustParsePrefix(prod.GetCidr()).Addr().Next().Next().Next(), 32)
	mend := w.breach(hubA.GetCloud().GetRouterId(), hubB.GetCloud().GetRouterId(), to, from)
	w.observe()
	r := w.report("")
	rival := "tenants/rival/organisations/core/hub"
	p := pairOf(t, r, rival, prod.GetName())
	if p.GetVerdict() != networkv1.IsolationReport_VIOLATED || !p.GetReachable() || len(p.GetForward().GetHops()) != 3 {
		t.Errorf("got %v", p)
	}
	route := hubB.GetCloud().GetRouterId() + " " + to.String() + " via 198.51.100.1"
	if !slices.ContainsFunc(p.GetOffenders(), func(o *networkv1.IsolationOffender) bool { return o.GetObjectId() == route && o.GetResource() == rival }) {
		t.Errorf("the route %q is not named in %v", route, p.GetOffenders())
	}
	mine := w.report("acme")
	if mine.GetVerdict() != networkv1.IsolationReport_VIOLATED || strings.Contains(mine.String(), "rival") || strings.Contains(mine.String(), hubB.GetCloud().GetRouterId()) {
		t.Errorf("the tenant's report does not tell, or tells what is another's: %v", mine)
	}
	if in := pairOf(t, mine, "", prod.GetName()); in.GetVerdict() != networkv1.IsolationReport_VIOLATED {
		t.Errorf("got %v", in)
	}
	if status, _ := verified(w.get(prod.GetName())); status != "False Opened" {
		t.Errorf("got condition %q", status)
	}
	mend()
	w.observe()
	if r := w.report(""); r.GetVerdict() != networkv1.IsolationReport_VERIFIED {
		t.Errorf("got %v", r)
	}
	if status, _ := verified(w.get(prod.GetName())); status != "True Isolated" {
		t.Errorf("got condition %q", status)
	}
}

func TestPeeringMakesThePairExpected(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	a, b := w.vpc("dev", &networkv1.Vpc{}), w.vpc("prod", &networkv1.Vpc{})
	p := w.peer("link", a, b)
	expect := func(open bool) {
		t.Helper()
		w.observe()
		r := w.report("acme")
		for _, pair := range []*networkv1.IsolationPair{pairOf(t, r, a.GetName(), b.GetName()), pairOf(t, r, b.GetName(), a.GetName())} {
			if pair.GetExpected() != open || pair.GetReachable() != open || pair.GetVerdict() != networkv1.IsolationReport_VERIFIED {
				t.Errorf("got %v, want open %v", pair, open)
			}
		}
		if r.GetVerdict() != networkv1.IsolationReport_VERIFIED {
			t.Errorf("got %v", r)
		}
	}
	expect(false)
	w.done(w.peers.AcceptPeering(t.Context(), &networkv1.AcceptPeeringRequest{Name: p.GetName()}))
	expect(true)
	// A route that is taken away cuts the pair, which is told too.
	via := neutron.Route{Destination: netip.MustParsePrefix(b.GetCidr()), NextHop: netip.MustParseAddr("100.65.0.2")}
	must(t, w.cloud.RemoveRoutes(t.Context(), a.GetCloud().GetRouterId(), []neutron.Route{via}))
	w.observe()
	if cut := pairOf(t, w.report("acme"), a.GetName(), b.GetName()); cut.GetVerdict() != networkv1.IsolationReport_VIOLATED || cut.GetReachable() ||
		len(cut.GetOffenders()) != 1 || cut.GetOffenders()[0].GetObjectId() != a.GetCloud().GetRouterId() {
		t.Errorf("got %v", cut)
	}
	if status, _ := verified(w.get(a.GetName())); status != "False Cut" {
		t.Errorf("got condition %q", status)
	}
	must(t, w.cloud.AddRoutes(t.Context(), a.GetCloud().GetRouterId(), []neutron.Route{via}))
	w.done(w.peers.DeletePeering(t.Context(), &networkv1.DeletePeeringRequest{Name: p.GetName()}))
	expect(false)
}

func TestWhyReachableRefuses(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	dev := w.vpc("dev", &networkv1.Vpc{})
	w.boundary("rival", space)
	w.hub("tenants/rival/organisations/core", "proj-rival")
	w.observe()
	ask := func(name, from, to string, protocol networkv1.WhyReachableRequest_Protocol, port int32) error {
		_, err := w.isolation().WhyReachable(t.Context(), &networkv1.WhyReachableRequest{Name: name, Source: from, Destination: to, Protocol: protocol, Port: port})
		return err
	}
	mine, all, rival := "tenants/acme/isolationReport", "isolationReport", "tenants/rival/organisations/core/hub"
	refused(t, ask(mine, dev.GetName(), rival, networkv1.WhyReachableRequest_ICMP, 0), codes.NotFound, "ENDPOINT_NOT_FOUND")
	refused(t, ask(mine, dev.GetName(), "192.0.2.1", networkv1.WhyReachableRequest_ICMP, 0), codes.NotFound, "ENDPOINT_NOT_FOUND")
	refused(t, ask(mine, dev.GetName(), "ports/nothing", networkv1.WhyReachableRequest_ICMP, 0), codes.NotFound, "ENDPOINT_NOT_FOUND")
	refused(t, ask("tenants/nobody/isolationReport", dev.GetName(), rival, networkv1.WhyReachableRequest_ICMP, 0), codes.NotFound, "TENANT_NOT_FOUND")
	refused(t, ask(mine, dev.GetName(), "what", networkv1.WhyReachableRequest_ICMP, 0), codes.InvalidArgument, "INVALID_FIELDS")
	refused(t, ask(mine, dev.GetName(), org+"/hub", networkv1.WhyReachableRequest_TCP, 0), codes.InvalidArgument, "INVALID_FIELDS")
	refused(t, ask(mine, dev.GetName(), org+"/hub", networkv1.WhyReachableRequest_ICMP, 22), codes.InvalidArgument, "INVALID_FIELDS")
	refused(t, ask(mine, dev.GetName(), dev.GetName(), networkv1.WhyReachableRequest_ICMP, 0), codes.InvalidArgument, "INVALID_FIELDS")
	refused(t, ask(all, "10.64.0.5", rival, networkv1.WhyReachableRequest_ICMP, 0), codes.InvalidArgument, "INVALID_FIELDS")
	must(t, ask(all, org+"/hub@10.64.0.5", rival, networkv1.WhyReachableRequest_ICMP, 0))
	// From acme's hub the address of rival's hub is one of its own.
	r, err := w.isolation().WhyReachable(t.Context(), &networkv1.WhyReachableRequest{Name: all, Source: dev.GetName(), Destination: rival + "@10.64.0.9"})
	must(t, err)
	if r.GetVerdict() != networkv1.WhyReachableResponse_OTHER_HOST {
		t.Errorf("got %v", r)
	}
}

// The loop observes at its pace, and soon after a change without waiting for it.
func TestLoopObservesAfterAChange(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	loop := reconcile.NewIsolation(reconcile.IsolationConfig{
		Cloud: w.cloud, Engine: w.app.Engine, Records: usecase.NewSettlements(store.New(w.pool, clock.Real(), nil), usecase.Messages{}, nil), Pool: w.pool, Clock: clock.Real(), Interval: time.Hour,
	})
	w.background(loop.Run)
	w.until("the first observation", func() bool {
		_, err := w.isolation().GetIsolationReport(t.Context(), &networkv1.GetIsolationReportRequest{Name: "isolationReport"})
		return err == nil
	})
	dev := w.vpc("dev", &networkv1.Vpc{})
	w.until("the new VPC is verified", func() bool {
		status, _ := verified(w.get(dev.GetName()))
		return status == "True Isolated"
	})
}

// background runs something until the test ends.
func (w *world) background(run func(context.Context)) {
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ended := make(chan struct{})
	go func() { defer close(ended); run(ctx) }()
	w.t.Cleanup(func() { stop(); <-ended })
}

// Whatever is under way when the network is observed, nothing that was asked for is called a violation.
func TestChangesUnderWayAreNoViolation(t *testing.T) {
	w := newWorld(t, setup{engine: impatient, sim: sim.Options{Latency: 3 * time.Millisecond}})
	var passes atomic.Int64
	w.background(func(ctx context.Context) {
		for ctx.Err() == nil {
			if err := w.app.Isolation.Pass(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			passes.Add(1)
		}
	})
	w.foundation()
	dev, prod := w.vpc("dev", &networkv1.Vpc{}), w.vpc("prod", &networkv1.Vpc{})
	p := w.peer("link", dev, prod)
	w.done(w.peers.AcceptPeering(t.Context(), &networkv1.AcceptPeeringRequest{Name: p.GetName()}))
	for _, rules := range [][]*networkv1.IngressRule{{{Name: "web", Protocol: networkv1.IngressRule_TCP, PortMin: 443, SourceCidr: "0.0.0.0/0"}}, nil} {
		w.done(w.vpcs.UpdateVpc(t.Context(), &networkv1.UpdateVpcRequest{
			Vpc: &networkv1.Vpc{Name: dev.GetName(), IngressRules: rules}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"ingress_rules"}},
		}))
	}
	w.done(w.peers.DeletePeering(t.Context(), &networkv1.DeletePeeringRequest{Name: p.GetName()}))
	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: dev.GetName()}))
	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: prod.GetName()}))
	w.done(w.base.DeleteHub(t.Context(), &networkinternalv1.DeleteHubRequest{Organisation: org}))
	if n := w.told("hub.isolation_violated") + w.told("vpc.isolation_violated"); n != 0 {
		t.Errorf("%d events tell of violations: %s", n, w.violations())
	}
	t.Logf("%d observations", passes.Load())
}

// violations are the conditions that events of violations tell.
func (w *world) violations() string {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT payload FROM event_outbox`)
	must(w.t, err)
	payloads, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	must(w.t, err)
	var out []string
	for _, raw := range payloads {
		e := &eventv1.Event{}
		must(w.t, proto.Unmarshal(raw, e))
		if strings.HasSuffix(e.GetType(), "isolation_violated") {
			m, err := e.GetData().UnmarshalNew()
			must(w.t, err)
			for _, c := range m.(interface{ GetConditions() []*typev1.Condition }).GetConditions() {
				if c.GetType() == reconcile.ConditionIsolationVerified {
					out = append(out, e.GetSubject()+": "+c.GetMessage())
				}
			}
		}
	}
	return strings.Join(out, "\n")
}
