package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/tools/openstacksim/sim"
	"google.golang.org/protobuf/proto"
)

// impatient is an engine that tries again soon.
func impatient(c *engine.Config) { c.Pace = 0.05 }

// Every class of failure ends in a state that says who must act and what to do, and heals by itself when the cause goes.
func TestEveryFailureHasAnOwnerAndHeals(t *testing.T) {
	neutron := func(kind, message string) json.RawMessage {
		body, err := json.Marshal(map[string]any{"NeutronError": map[string]string{"type": kind, "message": message, "detail": ""}})
		must(t, err)
		return body
	}
	for name, c := range map[string]struct {
		fault        sim.Fault
		owner        typev1.Blockage_Owner
		reason, step string
	}{
		"quota of Neutron": {
			sim.Fault{Method: http.MethodPost, Path: "/v2.0/routers$", Status: http.StatusConflict, Body: neutron("OverQuota", "Quota exceeded for resources: ['router'].")},
			typev1.Blockage_PROVIDER, "CLOUD_QUOTA_EXCEEDED", "router",
		},
		"no capacity": {
			sim.Fault{Method: http.MethodPost, Path: "/v2.0/networks$", Status: http.StatusServiceUnavailable, Body: neutron("NoNetworkAvailable", "Unable to create the network. No tenant network is available for allocation.")},
			typev1.Blockage_PROVIDER, "CLOUD_NO_CAPACITY", "",
		},
		"held by something foreign": {
			sim.Fault{Method: http.MethodPut, Path: "/add_router_interface$", Status: http.StatusConflict, Body: neutron("RouterInUse", "Router is in use by something foreign")},
			typev1.Blockage_PROVIDER, "CLOUD_CONFLICT", "",
		},
		"a storm of 429": {
			sim.Fault{Path: "/v2.0/", Status: http.StatusTooManyRequests, RetryAfter: 1},
			typev1.Blockage_PROVIDER, "CLOUD_RATE_LIMITED", "",
		},
		"Neutron down": {
			sim.Fault{Path: "/v2.0/", Status: http.StatusServiceUnavailable, RetryAfter: 1},
			typev1.Blockage_PROVIDER, "CLOUD_UNAVAILABLE", "",
		},
		"Neutron too slow": {
			sim.Fault{Path: "/v2.0/", Status: http.StatusGatewayTimeout, RetryAfter: 1},
			typev1.Blockage_PROVIDER, "CLOUD_TIMEOUT", "",
		},
		"credentials refused": {sim.Fault{Path: "/v2.0/", Status: http.StatusUnauthorized}, typev1.Blockage_PLATFORM, "CLOUD_UNAUTHENTICATED", ""},
		"a role is missing": {
			sim.Fault{Method: http.MethodPost, Path: "/v2.0/security-groups$", Status: http.StatusForbidden},
			typev1.Blockage_PLATFORM, "CLOUD_FORBIDDEN", "",
		},
		"a request refused": {
			sim.Fault{Method: http.MethodPost, Path: "/v2.0/subnets$", Status: http.StatusBadRequest, Body: neutron("BadRequest", "Invalid input for gateway_ip.")},
			typev1.Blockage_PLATFORM, "CLOUD_INVALID", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{engine: impatient})
			w.foundation()
			id, err := w.sim.Cloud.AddFault(c.fault)
			must(t, err)
			op, err := w.create("dev", &networkv1.Vpc{})
			b := w.blocked(op, err)
			if b.GetOwner() != c.owner || b.GetReason() != c.reason || (c.step != "" && b.GetStep() != c.step) || b.GetRemedy() == "" || b.GetMessage() == "" {
				t.Errorf("got %v", b)
			}
			if v := w.get(org + "/vpcs/dev"); v.GetState() != typev1.State_BLOCKED || v.GetBlockage().GetReason() != c.reason {
				t.Errorf("got %v", v)
			}
			w.sim.Cloud.RemoveFault(id)
			v := response(w, w.done(op, nil), &networkv1.Vpc{})
			if v.GetState() != typev1.State_ACTIVE || v.GetBlockage() != nil {
				t.Errorf("got %v", v)
			}
			count := map[string]int{}
			for _, o := range w.objects("proj-core") {
				if strings.HasSuffix(o.Name, v.GetUid()) {
					count[o.Type]++
				}
			}
			for kind, want := range map[string]int{"network": 2, "subnet": 2, "router": 1, "port": 1, "security_group": 1} {
				if count[kind] != want {
					t.Errorf("the cloud holds %d × %s, want %d", count[kind], kind, want)
				}
			}
		})
	}
}

