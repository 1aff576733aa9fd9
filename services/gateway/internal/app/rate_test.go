package app_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/identity/identitytest"
	"github.com/low-layer/platform/libs/redisdb/redistest"
	"github.com/low-layer/platform/services/gateway/internal/limit"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/dunglas/httpsfv"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// left is what a RateLimit field says of its budgets.
func left(t *testing.T, values []string) map[string]int64 {
	t.Helper()
	list, err := httpsfv.UnmarshalList(values)
	if err != nil || len(list) == 0 {
		t.Fatalf("%q is no list: %v", values, err)
	}
	out := make(map[string]int64)
	for _, member := range list {
		item := member.(httpsfv.Item)
		r, _ := item.Params.Get("r")
		if _, ok := item.Params.Get("t"); !ok {
			t.Errorf("%q lacks t", values)
		}
		out[item.Value.(string)] = r.(int64)
	}
	return out
}

func policies(t *testing.T, values []string) string {
	t.Helper()
	if _, err := httpsfv.UnmarshalList(values); err != nil {
		t.Errorf("%q is no list: %v", values, err)
	}
	return strings.Join(values, ", ")
}

// generous are budgets that no test spends.
func generous() []string {
	out := []string{"RATE_ADDRESS=10000000"}
	for _, whose := range []string{"TENANT", "CALLER"} {
		for _, class := range []string{"GET", "LIST", "MUTATE", "STREAM"} {
			out = append(out, "RATE_"+whose+"_"+class+"=10000000")
		}
	}
	return out
}

const over = "RATE_LIMITED"

func TestRate_bothProtocols_shareABudget(t *testing.T) {
	for name, settings := range map[string][]string{"alone": nil, "in Redis": {"REDIS_URL=" + redistest.NewServer(t).URL()}} {
		e := newEdge(t, append(settings, "RATE_CALLER_GET=40", "RATE_TENANT_GET=64")...)
		got := e.do("GET", "/v1/tenants/acme", "", nil)
		if p := policies(t, got.header.Values(limit.PolicyField)); got.status != 200 || p != `"tenant-get";q=64;w=60, "caller-get";q=40;w=60` {
			t.Errorf("%s: got %d, the policy is %s", name, got.status, p)
		}
		if l := left(t, got.header.Values(limit.Field)); l["tenant-get"] != 15 || l["caller-get"] != 9 {
			t.Errorf("%s: %v is left", name, l)
		}
		var header metadata.MD
		tenants := tenantv1.NewTenantServiceClient(e.conn)
		acme := &tenantv1.GetTenantRequest{Name: "tenants/acme"}
		if _, err := tenants.GetTenant(t.Context(), acme, grpc.Header(&header)); err != nil {
			t.Fatal(err)
		}
		if l := left(t, header.Get("ratelimit")); l["tenant-get"] != 14 || l["caller-get"] != 8 || len(header.Get("ratelimit-policy")) != 1 || len(header.Get("x-request-id")) != 1 {
			t.Errorf("%s: gRPC says %v", name, header)
		}
		for range 8 {
			if _, err := tenants.GetTenant(t.Context(), acme); err != nil {
				t.Fatal(err)
			}
		}
		before := e.tenants.count()
		got = e.do("GET", "/v1/tenants/acme", "", nil)
		p := got.problem(t)
		if seconds, err := strconv.Atoi(got.header.Get("Retry-After")); got.status != http.StatusTooManyRequests || p["reason"] != over || err != nil || seconds < 1 || seconds > 3 {
			t.Errorf("%s: got %d %v %s", name, got.status, got.header, got.body)
		}
		if l := left(t, got.header.Values(limit.Field)); l["caller-get"] != 0 {
			t.Errorf("%s: %v is left", name, l)
		}
		_, err := tenants.GetTenant(t.Context(), acme, grpc.Header(&header))
		said := grpcerr.FromError(err)
		if status.Code(err) != codes.ResourceExhausted || said.Reason != over || said.Retry.Seconds() < 1 || grpcerr.RequestID(err) == "" || left(t, header.Get("ratelimit"))["caller-get"] != 0 {
			t.Errorf("%s: gRPC says %v, %v", name, err, header)
		}
		if e.tenants.count() != before {
			t.Errorf("%s: refused calls reached the service", name)
		}
		// Other classes, health and pages go on.
		if got := e.do("GET", "/v1/tenants", "", nil); got.status != 200 || left(t, got.header.Values(limit.Field))["caller-list"] == 0 {
			t.Errorf("%s: a list answers %d", name, got.status)
		}
		for range 30 {
			if _, err := healthpb.NewHealthClient(e.conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
				t.Fatal(err)
			}
		}
		for range 30 {
			if got := e.do("GET", "/openapi.json", "", nil); got.status != 200 || got.header.Get(limit.Field) != "" {
				t.Fatalf("%s: the description answers %d", name, got.status)
			}
		}
	}
}

