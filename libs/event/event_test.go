package event

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/redisdb/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// handled is a table a handler writes to, so that tests see what was committed, in which order.
func handled() pg.Migrations {
	return pg.Migrations{Name: "handled", FS: fstest.MapFS{"00001_handled.sql": {Data: []byte(`-- +goose Up
CREATE TABLE handled (
	n bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT handled_pkey PRIMARY KEY,
	id text NOT NULL, tenant text NOT NULL, sequence bigint NOT NULL, by text NOT NULL
);`)}}}
}

// bench is two services: source appends and relays, sink consumes.
type bench struct {
	t      *testing.T
	source string
	outbox *pgxpool.Pool
	inbox  *pgxpool.Pool
	redis  *redis.Client
}

func newBench(t *testing.T, client *redis.Client) *bench {
	t.Helper()
	return &bench{
		t: t, source: "source-" + ids.New("t"), redis: client,
		outbox: pgtest.Database(t, Migrations()),
		inbox:  pgtest.Database(t, Migrations(), handled()),
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// run starts a function that ends with the returned function, at the latest with the test.
func (b *bench) run(fn func(context.Context) error) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := fn(ctx); err != nil {
			b.t.Errorf("run: %v", err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	b.t.Cleanup(stop)
	return stop
}

func (b *bench) relay() *Relay {
	return NewRelay(b.outbox, b.redis, RelayConfig{Interval: 50 * time.Millisecond, Logger: quiet()})
}

func (b *bench) consumer(by string, change ...func(*ConsumerConfig)) *Consumer {
	cfg := ConsumerConfig{
		Service: "sink", Sources: []string{b.source}, Logger: quiet(),
		Standby: 20 * time.Millisecond, Backoff: time.Millisecond, Attempts: 3,
		Handlers: map[string]Handler{"thing.made": record(by)},
	}
	for _, fn := range change {
		fn(&cfg)
	}
	return NewConsumer(b.inbox, b.redis, cfg)
}

func record(by string) Handler {
	return func(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
		_, err := tx.Exec(ctx, "INSERT INTO handled (id, tenant, sequence, by) VALUES ($1, $2, $3, $4)",
			e.GetId(), e.GetTenant(), e.GetSequence(), by)
		return err
	}
}

func thing(tenant string) *eventv1.Event {
	return &eventv1.Event{Type: "thing.made", Tenant: tenant, Subject: tenant + "/things/a"}
}

func (b *bench) append(tenant string) *eventv1.Event {
	b.t.Helper()
	e := thing(tenant)
	err := pg.InTx(b.t.Context(), b.outbox, func(ctx context.Context, tx pgx.Tx) error { return Append(ctx, tx, b.source, e) })
	if err != nil {
		b.t.Fatalf("append: %v", err)
	}
	return e
}

// until waits for a query of one bool to return true.
func (b *bench) until(pool *pgxpool.Pool, what, query string, args ...any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		var ok bool
		if err := pool.QueryRow(ctx, query, args...).Scan(&ok); err != nil {
			b.t.Fatalf("wait until %s: %v", what, err)
		}
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("not within %s: %s", patience, what)
		case <-ticker.C:
		}
	}
}

func (b *bench) untilHandled(n int) {
	b.t.Helper()
	b.until(b.inbox, fmt.Sprintf("%d events are handled", n), "SELECT count(*) >= $1 FROM handled", n)
}

// inOrder checks that each of n events was handled once and each tenant's in order.
func (b *bench) inOrder(n int) {
	b.t.Helper()
	rows, err := b.inbox.Query(b.t.Context(), "SELECT tenant, sequence FROM handled ORDER BY n")
	if err != nil {
		b.t.Fatal(err)
	}
	last, count := map[string]int64{}, 0
	var tenant string
	var sequence int64
	_, err = pgx.ForEachRow(rows, []any{&tenant, &sequence}, func() error {
		count++
		if sequence != last[tenant]+1 {
			return fmt.Errorf("%s: %d handled after %d", tenant, sequence, last[tenant])
		}
		last[tenant] = sequence
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if count != n {
		b.t.Fatalf("%d handled, want %d", count, n)
	}
}

func TestDelivery(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	got := make(chan *eventv1.Event, 1)
	b.run(b.relay().Run)
	b.run(b.consumer("a", func(cfg *ConsumerConfig) {
		cfg.Handlers["thing.made"] = func(_ context.Context, _ pgx.Tx, e *eventv1.Event) error { got <- e; return nil }
	}).Run)
	sent := b.append("tenants/acme")
	select {
	case e := <-got:
		if e.GetId() != sent.GetId() || e.GetSequence() != 1 || e.GetSource() != b.source || e.GetSubject() != "tenants/acme/things/a" ||
			!e.GetTime().AsTime().Equal(sent.GetTime().AsTime()) || e.GetTime().AsTime().IsZero() {
			t.Fatalf("got %v, sent %v", e, sent)
		}
	case <-time.After(patience):
		t.Fatal("not delivered")
	}
}

func TestAppend_incompleteEvent_fails(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	for name, e := range map[string]*eventv1.Event{
		"no type":    {Tenant: "tenants/a", Subject: "s"},
		"no tenant":  {Type: "a.b", Subject: "s"},
		"no subject": {Type: "a.b", Tenant: "tenants/a"},
	} {
		err := pg.InTx(t.Context(), b.outbox, func(ctx context.Context, tx pgx.Tx) error { return Append(ctx, tx, b.source, e) })
		if err == nil {
			t.Errorf("%s: appended", name)
		}
	}
}

func TestRelay_rolledBackEvent_leavesNoGap(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	refused := errors.New("refused")
	err := pg.InTx(t.Context(), b.outbox, func(ctx context.Context, tx pgx.Tx) error {
		if err := Append(ctx, tx, b.source, thing("tenants/a")); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if e := b.append("tenants/a"); e.GetSequence() != 1 {
		t.Fatalf("sequence %d after a rollback", e.GetSequence())
	}
	b.run(b.relay().Run)
	b.run(b.consumer("a").Run)
	b.untilHandled(1)
	b.inOrder(1)
}

func TestEvents_replicas_keepOrder(t *testing.T) {
	const tenants, each = 10, 100
	b := newBench(t, redistest.Client(t))
	b.run(b.relay().Run)
	b.run(b.relay().Run)
	stopFirst := b.run(b.consumer("first").Run)
	b.run(b.consumer("second").Run)
	var writers sync.WaitGroup
	for w := range 4 { // concurrent writers of the same tenants
		writers.Go(func() {
			for i := range tenants * each / 4 {
				b.append(fmt.Sprintf("tenants/t%d", (i+w)%tenants))
			}
		})
	}
	b.untilHandled(300)
	stopFirst() // whichever leads, the other one goes on
	writers.Wait()
	b.untilHandled(tenants * each)
	b.inOrder(tenants * each)
}

func TestRelay_killedBeforeMarking_publishesAgain(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	for range 5 {
		b.append("tenants/a")
	}
	killed := errors.New("killed")
	dying := b.relay()
	dying.told = func(context.Context) error { return killed }
	if _, err := dying.batch(t.Context()); !errors.Is(err, killed) {
		t.Fatalf("got %v", err)
	}
	b.run(b.relay().Run)
	b.run(b.consumer("a").Run)
	b.until(b.outbox, "the outbox is told", "SELECT count(*) = 5 FROM event_outbox WHERE published_at IS NOT NULL")
	if n := b.redis.XLen(t.Context(), Stream(b.source)).Val(); n != 10 {
		t.Fatalf("%d entries in the stream, want each event twice", n)
	}
	b.untilHandled(5)
	b.append("tenants/a")
	b.untilHandled(6)
	b.inOrder(6)
}
