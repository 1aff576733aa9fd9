// Package rest is the REST half of the edge: it checks a request, passes it to grpc-gateway's mux, and writes the
// response.
//
// A request is passed on whole or refused with a problem that names the fault: unknown fields, query parameters, headers
// and methods are never ignored. Only the caller's token, the request id and the trace reach a service. Checks of a body
// cost nothing unless the body is bad; reads are checked by path and query alone.
package rest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/api/gate"
	"github.com/low-layer/platform/services/gateway/internal/api/observe"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
)

// Limits of one request; gRPC's messages have the same.
const (
	MaxBody    = 1 << 20
	MaxHeaders = 32 << 10
)

// Config is what a Handler needs.
type Config struct {
	// Routes map requests to methods.
	Routes *route.Table
	// Logger gets a line for every request that failed.
	Logger *slog.Logger
	// Observer sees every request.
	Observer *observe.Observer
	// Gate authorizes and limits calls; nil lets every call pass.
	Gate *gate.Gate
	// Timeout of a request; WaitTimeout of one that waits for something, like a long poll; StreamTimeout of a stream.
	Timeout, WaitTimeout, StreamTimeout time.Duration
	// StreamPatience is how long a reader of a stream may take for what is sent to it: one that takes longer holds a place for nothing.
	StreamPatience time.Duration
}

// Handler serves the API over REST.
type Handler struct {
	cfg Config
	mux *runtime.ServeMux
}

// New makes a handler that knows no services yet; see Register.
func New(cfg Config) *Handler {
	h := &Handler{cfg: cfg}
	none := func(string) (string, bool) { return "", false }
	h.mux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, newCodec()),
		runtime.WithMarshalerOption(eventStream, events{newCodec()}),
		// outgoing decides which headers pass.
		runtime.WithIncomingHeaderMatcher(none),
		runtime.WithOutgoingHeaderMatcher(none),
		runtime.WithOutgoingTrailerMatcher(none),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithWriteContentLength(),
		runtime.WithErrorHandler(h.failed),
		runtime.WithRoutingErrorHandler(h.unrouted),
		runtime.WithForwardResponseOption(conditional),
	)
	return h
}

