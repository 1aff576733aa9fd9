package rest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
	"github.com/low-layer/platform/services/gateway/internal/edge/strict"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func cut(path string) (top, rest string, more bool) { return strings.Cut(path, ".") }

// conditional adds an ETag to reads, and responds with 304 and no body when the caller has that version.
func conditional(ctx context.Context, w http.ResponseWriter, m proto.Message) error {
	c := callOf(ctx)
	tagged, ok := m.(interface{ GetEtag() string })
	if c == nil || !ok || c.route.Verb != http.MethodGet || tagged.GetEtag() == "" {
		return nil
	}
	w.Header().Set("Etag", `"`+tagged.GetEtag()+`"`)
	for _, line := range c.ifNoneMatch {
		if slices.ContainsFunc(strings.Split(line, ","), func(t string) bool {
			return strings.TrimSpace(t) == "*" || unquote(t) == tagged.GetEtag()
		}) {
			w.Header().Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	return nil
}

// failed responds to an error of the mux. Before a service was called the body is at fault; its fields are checked only
// now, so that good bodies are read once.
func (h *Handler) failed(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	c := callOf(ctx)
	if c == nil {
		c = &call{id: w.Header().Get("X-Request-Id"), started: time.Now(), verb: r.Method, remote: r.RemoteAddr, caller: r.Context(), header: w.Header()}
	}
	if e, ok := errs.As(err); ok {
		h.problem(w, r, c, 0, e)
		return
	}
	if !c.sent {
		if c.route != nil && len(c.body) > 0 {
			err = errs.Invalid(strict.Explain(c.body, c.route.BodyMessage, c.route.Prefix())...)
		} else {
			err = errs.Wrap(err, errs.InvalidArgument, errs.ReasonInvalidFields,
				"the request cannot be read; compare it with the reference at /docs")
		}
	}
	h.problem(w, r, c, 0, answerOf(err))
}

// answerOf is what a status says; a service's own word is trusted, anything else is masked.
func answerOf(err error) *errs.Error {
	if st, ok := status.FromError(err); ok && len(st.Proto().GetDetails()) > 0 {
		return grpcerr.FromError(err)
	}
	return grpcerr.Mask(err)
}

func (h *Handler) unrouted(ctx context.Context, m *runtime.ServeMux, c runtime.Marshaler, w http.ResponseWriter, r *http.Request, _ int) {
	// Unreachable while the mux and the table know the same routes.
	h.failed(ctx, m, c, w, r, errs.New(errs.CodeNotFound, problem.RouteNotFound,
		"this installation does not serve the path; compare it with the reference at /docs"))
}

// refuse responds to a request that was not admitted.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, c *call, status int, e *errs.Error) {
	if over := h.count(c, e); over != nil {
		status, e = 0, over
	}
	if list := e.Metadata["allow"]; status == http.StatusMethodNotAllowed && list != "" {
		w.Header().Set("Allow", list)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	// The rest of a body that was too large or too slow stays unread.
	if status == http.StatusRequestEntityTooLarge || status == http.StatusRequestTimeout {
		w.Header().Set("Connection", "close")
	}
	h.problem(w, r, c, status, e)
}

// count counts a request that was refused before it was counted, and returns an error when there were too many.
func (h *Handler) count(c *call, e *errs.Error) *errs.Error {
	if c.counted {
		return nil
	}
	c.counted = true
	method := ""
	if c.route != nil {
		method = c.route.Full
	}
	answer, reason := h.cfg.Gate.Refuse(c.caller, method, c.remote, e)
	answer.Header(c.header)
	if over, ok := errs.As(reason); ok && over != e {
		return over
	}
	return nil
}

func (h *Handler) problem(w http.ResponseWriter, r *http.Request, c *call, status int, e *errs.Error) {
	if over := h.count(c, e); over != nil {
		status, e = 0, over
	}
	p := problem.New(e, status, c.id)
	if span := trace.SpanContextFromContext(r.Context()); span.HasTraceID() {
		p.TraceID = span.TraceID().String()
	}
	h.log(r, c, p, e)
	WriteProblem(w, p)
}

// WriteProblem writes a problem as the response.
func WriteProblem(w http.ResponseWriter, p problem.Problem) {
	header := w.Header()
	header.Set("Content-Type", problem.MediaType)
	header.Set("Cache-Control", "no-store")
	header.Del("Etag")
	if p.RetryAfterSeconds > 0 {
		header.Set("Retry-After", strconv.Itoa(p.RetryAfterSeconds))
	}
	if p.Status == http.StatusUnauthorized {
		header.Set("Www-Authenticate", challenge(p.Reason))
	}
	data, err := json.Marshal(p)
	if err != nil {
		// Text alone cannot fail to be encoded; without it there is still the status.
		data = nil
	}
	header.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(data) // the caller is gone when it fails
}

// challenge says in the words of RFC 6750 and RFC 9470 what is wrong with the token.
func challenge(reason string) string {
	const bearer = `Bearer realm="lowlayer"`
	switch reason {
	case identity.ReasonExpired:
		return bearer + `, error="invalid_token", error_description="the token has expired"`
	case identity.ReasonInvalid:
		return bearer + `, error="invalid_token"`
	case authz.ReasonStepUp:
		return bearer + `, error="insufficient_user_authentication", acr_values="2"`
	default:
		return bearer
	}
}

func (h *Handler) log(r *http.Request, c *call, p problem.Problem, e *errs.Error) {
	level := slog.LevelInfo
	if p.Status >= http.StatusInternalServerError && !errors.Is(r.Context().Err(), context.Canceled) {
		level = slog.LevelError
	}
	if !h.cfg.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", c.verb), slog.Int("status", p.Status), slog.String("reason", p.Reason),
		slog.String("request_id", c.id), slog.Duration("duration", time.Since(c.started)),
	}
	if c.route != nil {
		attrs = append(attrs, slog.String("rpc", c.route.Full))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("error", e.Err))
	}
	h.cfg.Logger.LogAttrs(r.Context(), level, "rest", attrs...)
}
