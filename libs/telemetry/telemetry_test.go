package telemetry_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/libs/telemetry/telemetrytest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, cfg telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	cfg.Service = "network"
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	tel, err := telemetry.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Twice, as when a service stops by several ways at once.
		for range 2 {
			if err := tel.Shutdown(context.WithoutCancel(t.Context())); err != nil {
				t.Errorf("shutdown: %v", err)
			}
		}
	})
	return tel
}

func TestSpans_export_keepsTheTree(t *testing.T) {
	receiver := telemetrytest.NewReceiver(t)
	tel := start(t, telemetry.Config{Endpoint: receiver.Endpoint(), Version: "1.2.3"})
	tracer := tel.TracerProvider().Tracer("test")
	ctx, root := tracer.Start(t.Context(), "create vpc", trace.WithAttributes(
		attribute.String("vpc", "dev"), attribute.Int("calls", 18), attribute.Bool("dry", false),
		attribute.Float64("share", 0.5), attribute.StringSlice("tags", []string{"a", "b"})))
	_, first := tracer.Start(ctx, "router")
	first.SetStatus(codes.Error, "quota")
	first.End()
	deeper, second := tracer.Start(ctx, "subnet")
	_, leaf := tracer.Start(deeper, "request")
	leaf.End()
	second.End()
	root.End()
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := receiver.WaitFor(t, func(spans []*telemetrytest.Span) bool { return len(spans) == 4 })
	top := telemetrytest.Root(spans, root.SpanContext().TraceID().String())
	if top == nil || top.Name != "create vpc" || top.Service != "network" || top.Kind != "INTERNAL" {
		t.Fatalf("wrong root:\n%s", telemetrytest.Format(spans))
	}
	for key, want := range map[string]string{"vpc": "dev", "calls": "18", "dry": "false", "share": "0.5", "tags": "a,b"} {
		if top.Attributes[key] != want {
			t.Errorf("attribute %s is %q", key, top.Attributes[key])
		}
	}
	children := telemetrytest.Children(spans, top)
	if len(children) != 2 || children[0].Name != "router" || !children[0].Failed || children[1].Name != "subnet" {
		t.Errorf("wrong children:\n%s", telemetrytest.Format(spans))
	}
	request := telemetrytest.Named(spans, "request")[0]
	if !telemetrytest.IsBelow(spans, request, top) || telemetrytest.IsBelow(spans, top, request) ||
		telemetrytest.IsBelow(spans, request, children[0]) {
		t.Error("IsBelow is wrong")
	}
	drawing := telemetrytest.Format(spans)
	if !strings.Contains(drawing, "router (INTERNAL) FAILED") || !strings.Contains(drawing, "      network: request") {
		t.Errorf("drawn as:\n%s", drawing)
	}
	receiver.Reset()
	if left := receiver.Spans(); len(left) != 0 || telemetrytest.Format(left) != "(no spans)\n" {
		t.Errorf("%d spans after a reset", len(left))
	}
}

func TestTree_pieces_haveNoRoot(t *testing.T) {
	pieces := []*telemetrytest.Span{{TraceID: "t", ID: "1"}, {TraceID: "t", ID: "2", Parent: "gone"}}
	if telemetrytest.Root(pieces, "t") != nil || telemetrytest.Root(nil, "t") != nil {
		t.Error("a root was made up")
	}
}

func TestSpans_noCollector_haveIdsOnly(t *testing.T) {
	for name, environment := range map[string]map[string]string{
		"nothing set": {},
		"disabled":    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
		"exporter":    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range environment {
				t.Setenv(variable, value)
			}
			tel := start(t, telemetry.Config{})
			_, span := tel.TracerProvider().Tracer("test").Start(t.Context(), "work")
			if !span.SpanContext().IsValid() || span.IsRecording() {
				t.Errorf("valid %v, recording %v", span.SpanContext().IsValid(), span.IsRecording())
			}
		})
	}
}

func TestSpans_standardVariables_decide(t *testing.T) {
	receiver := telemetrytest.NewReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Endpoint())
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
	tel := start(t, telemetry.Config{})
	tracer := tel.TracerProvider().Tracer("test")
	_, dropped := tracer.Start(t.Context(), "dropped")
	dropped.End()
	sampled := propagation.MapCarrier{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	ctx := tel.Propagator().Extract(t.Context(), sampled)
	_, kept := tracer.Start(ctx, "kept")
	kept.End()
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := receiver.WaitFor(t, func(spans []*telemetrytest.Span) bool { return len(spans) > 0 })
	if len(spans) != 1 || spans[0].Name != "kept" || spans[0].Parent != "b7ad6b7169203331" {
		t.Errorf("got:\n%s", telemetrytest.Format(spans))
	}
}

func TestSpans_collectorAway_stopsNoCall(t *testing.T) {
	tel, err := telemetry.Start(t.Context(), telemetry.Config{Service: "network", Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.TracerProvider().Tracer("test").Start(t.Context(), "work")
	span.End()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := tel.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "shut telemetry down") {
		t.Errorf("lost spans are not reported: %v", err)
	}
}

func TestTelemetry_nil_isSilent(t *testing.T) {
	var tel *telemetry.Telemetry
	_, span := tel.TracerProvider().Tracer("x").Start(t.Context(), "x")
	if span.IsRecording() || tel.MeterProvider() == nil || tel.Registry() != nil || tel.Propagator() == nil ||
		tel.Flush(t.Context()) != nil || tel.Shutdown(t.Context()) != nil {
		t.Error("nil is not silent")
	}
	if code, _ := get(t, tel.AdminHandler(nil), "/readyz"); code != http.StatusOK {
		t.Errorf("readyz %d", code)
	}
	if code, _ := get(t, tel.AdminHandler(nil), "/metrics"); code != http.StatusNotFound {
		t.Errorf("metrics %d", code)
	}
}

func get(t *testing.T, handler http.Handler, path string) (int, string) {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return answer.Code, answer.Body.String()
}

func TestAdminHandler(t *testing.T) {
	tel := start(t, telemetry.Config{})
	counter, err := tel.MeterProvider().Meter("test").Int64Counter("lowlayer_network_vpcs")
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(t.Context(), 3)
	ready := errors.New("waiting for database")
	handler := tel.AdminHandler(func() error { return ready })
	if code, body := get(t, handler, "/livez"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("livez %d %q", code, body)
	}
	if code, body := get(t, handler, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "waiting for database") {
		t.Errorf("readyz %d %q", code, body)
	}
	ready = nil
	if code, _ := get(t, handler, "/readyz"); code != http.StatusOK {
		t.Errorf("readyz %d", code)
	}
	_, body := get(t, handler, "/metrics")
	for _, want := range []string{"lowlayer_network_vpcs_total", "go_goroutines", "process_start_time_seconds", `service_name="network"`} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/symbol", "/debug/pprof/goroutine"} {
		if code, _ := get(t, handler, path); code != http.StatusOK {
			t.Errorf("%s answers %d", path, code)
		}
	}
}
