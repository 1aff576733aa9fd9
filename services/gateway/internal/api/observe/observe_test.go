package observe_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/libs/telemetry/telemetrytest"
	"github.com/low-layer/platform/services/gateway/internal/api/observe"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func start(t *testing.T, endpoint string) (*telemetry.Telemetry, *observe.Observer) {
	t.Helper()
	tel, err := telemetry.Start(t.Context(), telemetry.Config{Service: "gateway", Endpoint: endpoint, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	o, err := observe.New(tel)
	if err != nil {
		t.Fatal(err)
	}
	return tel, o
}

// calls makes one call of each kind within the parent's trace, and returns their trace ids.
func calls(t *testing.T, o *observe.Observer) []string {
	t.Helper()
	ctx, call := o.BeginGRPC(metadata.NewIncomingContext(t.Context(), metadata.Pairs("traceparent", parent)), "lowlayer.network.v1.VpcService/GetVpc")
	call.EndGRPC(ctx, "lowlayer.network.v1.VpcService/GetVpc", status.Error(codes.Unavailable, "away"))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/tenants/acme", nil)
	r.Header.Set("Traceparent", parent)
	over, request := o.BeginREST(r)
	request.EndREST(over, http.MethodGet, "/v1/{name=tenants/*}", http.StatusOK)
	unknown, none := o.BeginGRPC(t.Context(), "")
	none.EndGRPC(unknown, "", status.Error(codes.Unimplemented, "no such method"))
	odd, made := o.BeginREST(httptest.NewRequestWithContext(t.Context(), "BREW", "/x", nil))
	made.EndREST(odd, "BREW", "", http.StatusNotFound)
	return []string{
		trace.SpanContextFromContext(ctx).TraceID().String(), trace.SpanContextFromContext(over).TraceID().String(),
		trace.SpanContextFromContext(unknown).TraceID().String(), trace.SpanContextFromContext(odd).TraceID().String(),
	}
}

func TestSpans_callerWithTrace_continueIt(t *testing.T) {
	receiver := telemetrytest.NewReceiver(t)
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
	tel, o := start(t, receiver.Endpoint())
	if !observe.Recorded(t.Context(), tel) {
		t.Error("spans of sampled callers are recorded")
	}
	calls(t, o)
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := receiver.WaitFor(t, func(all []*telemetrytest.Span) bool { return len(all) >= 2 })
	if len(spans) != 2 {
		t.Fatalf("only the caller's trace was asked for:\n%s", telemetrytest.Format(spans))
	}
	for name, want := range map[string]map[string]string{
		"lowlayer.network.v1.VpcService/GetVpc": {
			"rpc.method": "lowlayer.network.v1.VpcService/GetVpc", "rpc.response.status_code": "UNAVAILABLE", "rpc.system.name": "grpc",
		},
		"GET /v1/{name=tenants/*}": {"http.request.method": "GET", "http.route": "/v1/{name=tenants/*}", "http.response.status_code": "200"},
	} {
		found := telemetrytest.Named(spans, name)
		if len(found) != 1 || found[0].Kind != "SERVER" || found[0].Parent != "b7ad6b7169203331" || found[0].Failed != strings.HasPrefix(name, "lowlayer") {
			t.Fatalf("%s is missing or wrong:\n%s", name, telemetrytest.Format(spans))
		}
		for k, v := range want {
			if found[0].Attributes[k] != v {
				t.Errorf("%s: %s is %q", name, k, found[0].Attributes[k])
			}
		}
	}
}

func TestObserver_noExporter_keepsIdsAndDurations(t *testing.T) {
	tel, o := start(t, "")
	if observe.Recorded(t.Context(), tel) {
		t.Error("nothing can be recorded without an exporter")
	}
	ids := calls(t, o)
	if ids[0] != parent[3:35] || ids[1] != parent[3:35] || strings.Trim(ids[2], "0") == "" || strings.Trim(ids[3], "0") == "" {
		t.Errorf("the trace ids are %v", ids)
	}
	page := httptest.NewRecorder()
	tel.AdminHandler(nil).ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`rpc_method="lowlayer.network.v1.VpcService/GetVpc",rpc_response_status_code="UNAVAILABLE"`,
		`rpc_method="_OTHER",rpc_response_status_code="UNIMPLEMENTED"`,
		`http_request_method="GET",http_response_status_code="200",http_route="/v1/{name=tenants/*}"`,
		`http_request_method="_OTHER",http_response_status_code="404"`,
		"rpc_server_call_duration_seconds_count", "http_server_request_duration_seconds_count",
	} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}
