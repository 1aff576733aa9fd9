// Package observe traces and counts the calls of the edge, REST and gRPC.
//
// Spans and durations have the names and attributes of OpenTelemetry's conventions for servers, as in otelhttp and
// otelgrpc, at a lower price: without an exporter a span is ids alone, and attribute sets are made once for each
// outcome. No metric has an attribute that callers choose freely, so that their number stays small.
package observe

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const scope = "github.com/low-layer/platform/services/gateway"

// other stands for what is not known.
const other = "_OTHER"

// Observer sees calls. It is safe to share.
type Observer struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	rpc, http  metric.Float64Histogram
	// outcomes are those that were seen, each with its attributes.
	outcomes sync.Map
}

// outcome are the attributes of a call's metric.
type outcome struct {
	// verb is empty for gRPC.
	verb, name string
	status     int
}

// New makes an observer.
func New(tel *telemetry.Telemetry) (*Observer, error) {
	meter := tel.MeterProvider().Meter(scope)
	bounds := metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
	rpc, err := meter.Float64Histogram("rpc.server.call.duration", metric.WithUnit("s"), bounds,
		metric.WithDescription("Duration of calls over gRPC."))
	if err != nil {
		return nil, fmt.Errorf("make the histogram of gRPC: %w", err)
	}
	web, err := meter.Float64Histogram("http.server.request.duration", metric.WithUnit("s"), bounds,
		metric.WithDescription("Duration of requests over REST."))
	if err != nil {
		return nil, fmt.Errorf("make the histogram of REST: %w", err)
	}
	return &Observer{
		tracer: tel.TracerProvider().Tracer(scope), propagator: tel.Propagator(), rpc: rpc, http: web,
	}, nil
}

// Call is one call.
type Call struct {
	observer *Observer
	span     trace.Span
	started  time.Time
}

func (o *Observer) begin(ctx context.Context, from propagation.TextMapCarrier, name string) (context.Context, Call) {
	ctx, span := o.tracer.Start(o.propagator.Extract(ctx, from), name, trace.WithSpanKind(trace.SpanKindServer))
	return ctx, Call{observer: o, span: span, started: time.Now()}
}

// BeginGRPC begins the span of a call to a method, named as on the wire without its first slash; empty when there is none
// of that name.
func (o *Observer) BeginGRPC(ctx context.Context, method string) (context.Context, Call) {
	if method == "" {
		method = other
	}
	return o.begin(ctx, incoming{ctx}, method)
}

// EndGRPC ends the call with its status.
func (c Call) EndGRPC(ctx context.Context, method string, err error) {
	if method == "" {
		method = other
	}
	code := status.Code(err)
	option, attributes := c.observer.option(outcome{name: method, status: int(code)}) //nolint:gosec // it is small
	if c.span.IsRecording() {
		c.span.SetAttributes(attributes.ToSlice()...)
		if slices.Contains(serverErrors, code) {
			c.span.SetStatus(codes.Error, status.Convert(err).Message())
		}
	}
	c.span.End()
	c.observer.rpc.Record(ctx, time.Since(c.started).Seconds(), option)
}

// serverErrors are the codes that are no fault of the caller.
var serverErrors = []grpccodes.Code{
	grpccodes.Unknown, grpccodes.DeadlineExceeded, grpccodes.Unimplemented, grpccodes.Internal, grpccodes.Unavailable, grpccodes.DataLoss,
}

// BeginREST begins the span of a request.
func (o *Observer) BeginREST(r *http.Request) (context.Context, Call) {
	return o.begin(r.Context(), propagation.HeaderCarrier(r.Header), "rest")
}

// EndREST ends the request with the status of its response. Route is its template, empty when it has none.
func (c Call) EndREST(ctx context.Context, verb, route string, status int) {
	if !slices.Contains(verbs, verb) {
		verb = other
	}
	option, attributes := c.observer.option(outcome{verb: verb, name: route, status: status})
	if c.span.IsRecording() {
		if route != "" {
			c.span.SetName(verb + " " + route)
		}
		c.span.SetAttributes(attributes.ToSlice()...)
		if status >= http.StatusInternalServerError {
			c.span.SetStatus(codes.Error, "")
		}
	}
	c.span.End()
	c.observer.http.Record(ctx, time.Since(c.started).Seconds(), option)
}

var verbs = []string{
	http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodPut, http.MethodHead, http.MethodOptions,
}

type known struct {
	option     metric.MeasurementOption
	attributes attribute.Set
}

// option is the attributes of an outcome, for a metric and for a span.
func (o *Observer) option(of outcome) (metric.MeasurementOption, *attribute.Set) {
	if found, ok := o.outcomes.Load(of); ok {
		k, _ := found.(*known)
		return k.option, &k.attributes
	}
	k := &known{attributes: attribute.NewSet(of.attributes()...)}
	k.option = metric.WithAttributeSet(k.attributes)
	o.outcomes.Store(of, k)
	return k.option, &k.attributes
}

func (o outcome) attributes() []attribute.KeyValue {
	if o.verb == "" {
		code := "OK"
		if o.status != 0 {
			code = problem.Code(errs.Code(o.status)) //nolint:gosec // it is small
		}
		return []attribute.KeyValue{
			attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", o.name),
			attribute.String("rpc.response.status_code", code),
		}
	}
	all := []attribute.KeyValue{
		attribute.String("http.request.method", o.verb), attribute.Int("http.response.status_code", o.status),
		attribute.String("url.scheme", "http"),
	}
	if o.name != "" {
		all = append(all, attribute.String("http.route", o.name))
	}
	return all
}

// incoming reads the metadata of a call without copying what is not asked for.
type incoming struct {
	ctx context.Context //nolint:containedctx // it is where the metadata is
}

// Get returns the first value.
func (i incoming) Get(key string) string {
	if v := metadata.ValueFromIncomingContext(i.ctx, key); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Set is for carriers that go out.
func (incoming) Set(string, string) {}

// Keys are for propagators that look for names they do not know; ours do not.
func (incoming) Keys() []string { return nil }

// Recorded says whether spans of tel can be kept at all: without an exporter, or with a sampler that takes none, they
// never are. It asks with the parent and the trace id that every other sampler takes, for a span that never ends and so is
// never exported.
func Recorded(ctx context.Context, tel *telemetry.Telemetry) bool {
	parent := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0: 1}, SpanID: trace.SpanID{0: 1}, TraceFlags: trace.FlagsSampled, Remote: true,
	})
	_, span := tel.TracerProvider().Tracer(scope).Start(trace.ContextWithRemoteSpanContext(ctx, parent), "probe")
	return span.IsRecording()
}
