package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/telemetry"
	"pgregory.net/rapid"
)

// login hides a secret behind a value that is only resolved when it is logged.
type login struct{ user, password string }

func (l login) LogValue() slog.Value {
	return slog.GroupValue(slog.String("user", l.user), slog.String("password", l.password))
}

func line(t interface{ Fatalf(string, ...any) }, log func(*slog.Logger)) (map[string]any, string) {
	var out bytes.Buffer
	log(telemetry.NewLogger(&out, slog.LevelDebug, "network"))
	entry := map[string]any{}
	if err := json.Unmarshal(out.Bytes(), &entry); err != nil {
		t.Fatalf("%q is not one JSON line: %v", out.String(), err)
	}
	return entry, out.String()
}

func TestLog_record_hasItsTrace(t *testing.T) {
	tel := start(t, telemetry.Config{})
	ctx, span := tel.TracerProvider().Tracer("test").Start(t.Context(), "work")
	entry, _ := line(t, func(l *slog.Logger) { l.InfoContext(ctx, "done", "vpc", "dev") })
	if entry["trace_id"] != span.SpanContext().TraceID().String() || entry["span_id"] != span.SpanContext().SpanID().String() ||
		entry["service"] != "network" || entry["vpc"] != "dev" {
		t.Errorf("got %v", entry)
	}
	entry, _ = line(t, func(l *slog.Logger) { l.InfoContext(t.Context(), "done") })
	if _, has := entry["trace_id"]; has {
		t.Errorf("a trace was made up: %v", entry)
	}
}

func TestLog_secret_losesItsValue(t *testing.T) {
	tel := start(t, telemetry.Config{})
	traced, span := tel.TracerProvider().Tracer("test").Start(t.Context(), "work")
	defer span.End()
	for name, log := range map[string]func(*slog.Logger){
		"plain":      func(l *slog.Logger) { l.Info("m", "password", "hunter2") },
		"in a name":  func(l *slog.Logger) { l.Info("m", "Keystone-Auth-Token", "hunter2") },
		"in a group": func(l *slog.Logger) { l.Info("m", slog.Group("cloud", slog.Group("auth", "secret", "hunter2"))) },
		"resolved":   func(l *slog.Logger) { l.Info("m", "login", login{"u", "hunter2"}) },
		"kept":       func(l *slog.Logger) { l.With("authorization", "hunter2").Info("m") },
		"a whole":    func(l *slog.Logger) { l.Info("m", slog.Group("credentials", "user", "hunter2")) },
		"under groups": func(l *slog.Logger) {
			l.WithGroup("g").With("client_secret", "hunter2").Info("m", "api-key", "hunter2")
		},
		"traced": func(l *slog.Logger) { l.InfoContext(traced, "m", "set_cookie", "hunter2") },
	} {
		if _, text := line(t, log); strings.Contains(text, "hunter2") || !strings.Contains(text, "[redacted]") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestOrdinaryAttributesStay(t *testing.T) {
	entry, text := line(t, func(l *slog.Logger) {
		l.Info("m", "page_token", "abc", "credential_id", "c-1", "login", login{user: "ada"}, "count", 3)
	})
	if entry["page_token"] != "abc" || entry["credential_id"] != "c-1" || entry["count"] != 3.0 || !strings.Contains(text, `"user":"ada"`) {
		t.Errorf("got %s", text)
	}
}

func TestLog_anySpellingOfASecret_isHidden(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"password", "secret", "token", "authorization"}).Draw(t, "word")
		key := rapid.StringMatching(`[a-zA-Z]{0,5}[._-]?`).Draw(t, "before") + word + rapid.SampledFrom([]string{"", "s", "_new", "-hash"}).Draw(t, "after")
		if rapid.Bool().Draw(t, "shout") {
			key = strings.ToUpper(key)
		}
		value := "S" + rapid.StringMatching(`[0-9]{20}`).Draw(t, "value")
		_, text := line(t, func(l *slog.Logger) { l.Info("m", slog.Group("g", slog.String(key, value))) })
		if key != "page_token" && strings.Contains(text, value) {
			t.Fatalf("%s shows: %s", key, text)
		}
	})
}

func TestLog_level_holds(t *testing.T) {
	var out bytes.Buffer
	logger := telemetry.NewLogger(&out, slog.LevelWarn, "network")
	logger.Info("quiet")
	if out.Len() != 0 {
		t.Errorf("logged %s", out.String())
	}
}
