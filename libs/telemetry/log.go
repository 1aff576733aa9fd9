package telemetry

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// redacted stands where a secret would have been, so that a reader sees that there was one.
const redacted = "[redacted]"

// sensitive are the words that make the value of an attribute a secret, wherever they occur in its key.
var sensitive = []string{"password", "passwd", "secret", "token", "authorization", "credential", "private_key", "api_key", "cookie"}

// NewLogger writes JSON lines with trace ids and without secrets.
func NewLogger(w io.Writer, level slog.Level, service string) *slog.Logger {
	handler := NewHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	return slog.New(handler).With("service", service)
}

// NewHandler wraps a handler: records gain trace_id and span_id of their context, and attributes whose key names a
// secret lose their value, in groups too. It is a safety net and no permission to log secrets: it does not see a secret
// inside a message or a struct.
func NewHandler(inner slog.Handler) slog.Handler {
	return &handler{inner: inner}
}

type handler struct {
	inner slog.Handler
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() && !carriesSecret(record) {
		return h.inner.Handle(ctx, record)
	}
	out := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(redact(a))
		return true
	})
	if span.IsValid() {
		out.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.inner.Handle(ctx, out)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = redact(a)
	}
	return &handler{inner: h.inner.WithAttrs(clean)}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{inner: h.inner.WithGroup(name)}
}

// carriesSecret lets the common record, which has none, through without a copy.
func carriesSecret(record slog.Record) bool {
	found := false
	record.Attrs(func(a slog.Attr) bool {
		kind := a.Value.Kind()
		found = isSensitive(a.Key) || kind == slog.KindGroup || kind == slog.KindLogValuer
		return !found
	})
	return found
}

func redact(a slog.Attr) slog.Attr {
	if isSensitive(a.Key) {
		return slog.String(a.Key, redacted)
	}
	if a.Value.Kind() == slog.KindLogValuer {
		a.Value = a.Value.Resolve()
	}
	if a.Value.Kind() != slog.KindGroup {
		return a
	}
	members := a.Value.Group()
	clean := make([]slog.Attr, len(members))
	for i, member := range members {
		clean[i] = redact(member)
	}
	return slog.Attr{Key: a.Key, Value: slog.GroupValue(clean...)}
}

func isSensitive(key string) bool {
	key = strings.ReplaceAll(strings.ToLower(key), "-", "_")
	// A page token is an opaque cursor, and ids of tokens are what an operator greps for.
	if key == "page_token" || strings.HasSuffix(key, "_id") {
		return false
	}
	for _, word := range sensitive {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}
