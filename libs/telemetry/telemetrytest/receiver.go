// Package telemetrytest receives what a program exports, so that a test can assert a trace as a tree.
//
// The receiver speaks OTLP over gRPC on a loopback port, as a collector does. Waiting is for a state of everything
// received so far, bounded in time; a wait that ends in vain prints the traces that were there.
package telemetrytest

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// waitLimit is longer than the exporter's batch delay, which is 5 s unless OTEL_BSP_SCHEDULE_DELAY says otherwise.
const waitLimit = 20 * time.Second

// Span is one span as it arrived.
type Span struct {
	// Service is the service.name of the process that made it.
	Service string
	Name    string
	// Kind is SERVER, CLIENT, INTERNAL, PRODUCER or CONSUMER.
	Kind string
	// TraceID, ID and Parent are hexadecimal; Parent is empty at the top of a trace.
	TraceID, ID, Parent string
	// Attributes hold values as text.
	Attributes map[string]string
	// Failed says that the span's status is an error.
	Failed     bool
	Start, End time.Time
}

// Receiver is an OTLP collector in the test's process.
type Receiver struct {
	collectorpb.UnimplementedTraceServiceServer

	endpoint string
	mu       sync.Mutex
	spans    []*Span
	// changed is closed and replaced whenever spans arrive.
	changed chan struct{}
}

// NewReceiver starts a receiver that ends with the test.
func NewReceiver(t testing.TB) *Receiver {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a local bind does not wait
	if err != nil {
		t.Fatalf("listen for spans: %v", err)
	}
	r := &Receiver{endpoint: "http://" + listener.Addr().String(), changed: make(chan struct{})}
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, r)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Errorf("receive spans: %v", err)
		}
	})
	return r
}

// Endpoint is what to export to, in the form of OTEL_EXPORTER_OTLP_ENDPOINT.
func (r *Receiver) Endpoint() string { return r.endpoint }

// Export is the collector's RPC.
func (r *Receiver) Export(_ context.Context, request *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	var spans []*Span
	for _, of := range request.GetResourceSpans() {
		service := attributes(of.GetResource().GetAttributes())["service.name"]
		for _, scope := range of.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				spans = append(spans, read(service, span))
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spans = append(r.spans, spans...)
	close(r.changed)
	r.changed = make(chan struct{})
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// Spans is everything received so far.
func (r *Receiver) Spans() []*Span {
	spans, _ := r.snapshot()
	return spans
}

// Reset forgets what was received.
func (r *Receiver) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spans = nil
}

// WaitFor returns the spans once enough holds of them, and fails the test when it does not in time.
func (r *Receiver) WaitFor(t testing.TB, enough func([]*Span) bool) []*Span {
	t.Helper()
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	for {
		spans, changed := r.snapshot()
		if enough(spans) {
			return spans
		}
		select {
		case <-changed:
		case <-limit.C:
			t.Fatalf("the spans waited for did not come within %s; received:\n%s", waitLimit, Format(spans))
		}
	}
}

func (r *Receiver) snapshot() ([]*Span, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Span(nil), r.spans...), r.changed
}

func read(service string, span *tracepb.Span) *Span {
	return &Span{
		Service: service, Name: span.GetName(),
		Kind:    strings.TrimPrefix(span.GetKind().String(), "SPAN_KIND_"),
		TraceID: hex.EncodeToString(span.GetTraceId()), ID: hex.EncodeToString(span.GetSpanId()),
		Parent:     hex.EncodeToString(span.GetParentSpanId()),
		Attributes: attributes(span.GetAttributes()),
		Failed:     span.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
		Start:      time.Unix(0, int64(span.GetStartTimeUnixNano())),
		End:        time.Unix(0, int64(span.GetEndTimeUnixNano())),
	}
}

func attributes(pairs []*commonpb.KeyValue) map[string]string {
	out := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		out[pair.GetKey()] = text(pair.GetValue())
	}
	return out
}

func text(value *commonpb.AnyValue) string {
	switch v := value.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_IntValue:
		return fmt.Sprint(v.IntValue)
	case *commonpb.AnyValue_BoolValue:
		return fmt.Sprint(v.BoolValue)
	case *commonpb.AnyValue_DoubleValue:
		return fmt.Sprint(v.DoubleValue)
	case *commonpb.AnyValue_ArrayValue:
		items := make([]string, len(v.ArrayValue.GetValues()))
		for i, item := range v.ArrayValue.GetValues() {
			items[i] = text(item)
		}
		return strings.Join(items, ",")
	default:
		return ""
	}
}