// Calls that the edge serves itself, and calls refused for other reasons, count too.
func TestRate_everyResponse_isCounted(t *testing.T) {
	e := newEdge(t, "RATE_CALLER_GET=400")
	last := int64(100)
	fewer := func(what string, values []string) {
		t.Helper()
		l := left(t, values)["caller-get"]
		if l >= last {
			t.Errorf("%s: %d is left, %d was before", what, l, last)
		}
		last = l
	}
	op := e.tenantOp.add(t, 1)
	for what, path := range map[string]string{
		"answered here": "/v1/" + op, "no such path": "/v1/nothing", "bad parameter": "/v1/tenants/acme?bad=1", "passed on": "/v1/tenants/acme",
	} {
		fewer(what, e.do("GET", path, "", nil).header.Values(limit.Field))
	}
	var header metadata.MD
	operations := longrunningpb.NewOperationsClient(e.conn)
	if _, err := operations.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: op}, grpc.Header(&header)); err != nil {
		t.Fatal(err)
	}
	fewer("answered here over gRPC", header.Get("ratelimit"))
	if err := e.conn.Invoke(t.Context(), "/no.such/Method", &longrunningpb.Operation{}, &longrunningpb.Operation{}, grpc.Header(&header)); status.Code(err) != codes.Unimplemented {
		t.Fatal(err)
	}
	fewer("no such method", header.Get("ratelimit"))
	e.tenants.fail(status.Error(codes.NotFound, "none"))
	got := e.do("GET", "/v1/tenants/acme", "", nil)
	fewer("the service's own error", got.header.Values(limit.Field))
	if n := len(got.header.Values(limit.Field)); n != 1 {
		t.Errorf("the field is there %d times", n)
	}
}

func TestRate_stranger_spendsNoTenantsBudget(t *testing.T) {
	i := identitytest.Start(t)
	e := newEdge(t, "ISSUER="+i.URL, "RATE_ADDRESS=40", "RATE_CALLER_GET=80", "RATE_TENANT_GET=4000")
	owner := i.Token(t, "owner", []string{"/tenants/own/owner"})
	stranger := i.Token(t, "stranger", []string{"/tenants/foreign/owner"})
	get := func(token string) answer {
		h := headers{}
		if token != "" {
			h["Authorization"] = "Bearer " + token
		}
		return e.do("GET", "/v1/tenants/own", "", h)
	}
	first := left(t, get(owner).header.Values(limit.Field))["tenant-get"]
	limited := 0
	for range 30 {
		if get("").status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited < 18 {
		t.Errorf("%d of 30 calls of nobody were limited, want 20", limited)
	}
	refused := get(stranger)
	if refused.status != http.StatusNotFound || strings.Contains(policies(t, refused.header.Values(limit.PolicyField)), "tenant") {
		t.Errorf("a stranger is answered %d %v", refused.status, refused.header)
	}
	limited = 0
	for range 30 {
		if get(stranger).status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited < 9 {
		t.Errorf("%d of 30 calls of a stranger were limited, want 11", limited)
	}
	// From the same address, a good token still passes; and the tenant's budget is as it was, or fuller.
	got := get(owner)
	if got.status != http.StatusOK || left(t, got.header.Values(limit.Field))["tenant-get"] < first-1 {
		t.Errorf("the owner is answered %d %v", got.status, got.header)
	}
	_, err := tenantv1.NewTenantServiceClient(e.conn).GetTenant(t.Context(), &tenantv1.GetTenantRequest{Name: "tenants/own"})
	if c := status.Code(err); c != codes.ResourceExhausted {
		t.Errorf("nobody over gRPC is answered %v", err)
	}
}

// Two gateways before one Redis have one budget; without it each has its own, and no call fails for that.
func TestRate_gateways_shareBudgetsInRedis(t *testing.T) {
	server := redistest.NewServer(t)
	settings := []string{"REDIS_URL=" + server.URL(), "RATE_CALLER_GET=120"}
	one, two := newEdge(t, settings...), newEdge(t, settings...)
	pass := func(e *edge) int {
		for n := range 1000 {
			switch got := e.do("GET", "/v1/tenants/acme", "", nil); got.status {
			case http.StatusOK:
			case http.StatusTooManyRequests:
				return n
			default:
				t.Fatalf("got %d %s", got.status, got.body)
			}
		}
		return 1000
	}
	if n := pass(one); n < 29 {
		t.Errorf("only %d calls pass", n)
	}
	if n := pass(two); n > 10 {
		t.Errorf("another gateway passes %d calls of a budget that is spent", n)
	}
	server.Stop(t)
	before := one.tenants.count()
	if got := one.do("GET", "/v1/tenants", "", nil); got.status != http.StatusOK || left(t, got.header.Values(limit.Field))["caller-list"] == 0 {
		t.Errorf("without Redis a list answers %d %v", got.status, got.header)
	}
	if _, err := tenantv1.NewTenantServiceClient(one.conn).ListTenants(t.Context(), &tenantv1.ListTenantsRequest{}); err != nil {
		t.Errorf("without Redis gRPC answers %v", err)
	}
	if one.tenants.count() != before+2 {
		t.Error("calls without Redis did not reach the service")
	}
	one.url = one.admin
	if got := one.do("GET", "/metrics", "", nil); !strings.Contains(string(got.body), "\nlowlayer_gateway_rate_limits_local{") || !strings.Contains(string(got.body), "lowlayer_gateway_rate_limited_calls_total{") {
		t.Errorf("the metrics do not tell: %s", got.body)
	}
}

func TestGateway_noRedis_starts(t *testing.T) {
	server := redistest.NewServer(t)
	server.Stop(t)
	e := newEdge(t, "REDIS_URL="+server.URL())
	if got := e.do("GET", "/v1/tenants/acme", "", nil); got.status != http.StatusOK || got.header.Get(limit.Field) == "" {
		t.Errorf("got %d %v", got.status, got.header)
	}
}