// What others put into a VPC's network keeps it from being deleted; it is named and never touched.
func TestForeignPortBlocksDeletion(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	v := w.vpc("dev", &networkv1.Vpc{})
	port, err := w.cloud.CreatePort(t.Context(), neutron.Port{Name: "theirs", ProjectID: "proj-core", NetworkID: v.GetCloud().GetNetworkId()})
	must(t, err)
	op, err := w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: v.GetName()})
	b := w.blocked(op, err)
	if b.GetOwner() != typev1.Blockage_USER || b.GetReason() != "OBJECT_IN_USE" || !strings.Contains(b.GetMessage(), port.ID) {
		t.Errorf("got %v", b)
	}
	if _, err := w.cloud.Port(t.Context(), port.ID); err != nil {
		t.Errorf("the foreign port: %v", err)
	}
	again, err := w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: v.GetName()})
	must(t, err)
	if again.GetName() != op.GetName() {
		t.Errorf("deleting again began %s beside %s", again.GetName(), op.GetName())
	}
	_, err = w.create("dev", &networkv1.Vpc{})
	refused(t, err, codes.AlreadyExists, "VPC_EXISTS")
	must(t, w.cloud.DeletePort(t.Context(), port.ID))
	w.done(op, nil)
	_, err = w.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: v.GetName()})
	refused(t, err, codes.NotFound, "VPC_NOT_FOUND")
}

// A lost answer to any one writing call must not lead to two of anything.
func TestLostAnswersLeaveOneOfEach(t *testing.T) {
	for _, path := range []string{
		"/v2.0/(networks|routers|security-groups)$", "/v2.0/(subnets|security-group-rules)$|/tags$", "/v2.0/ports$|/add_extraroutes$",
		"/add_router_interface$",
	} {
		t.Run(path, func(t *testing.T) {
			w := newWorld(t, setup{engine: impatient})
			w.foundation()
			before := w.count()
			must2(t)(w.sim.Cloud.AddFault(sim.Fault{Name: "lost", Path: path, Executed: true, Count: 4}))
			v := w.vpc("dev", &networkv1.Vpc{})
			w.sim.Cloud.ClearFaults()
			// 2 networks, 2 subnets, a router and its 2 interfaces, the hub router's interface, a group.
			if made := w.count() - before; made != 9 {
				t.Errorf("the cloud holds %d objects more than before, want 9", made)
			}
			rules, err := w.cloud.Rules(t.Context(), neutron.Filter{GroupID: v.GetCloud().GetSecurityGroupId()})
			must(t, err)
			if len(rules) != 4 {
				t.Errorf("the group has %d rules, want 4", len(rules))
			}
			w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: org + "/vpcs/dev"}))
			if left := w.count() - before; left != 0 {
				t.Errorf("%d objects are left", left)
			}
		})
	}
}

func must2(t *testing.T) func(int, error) {
	t.Helper()
	return func(_ int, err error) {
		t.Helper()
		must(t, err)
	}
}

// teller tells events of the tenant service, in order.
func (w *world) teller() func(kind, subject string, data proto.Message) {
	sequence := int64(0)
	return func(kind, subject string, data proto.Message) {
		w.t.Helper()
		sequence++
		e := &eventv1.Event{
			Id: ids.New("evt"), Source: "tenant", Type: kind, Subject: subject, Tenant: tenant, Sequence: sequence, Time: timestamppb.Now(),
		}
		if data != nil {
			packed, err := anypb.New(data)
			must(w.t, err)
			e.Data = packed
		}
		raw, err := proto.Marshal(e)
		must(w.t, err)
		must(w.t, w.redis.XAdd(w.t.Context(), xadd(event.Stream("tenant"), e, raw)).Err())
	}
}

