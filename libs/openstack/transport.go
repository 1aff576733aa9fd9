package openstack

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/low-layer/platform/libs/clock"
)

const (
	scopeName       = "github.com/low-layer/platform/libs/openstack"
	globalHeader    = "X-Openstack-Request-Id"
	requestIDHeader = "X-Openstack-Request-Id"
	novaIDHeader    = "X-Compute-Request-Id"
)

// callTransport makes one call: limits its time, traces it and calls its observers.
type callTransport struct {
	next    http.RoundTripper
	service string
	timeout time.Duration
	clock   clock.Clock
	tracer  trace.Tracer
	seconds metric.Float64Histogram
}

func newCallTransport(next http.RoundTripper, cfg Config, c clock.Clock) (*callTransport, error) {
	seconds, err := cfg.Telemetry.MeterProvider().Meter(scopeName).Float64Histogram("lowlayer_openstack_call_seconds",
		metric.WithDescription("Time of calls to OpenStack, by service, method and status."), metric.WithUnit("s"))
	if err != nil {
		return nil, err
	}
	timeout := cfg.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &callTransport{
		next: next, timeout: timeout, clock: c, seconds: seconds,
		tracer: cfg.Telemetry.TracerProvider().Tracer(scopeName),
	}, nil
}

// of is the same transport for calls of one service.
func (t *callTransport) of(service string) *callTransport {
	own := *t
	own.service = service
	return &own
}

// RoundTrip implements http.RoundTripper.
func (t *callTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	limit := t.timeout
	if own, ok := req.Context().Value(timeoutKey{}).(time.Duration); ok {
		limit = own
	}
	caller := req.Context()
	ctx, cancel := context.WithTimeoutCause(caller, limit, errCallTimeout)
	ctx, span := t.tracer.Start(ctx, "openstack."+t.service+" "+req.Method+" "+template(req.URL.Path),
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(
			attribute.String("http.request.method", req.Method),
			attribute.String("server.address", req.URL.Host),
			attribute.String("url.path", req.URL.Path),
		))
	defer span.End()

	sent := req.Clone(ctx)
	if id := GlobalRequestID(ctx); id != "" {
		sent.Header.Set(globalHeader, id)
		span.SetAttributes(attribute.String("openstack.global_request_id", id))
	}
	start := t.clock.Now()
	resp, err := t.next.RoundTrip(sent)
	call := Call{Service: t.service, Method: req.Method, Path: req.URL.Path, Duration: t.clock.Now().Sub(start), Err: err}
	if err != nil {
		if errors.Is(context.Cause(ctx), errCallTimeout) {
			err = errCallTimeout
			call.Err = err
		}
		cancel()
		span.SetStatus(codes.Error, err.Error())
	} else {
		call.Status, call.RequestID = resp.StatusCode, requestIDOf(resp.Header)
		resp.Body = &answerBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, method: req.Method}
		span.SetAttributes(attribute.Int("http.response.status_code", call.Status),
			attribute.String("openstack.request_id", call.RequestID))
		if call.Status >= http.StatusBadRequest {
			span.SetStatus(codes.Error, http.StatusText(call.Status))
		}
	}
	t.seconds.Record(ctx, call.Duration.Seconds(), metric.WithAttributes(
		attribute.String("service", t.service), attribute.String("method", req.Method),
		attribute.String("status", strconv.Itoa(call.Status))))
	if observe := observerOf(caller); observe != nil {
		observe(call)
	}
	return resp, err
}

func requestIDOf(h http.Header) string {
	if id := h.Get(requestIDHeader); id != "" {
		return id
	}
	return h.Get(novaIDHeader)
}

// answerBody ends the call's time limit with the response. It marks a response that breaks off: the call was carried
// out, only its result is unknown.
type answerBody struct {
	io.ReadCloser
	ctx    context.Context // the call's, which lasts until the body is closed
	cancel context.CancelFunc
	method string
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		if errors.Is(context.Cause(b.ctx), errCallTimeout) {
			err = errCallTimeout
		}
		err = &brokenAnswerError{method: b.method, err: err}
	}
	return n, err
}

func (b *answerBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

var identifier = regexp.MustCompile(`^([0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{32})$`)

// template replaces ids in a path, so that spans of one kind of call have one name.
func template(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		switch {
		case identifier.MatchString(segment):
			segments[i] = "{id}"
		case i > 1 && segments[i-1] == "tags":
			segments[i] = "{tag}"
		}
	}
	return strings.Join(segments, "/")
}
