package event

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/mtls/mtlsca"
	"github.com/low-layer/platform/libs/redisdb/redistest"
)

func authority(t *testing.T) *mtlsca.Authority {
	t.Helper()
	a, err := mtlsca.New(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func identified(t *testing.T, a *mtlsca.Authority, service string, also ...*mtlsca.Authority) *mtls.Identity {
	t.Helper()
	dir := t.TempDir()
	if err := a.Write(dir, service, time.Hour, also...); err != nil {
		t.Fatal(err)
	}
	identity, err := mtls.Open(dir, service, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func entry(t *testing.T, event *eventv1.Event, identity *mtls.Identity, at time.Time) map[string]any {
	t.Helper()
	values, err := encode(event, identity, at)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	for i := 0; i < len(values); i += 2 {
		value := values[i+1]
		if raw, ok := value.([]byte); ok {
			value = string(raw) // as Redis returns it
		}
		out[values[i].(string)] = value
	}
	return out
}

func TestDecode_entriesThatTheSourceDidNotSign_areRefused(t *testing.T) {
	t.Parallel()
	ours := authority(t)
	tenant, network, sink := identified(t, ours, "tenant"), identified(t, ours, "network"), identified(t, ours, "sink")
	now := time.Now()
	suspended := func() *eventv1.Event {
		e := thing("tenants/acme")
		e.Id, e.Source, e.Type = ids.New("evt"), "tenant", "tenant.suspended"
		return e
	}
	signed := func(identity *mtls.Identity, at time.Time) map[string]any { return entry(t, suspended(), identity, at) }
	with := func(values map[string]any, key string, value any) map[string]any { values[key] = value; return values }
	other, err := proto.Marshal(suspended())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		values map[string]any
		want   string
	}{
		"without a signature":      {signed(nil, now), "has no signature"},
		"of another service":       {signed(network, now), "/network signed an event of tenant"},
		"of another authority":     {signed(identified(t, authority(t), "tenant"), now), "certificate"},
		"of another event":         {with(signed(tenant, now), "event", string(other)), "verify the signature"},
		"cut off":                  {with(signed(tenant, now), "signature", "e30..YQ"), "read the signature"},
		"before the certificate":   {signed(tenant, now.Add(-time.Hour)), "certificate"},
		"older than the inbox":     {signed(tenant, now.Add(-inboxRetention-time.Minute)), "outside of the time"},
		"from the future":          {signed(tenant, now.Add(time.Hour)), "outside of the time"},
		"that is a file, not text": {with(signed(tenant, now), "signature", 7), "has no signature"},
	} {
		event, err := decode(c.values, "tenant", sink, now)
		if event != nil || !errors.Is(err, errForged) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v, want an error with %q", name, event, err, c.want)
		}
	}
	for name, reader := range map[string]*mtls.Identity{
		"its own authority":                     sink,
		"the next authority, which trusts both": identified(t, authority(t), "sink", ours),
	} {
		if event, err := decode(signed(tenant, now), "tenant", reader, now); err != nil || event.GetType() != "tenant.suspended" {
			t.Errorf("%s: got %v, %v", name, event, err)
		}
	}
	// The stream of one service holds nothing of another, signed or not.
	if event, err := decode(signed(nil, now), "network", nil, now); event != nil || !errors.Is(err, errNoEvent) {
		t.Errorf("an event in another stream: got %v, %v", event, err)
	}
}

// A writer to Redis cannot suspend a tenant.
func TestConsumer_forgedEvents_areNotHandled(t *testing.T) {
	t.Parallel()
	b := newBench(t, redistest.Client(t))
	ours := authority(t)
	identity := identified(t, ours, b.source)
	forged := thing("tenants/acme")
	forged.Id, forged.Source = ids.New("evt"), b.source
	for _, signer := range []*mtls.Identity{nil, identified(t, ours, "another")} {
		values, err := encode(forged, signer, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := b.redis.XAdd(t.Context(), &redis.XAddArgs{Stream: Stream(b.source), Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	good := b.append("tenants/acme")
	b.run(NewRelay(b.outbox, b.redis, RelayConfig{Interval: 50 * time.Millisecond, Logger: quiet(), Identity: identity}).Run)
	b.run(b.consumer("sink", func(c *ConsumerConfig) { c.Identity = identified(t, ours, "sink") }).Run)
	b.until(b.inbox, "the signed event is handled", "SELECT count(*) = 1 FROM handled WHERE id = $1", good.GetId())
	var others int
	if err := b.inbox.QueryRow(context.Background(), "SELECT count(*) FROM handled WHERE id <> $1", good.GetId()).Scan(&others); err != nil || others != 0 {
		t.Errorf("%d forged events were handled, %v", others, err)
	}
}
