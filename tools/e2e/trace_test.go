package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/telemetry/telemetrytest"
	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// TestTrace_order_isOneTree orders a VPC over REST and looks for one tree: the REST call, the gRPC call, its SQL, the job, every step, and
// every call to OpenStack with the request id under which its logs know it.
func TestTrace_order_isOneTree(t *testing.T) {
	turn(t, &alone)
	receiver := telemetrytest.NewReceiver(t)
	s := stacktest.Start(t, stack.Options{Env: []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.Endpoint(), "OTEL_EXPORTER_OTLP_INSECURE=true", "OTEL_BSP_SCHEDULE_DELAY=200", "OTEL_TRACES_SAMPLER=always_on",
	}})
	s.Must(t, "tenant", "create", "traced")
	s.Must(t, "organisation", "create", "traced/main", "--mode", "MUTUALIZED")
	code, _, op := s.REST(t, http.MethodPost, "/v1/tenants/traced/organisations/main/vpcs?vpcId=dev", `{}`)
	if code != http.StatusOK {
		t.Fatalf("%d %v", code, op)
	}
	name, _ := op["name"].(string)
	s.Must(t, "operation", "wait", name)
	_, _, op = s.REST(t, http.MethodGet, "/v1/"+name, "")
	meta, _ := op["metadata"].(map[string]any)
	trace, _ := meta["traceId"].(string)
	if len(trace) != 32 {
		t.Fatalf("the operation has no trace id: %v", meta)
	}
	steps, _ := meta["steps"].([]any)
	spans := receiver.WaitFor(t, func(all []*telemetrytest.Span) bool {
		spans := telemetrytest.Trace(all, trace)
		root := telemetrytest.Root(spans, trace) // the services export at their own pace
		return root != nil && root.Service == "gateway" && len(named(spans, "network", "provision.vpc/")) >= len(steps)
	})
	spans = telemetrytest.Trace(spans, trace)
	root := telemetrytest.Root(spans, trace)
	if root.Service != "gateway" || root.Kind != "SERVER" {
		t.Errorf("the root is %s of %s (%s)", root.Name, root.Service, root.Kind)
	}
	rpc := one(t, spans, "network", "lowlayer.network.v1.VpcService/CreateVpc")
	if !telemetrytest.IsBelow(spans, rpc, root) {
		t.Errorf("the RPC is not below the REST call:\n%s", telemetrytest.Format(spans))
	}
	sql := telemetrytest.Filter(spans, func(s *telemetrytest.Span) bool {
		return s.Service == "network" && s.Attributes["db.system.name"]+s.Attributes["db.system"] != "" && telemetrytest.IsBelow(spans, s, rpc)
	})
	if len(sql) == 0 {
		t.Errorf("no SQL below the RPC:\n%s", telemetrytest.Format(spans))
	}
	ids := cloudRequestIDs(steps)
	calls := named(spans, "network", "openstack.")
	if len(calls) < len(ids) || len(ids) == 0 {
		t.Errorf("%d calls to OpenStack in the trace, %d request ids on the operation", len(calls), len(ids))
	}
	for _, call := range calls {
		id := call.Attributes["openstack.request_id"]
		if id == "" {
			t.Errorf("%s has no request id: %v", call.Name, call.Attributes)
		}
		delete(ids, id)
		step := telemetrytest.Filter(named(spans, "network", "provision.vpc/"), func(s *telemetrytest.Span) bool { return telemetrytest.IsBelow(spans, call, s) })
		if len(step) == 0 {
			t.Errorf("%s is below no step", call.Name)
		}
	}
	if len(ids) > 0 {
		t.Errorf("request ids of the operation that no span has: %v", ids)
	}
}

func cloudRequestIDs(steps []any) map[string]bool {
	ids := make(map[string]bool)
	for _, x := range steps {
		step, _ := x.(map[string]any)
		list, _ := step["cloudRequestIds"].([]any)
		for _, id := range list {
			if s, ok := id.(string); ok {
				ids[s] = true
			}
		}
	}
	return ids
}

func named(spans []*telemetrytest.Span, service, prefix string) []*telemetrytest.Span {
	return telemetrytest.Filter(spans, func(s *telemetrytest.Span) bool { return s.Service == service && strings.HasPrefix(s.Name, prefix) })
}

func one(t *testing.T, spans []*telemetrytest.Span, service, name string) *telemetrytest.Span {
	t.Helper()
	found := telemetrytest.Filter(spans, func(s *telemetrytest.Span) bool { return s.Service == service && s.Kind == "SERVER" && s.Name == name })
	if len(found) != 1 {
		t.Fatalf("%d spans %s of %s:\n%s", len(found), name, service, telemetrytest.Format(spans))
	}
	return found[0]
}