// What stands in a deleted organisation keeps its state, and says that it goes, when, and that it can be kept.
func TestWhatStandsInADeletedOrganisationSaysSo(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	w.vpc("dev", &networkv1.Vpc{})
	tell := w.teller()
	// told answers what is said of the organisation by the VPC and the hub.
	told := func() (of [2]*typev1.Condition) {
		v, err := w.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: org + "/vpcs/dev"})
		must(t, err)
		h, err := w.hubs.GetHub(t.Context(), &networkv1.GetHubRequest{Name: org + "/hub"})
		must(t, err)
		if v.GetState() != typev1.State_ACTIVE || h.GetState() != typev1.State_ACTIVE {
			t.Errorf("they are %s and %s", v.GetState(), h.GetState())
		}
		for i, list := range [][]*typev1.Condition{v.GetConditions(), h.GetConditions()} {
			for _, c := range list {
				if c.GetType() == "OrganisationActive" {
					of[i] = c
				}
			}
		}
		return of
	}
	if of := told(); of[0] != nil || of[1] != nil {
		t.Errorf("of an organisation that is there: %v", of)
	}
	purge := time.Date(2026, 12, 4, 10, 0, 0, 0, time.UTC)
	tell("organisation.deleted", org, &tenantv1.Organisation{Name: org, PurgeTime: timestamppb.New(purge)})
	w.until("the deletion is heard", func() bool { return told()[0] != nil })
	for _, c := range told() {
		if c.GetStatus() != "False" || c.GetReason() != "OrganisationDeleted" || c.GetLastTransitionTime() == nil ||
			!strings.Contains(c.GetMessage(), org+" is deleted") || !strings.Contains(c.GetMessage(), "2026-12-04T10:00:00Z, unless it is undeleted") {
			t.Errorf("got %v", c)
		}
	}
	// To whoever watches it is a change of both.
	var changed int
	must(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM watch_changes WHERE name IN ($1 || '/hub', $1 || '/vpcs/dev') AND kind = 'CHANGED'
		AND transaction::text::bigint % 4294967296 = (SELECT xmin::text::bigint FROM suspensions WHERE resource = $1)`, org).Scan(&changed))
	if changed != 2 {
		t.Errorf("whoever watches is told %d changes, want that of the hub and that of the VPC", changed)
	}
	tell("organisation.undeleted", org, nil)
	w.until("the return is heard", func() bool { return told()[0] == nil })
	if of := told(); of[1] != nil {
		t.Errorf("after the return: %v", of)
	}
}

func TestWhatIsSwitchedOffGetsNothingNew(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	w.vpc("one", &networkv1.Vpc{})
	w.vpc("two", &networkv1.Vpc{})
	tell := w.teller()
	for i, c := range []struct{ off, on, subject, reason string }{
		{"tenant.suspended", "tenant.resumed", tenant, "TENANT_SUSPENDED"},
		{"tenant.deleted", "tenant.undeleted", tenant, "TENANT_SUSPENDED"},
		{"organisation.deleted", "organisation.undeleted", org, "ORGANISATION_DELETED"},
	} {
		tell(c.off, c.subject, nil)
		w.until(c.off+" is heard", func() bool {
			_, err := w.create("probe", &networkv1.Vpc{Cidr: "0.0.0.0/0"})
			return asError(err).Reason == c.reason
		})
		name := "dev" + string(rune('a'+i))
		_, err := w.create(name, &networkv1.Vpc{})
		refused(t, err, codes.FailedPrecondition, c.reason)
		_, err = w.peers.CreatePeering(t.Context(), &networkv1.CreatePeeringRequest{
			Parent: tenant, PeeringId: "link", Peering: &networkv1.Peering{Vpc: org + "/vpcs/one", PeerVpc: org + "/vpcs/two"},
		})
		refused(t, err, codes.FailedPrecondition, c.reason)
		tell(c.on, c.subject, nil)
		w.until(c.on+" is heard", func() bool {
			op, err := w.create(name, &networkv1.Vpc{})
			if err != nil {
				return false
			}
			w.done(op, nil)
			return true
		})
	}
}

// A suspended tenant is neither opened nor destroyed. The removals of a purge go on once it is deleted.
func TestSuspendedTenant_everyCommand_isRefused(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	w.vpc("one", &networkv1.Vpc{})
	w.vpc("two", &networkv1.Vpc{})
	w.done(w.peers.CreatePeering(t.Context(), &networkv1.CreatePeeringRequest{
		Parent: tenant, PeeringId: "link", Peering: &networkv1.Peering{Vpc: org + "/vpcs/one", PeerVpc: org + "/vpcs/two"},
	}))
	tell := w.teller()
	tell("tenant.suspended", tenant, nil)
	w.until("the suspension is received", func() bool {
		_, err := w.create("probe", &networkv1.Vpc{Cidr: "0.0.0.0/0"})
		return asError(err).Reason == "TENANT_SUSPENDED"
	})
	one := &networkv1.Vpc{Name: org + "/vpcs/one", IngressRules: []*networkv1.IngressRule{
		{Name: "all", Protocol: networkv1.IngressRule_TCP, PortMin: 1, PortMax: 65535, SourceCidr: "0.0.0.0/0"},
	}}
	commands := map[string]func(plan bool) error{
		"update vpc": func(plan bool) error {
			_, err := w.vpcs.UpdateVpc(t.Context(), &networkv1.UpdateVpcRequest{Vpc: one, ValidateOnly: plan})
			return err
		},
		"delete vpc": func(plan bool) error {
			_, err := w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: org + "/vpcs/two", ValidateOnly: plan})
			return err
		},
		"accept peering": func(plan bool) error {
			_, err := w.peers.AcceptPeering(t.Context(), &networkv1.AcceptPeeringRequest{Name: tenant + "/peerings/link", ValidateOnly: plan})
			return err
		},
		"delete peering": func(plan bool) error {
			_, err := w.peers.DeletePeering(t.Context(), &networkv1.DeletePeeringRequest{Name: tenant + "/peerings/link", ValidateOnly: plan})
			return err
		},
	}
	for name, command := range commands {
		for _, plan := range []bool{true, false} {
			if e := asError(command(plan)); e == nil || e.Reason != "TENANT_SUSPENDED" {
				t.Errorf("%s, plan %t: got %v", name, plan, e)
			}
		}
	}
	tell("tenant.deleted", tenant, nil)
	w.until("the deletion is received", func() bool { return commands["delete peering"](true) == nil })
	for _, name := range []string{"update vpc", "accept peering"} {
		if e := asError(commands[name](false)); e == nil || e.Reason != "TENANT_SUSPENDED" {
			t.Errorf("%s in a deleted tenant: got %v", name, e)
		}
	}
	w.done(w.peers.DeletePeering(t.Context(), &networkv1.DeletePeeringRequest{Name: tenant + "/peerings/link"}))
	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: org + "/vpcs/two"}))
}

func TestEventsTellOfEveryTransition(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	w.vpc("dev", &networkv1.Vpc{})
	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: org + "/vpcs/dev"}))
	var types []string
	w.until("all events are told", func() bool {
		entries, err := w.redis.XRange(t.Context(), event.Stream("network"), "-", "+").Result()
		must(t, err)
		types = types[:0]
		for _, e := range entries {
			if s, _ := e.Values["subject"].(string); strings.HasSuffix(s, "/dev") {
				kind, _ := e.Values["type"].(string)
				types = append(types, kind)
			}
		}
		return len(types) >= 6
	})
	if got, want := strings.Join(types, " "), "vpc.created vpc.settled usage.changed usage.changed vpc.delete_requested vpc.deleted"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOperationShowsItsSteps(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	op := w.done(w.create("dev", &networkv1.Vpc{}))
	got, err := w.ops.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: op.GetName()})
	must(t, err)
	m := metadata(t, got)
	if m.GetStepCount() != 18 || m.GetStepsDone() != 18 || m.GetProgressPercent() != 100 || m.GetService() != "network" {
		t.Errorf("got %v", show(t, got))
	}
	for _, s := range m.GetSteps() {
		if s.GetTitle() == "" || s.GetAttempts() != 1 {
			t.Errorf("got step %v", s)
		}
		if s.GetName() != "foundation" && len(s.GetCloudRequestIds()) == 0 {
			t.Errorf("step %s shows no request id of the cloud", s.GetName())
		}
	}
	if !m.GetEndTime().AsTime().After(m.GetCreateTime().AsTime()) {
		t.Errorf("it ended at %s, before it began", m.GetEndTime().AsTime())
	}
}