// call is what the edge knows of one request.
type call struct {
	id      string
	started time.Time
	verb    string
	tokens  []string
	route   *route.Route
	body    []byte
	// idempotencyKey and ifMatch are from the headers of those names; ifNoneMatch too, for reads.
	idempotencyKey, ifMatch string
	ifNoneMatch             []string
	// lastEventID is from the header of that name, for streams.
	lastEventID string
	// validateOnly is true when a parameter requests the plan of a method with its fields in the body.
	validateOnly bool
	// masked is true when the caller chose the fields to change.
	masked bool
	// sent is true once a service was called: errors are its responses from then on.
	sent bool
	// remote is the address of the client, caller the context of the caller, and header that of the response.
	remote string
	caller context.Context //nolint:containedctx // errors are made where there is none
	header http.Header
	// counted is true once the request was counted against a budget.
	counted bool
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(plain http.ResponseWriter, r *http.Request) {
	ctx, seen := h.cfg.Observer.BeginREST(r)
	w := &recorder{ResponseWriter: plain}
	c := &call{
		started: time.Now(), verb: r.Method, tokens: r.Header.Values("Authorization"), remote: r.RemoteAddr, caller: ctx, header: w.Header(),
	}
	c.id = RequestID(w, r)
	defer func() { seen.EndREST(ctx, c.verb, c.template(), w.status) }()
	defer func() {
		if cause := recover(); cause != nil {
			h.problem(w, r, c, 0, errs.Internal(fmt.Errorf("panic: %v\n%s", cause, debug.Stack())))
		}
	}()
	caller, e, status := h.identify(ctx, r, c)
	if e == nil {
		c.caller = caller
		e, status = h.admit(r, c)
	}
	if e != nil {
		h.refuse(w, r.WithContext(ctx), c, status, e)
		return
	}
	if c.route.Streaming() {
		h.stream(caller, w, r, c)
		return
	}
	timeout := h.cfg.Timeout
	if c.route.Rule.GetRate() == authzv1.RateClass_STREAM {
		timeout = h.cfg.WaitTimeout
	}
	bounded, cancel := context.WithDeadline(context.WithValue(caller, callKey{}, c), c.started.Add(timeout))
	defer cancel()
	r = r.WithContext(bounded)
	r.Method = c.route.Verb
	h.mux.ServeHTTP(w, r)
}

// RequestID takes the caller's request id if it can be logged, else creates one, and writes it into the response.
func RequestID(w http.ResponseWriter, r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if !rpc.ValidRequestID(id) {
		id = rpc.NewRequestID()
	}
	w.Header()["X-Request-Id"] = []string{id}
	return id
}

// identify returns the context of the caller. It runs before the look-up of the route: an unauthenticated caller learns
// nothing.
func (h *Handler) identify(ctx context.Context, r *http.Request, c *call) (context.Context, *errs.Error, int) {
	if size(r) > MaxHeaders {
		return ctx, errs.New(errs.InvalidArgument, problem.HeadersTooLarge,
			"the headers are larger than %d bytes; send fewer or shorter ones", MaxHeaders), http.StatusRequestHeaderFieldsTooLarge
	}
	if e := h.ownSite(r); e != nil {
		return ctx, e, 0
	}
	caller, err := h.cfg.Gate.Identify(ctx, c.tokens)
	if err != nil {
		return ctx, answerOf(err), 0
	}
	return caller, nil, 0
}

// admit finds the route and checks everything that can be checked without a service.
func (h *Handler) admit(r *http.Request, c *call) (*errs.Error, int) {
	if e, status := h.find(r, c); e != nil {
		return e, status
	}
	if e := headers(r, c); e != nil {
		return e, 0
	}
	if r.URL.RawQuery != "" {
		if e := query(r, c); e != nil {
			return e, 0
		}
	}
	if r.ContentLength != 0 {
		return read(r, c)
	}
	r.Body = http.NoBody
	return nil, 0
}

func (h *Handler) find(r *http.Request, c *call) (*errs.Error, int) {
	path, verb := r.URL.Path, r.Method
	if verb == http.MethodHead {
		verb = http.MethodGet
	}
	// An encoded slash would be a part of a name here and a separator there.
	encoded := r.URL.RawPath != "" && strings.Contains(strings.ToLower(r.URL.RawPath), "%2f")
	found, allowed := h.cfg.Routes.Match(verb, path)
	switch {
	case encoded || (found == nil && len(allowed) == 0):
		return errs.New(errs.CodeNotFound, problem.RouteNotFound,
			"the API has no path like this; compare it with the reference at /docs"), http.StatusNotFound
	case found != nil && found.Streaming() && r.Method == http.MethodHead:
		return errs.New(errs.Unimplemented, problem.MethodNotAllowed,
			"a stream has no headers without a body; use GET").With("allow", http.MethodGet), http.StatusMethodNotAllowed
	case found == nil:
		list := allow(allowed)
		return errs.New(errs.Unimplemented, problem.MethodNotAllowed,
			"this path does not take %s; use %s", clip(r.Method), list).With("allow", list), http.StatusMethodNotAllowed
	}
	c.route = found
	return nil, 0
}

// allow is the value of an Allow header.
func allow(verbs []string) string {
	var out []string
	for _, v := range verbs {
		out = append(out, v)
		if v == http.MethodGet {
			out = append(out, http.MethodHead)
		}
	}
	return strings.Join(append(out, http.MethodOptions), ", ")
}

// template is that of the route, which unlike the path is one of a few.
func (c *call) template() string {
	if c.route == nil {
		return ""
	}
	return c.route.Template
}

// recorder keeps the status of a response.
type recorder struct {
	http.ResponseWriter
	status int
	// patient, when set, is called before each write.
	patient func()
}

// WriteHeader begins the response.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write writes the body.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.patient != nil {
		r.patient()
	}
	return r.ResponseWriter.Write(p) //nolint:wrapcheck // it is the connection's
}

// Flush sends what was written so far, as streams need it.
func (r *recorder) Flush() {
	if f, ok := r.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap is how deadlines find the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func size(r *http.Request) int {
	n := len(r.RequestURI)
	for k, values := range r.Header {
		for _, v := range values {
			n += len(k) + len(v) + len(": \r\n")
		}
	}
	return n
}

func clip(s string) string {
	const limit = 64
	s = strings.ToValidUTF8(s, "?")
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}
