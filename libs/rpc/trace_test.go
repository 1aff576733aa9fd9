package rpc

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/libs/telemetry/telemetrytest"
)

func started(t *testing.T, service, endpoint string) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Start(t.Context(), telemetry.Config{Service: service, Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return tel
}

func TestTrace_hops_areOneTrace(t *testing.T) {
	receiver := telemetrytest.NewReceiver(t)
	tel := started(t, "network", receiver.Endpoint())
	lines := &logs{}
	h := start(t, options{
		telemetry: tel,
		logger:    telemetry.NewLogger(lines, slog.LevelDebug, "network"),
		vpcs: &vpcs{get: func(ctx context.Context, _ *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
			_, span := tel.TracerProvider().Tracer("test").Start(ctx, "work")
			span.End()
			return &networkv1.Vpc{}, nil
		}},
	})
	ctx, root := tel.TracerProvider().Tracer("test").Start(t.Context(), "edge")
	if _, err := h.vpcs.GetVpc(ctx, &networkv1.GetVpcRequest{Name: vpcName}); err != nil {
		t.Fatal(err)
	}
	root.End()
	trace := root.SpanContext().TraceID().String()
	// The server's span ends after the response has left, so the wait is for the tree, not for a flush.
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := receiver.WaitFor(t, func(spans []*telemetrytest.Span) bool {
		return len(telemetrytest.Trace(spans, trace)) == 4
	})
	top := telemetrytest.Root(spans, trace)
	work := telemetrytest.Named(spans, "work")
	if top == nil || top.Name != "edge" || len(work) != 1 || !telemetrytest.IsBelow(spans, work[0], top) {
		t.Fatalf("the trace fell apart:\n%s", telemetrytest.Format(spans))
	}
	server := telemetrytest.Parent(spans, work[0])
	client := telemetrytest.Parent(spans, server)
	if server.Kind != "SERVER" || client.Kind != "CLIENT" || telemetrytest.Parent(spans, client) != top {
		t.Errorf("wrong tree:\n%s", telemetrytest.Format(spans))
	}
	if text := lines.String(); !strings.Contains(text, `"trace_id":"`+trace+`"`) {
		t.Errorf("the request log lacks the trace id %s: %s", trace, text)
	}
}

func TestMetrics_calls_areCountedByMethodAndCode(t *testing.T) {
	tel := started(t, "network", "")
	h := start(t, options{telemetry: tel, vpcs: &vpcs{get: func(context.Context, *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
		return &networkv1.Vpc{}, nil
	}}})
	if _, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: "bad"}); err == nil {
		t.Fatal("a bad name was taken")
	}
	// The server counts a call after its response has left; once it has stopped, all are counted.
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	tel.AdminHandler(nil).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		"rpc_server_call_duration_seconds_count{", `rpc_method="lowlayer.network.v1.VpcService/GetVpc"`,
		`rpc_response_status_code="INVALID_ARGUMENT"`,
	} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if t.Failed() {
		t.Log(answer.Body.String())
	}
}
