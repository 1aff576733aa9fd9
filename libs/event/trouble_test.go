package event

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/redisdb/redistest"
)

func TestRelay_emptyRedis_publishesAgain(t *testing.T) {
	server := redistest.NewServer(t)
	b := newBench(t, redistest.Connect(t, server.URL()))
	b.run(b.relay().Run)
	b.run(b.consumer("a").Run)
	b.append("tenants/a")
	b.untilHandled(1)

	server.Stop(t)
	for range 3 { // callers notice nothing
		b.append("tenants/a")
	}
	b.until(b.outbox, "events wait", "SELECT count(*) = 3 FROM event_outbox WHERE published_at IS NULL")
	server.Start(t)
	b.untilHandled(4)
	b.inOrder(4)

	// Events published and not yet consumed when Redis lost its data are published again.
	b.append("tenants/a")
	b.untilHandled(5)
	b.inOrder(5)
}

func TestRelay_lostEvents_arePublishedAgain(t *testing.T) {
	server := redistest.NewServer(t)
	b := newBench(t, redistest.Connect(t, server.URL()))
	relay := b.relay()
	for range 3 {
		b.append("tenants/a")
	}
	if n, err := relay.batch(t.Context()); n != 3 || err != nil {
		t.Fatalf("told %d, %v", n, err)
	}
	server.Stop(t)
	server.Start(t)
	b.run(relay.Run)
	b.run(b.consumer("a").Run) // it never saw the stream that was lost
	b.untilHandled(3)
	b.append("tenants/a")
	b.untilHandled(4)
	b.inOrder(4)
}

func TestConsumer_poison_isParked(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	b.run(b.relay().Run)
	var tried atomic.Int32
	b.run(b.consumer("a", func(cfg *ConsumerConfig) {
		cfg.Handlers["thing.made"] = func(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
			if e.GetTenant() == "tenants/bad" && e.GetSequence() == 2 {
				if tried.Add(1) == 1 {
					panic("first in a way of its own")
				}
				return fmt.Errorf("cannot read %s", e.GetSubject())
			}
			return record("a")(ctx, tx, e)
		}
	}).Run)
	for range 3 {
		b.append("tenants/bad")
		b.append("tenants/good")
	}
	b.untilHandled(5)
	b.until(b.inbox, "one is parked", "SELECT count(*) = 1 FROM event_inbox_parked")
	var got struct {
		tenant, cause  string
		attempts, next int
		payload        []byte
	}
	err := b.inbox.QueryRow(t.Context(), `SELECT tenant, error, attempts, payload,
		(SELECT max(sequence) FROM handled WHERE tenant = 'tenants/bad') FROM event_inbox_parked`).
		Scan(&got.tenant, &got.cause, &got.attempts, &got.payload, &got.next)
	if err != nil {
		t.Fatal(err)
	}
	e := new(eventv1.Event)
	if err := proto.Unmarshal(got.payload, e); err != nil || e.GetSequence() != 2 {
		t.Fatalf("parked payload is %v, %v", e, err)
	}
	if got.tenant != "tenants/bad" || got.attempts != 3 || got.next != 3 || !strings.Contains(got.cause, "cannot read") || tried.Load() != 3 {
		t.Fatalf("parked %+v after %d tries", got, tried.Load())
	}
}

func TestConsumer_secondDelivery_isDropped(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	b.run(b.relay().Run)
	stop := b.run(b.consumer("a").Run)
	b.append("tenants/a")
	b.untilHandled(1)
	stop()
	// The group is set back, as if no acknowledgement had arrived.
	if err := b.redis.XGroupSetID(t.Context(), Stream(b.source), "sink", "0").Err(); err != nil {
		t.Fatal(err)
	}
	b.run(b.consumer("b").Run)
	b.append("tenants/a")
	b.untilHandled(2)
	b.inOrder(2)
}

func TestConsumer_takeOver_finishesTheRest(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	b.run(b.relay().Run)
	entered := make(chan struct{})
	stop := b.run(b.consumer("stuck", func(cfg *ConsumerConfig) {
		cfg.Handlers["thing.made"] = func(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
			if err := record("stuck")(ctx, tx, e); err != nil {
				return err
			}
			close(entered)
			<-ctx.Done()
			return ctx.Err()
		}
	}).Run)
	b.append("tenants/a")
	b.append("tenants/a")
	<-entered
	stop()
	b.run(b.consumer("next").Run)
	b.untilHandled(2)
	b.inOrder(2)
	b.until(b.inbox, "all is the next one's", "SELECT bool_and(by = 'next') FROM handled")
	b.until(b.inbox, "pending is empty", "SELECT true")
	if pending := b.redis.XPending(t.Context(), Stream(b.source), "sink").Val(); pending.Count > 1 {
		t.Fatalf("%d still pending", pending.Count)
	}
}

func TestConsumer_replacedReplica_writesNothing(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	old, e := b.consumer("old"), thing("tenants/a")
	e.Id, e.Source = "evt_x", b.source
	if _, err := b.inbox.Exec(t.Context(), "UPDATE event_consumer_epoch SET epoch = 7"); err != nil {
		t.Fatal(err)
	}
	if err := old.handle(t.Context(), 6, e, record("old")); !errors.Is(err, errEpoch) {
		t.Fatalf("a replica of an epoch gone by: %v", err)
	}
	if err := old.park(t.Context(), 6, e, 1, errors.New("x")); !errors.Is(err, errEpoch) {
		t.Fatalf("parked in an epoch gone by: %v", err)
	}
	b.until(b.inbox, "nothing was written",
		"SELECT NOT EXISTS (SELECT FROM handled) AND NOT EXISTS (SELECT FROM event_inbox) AND NOT EXISTS (SELECT FROM event_inbox_parked)")
}

func TestConsumer_unknownEntries_areSkipped(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	for _, values := range []map[string]any{{"hello": "world"}, {"event": "\xff\xff"}, {"event": ""}} {
		if err := b.redis.Do(t.Context(), xadd(b.source, values)...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	b.run(b.relay().Run)
	b.run(b.consumer("a", func(cfg *ConsumerConfig) {
		cfg.Handlers["thing.gone"] = cfg.Handlers["thing.made"]
		delete(cfg.Handlers, "thing.made")
	}).Run)
	b.append("tenants/a") // of a type without a handler
	err := inTx(t, b.outbox, func(ctx context.Context, tx pgx.Tx) error {
		e := thing("tenants/a")
		e.Type = "thing.gone"
		return Append(ctx, tx, b.source, e)
	})
	if err != nil {
		t.Fatal(err)
	}
	b.untilHandled(1)
}

func xadd(source string, values map[string]any) []any {
	args := []any{"XADD", Stream(source), "*"}
	for k, v := range values {
		args = append(args, k, v)
	}
	return args
}

func inTx(t *testing.T, pool *pgxpool.Pool, fn func(context.Context, pgx.Tx) error) error {
	t.Helper()
	return pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return fn(t.Context(), tx) })
}

func TestPruning(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	for range 3 {
		b.append("tenants/a")
	}
	age := func(pool *pgxpool.Pool, query string) {
		t.Helper()
		if _, err := pool.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	age(b.outbox, `UPDATE event_outbox SET created_at = now() - interval '1 year',
		published_at = CASE sequence WHEN 1 THEN now() - interval '8 days' WHEN 2 THEN now() - interval '6 days' END`)
	if err := b.relay().prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.until(b.outbox, "only the old one that was told is gone", "SELECT array_agg(sequence ORDER BY sequence) = '{2,3}' FROM event_outbox")

	age(b.inbox, `INSERT INTO event_inbox (id, source, handled_at) VALUES
		('old', 's', now() - interval '15 days'), ('young', 's', now() - interval '13 days')`)
	if err := b.consumer("a").prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.until(b.inbox, "only the old one is forgotten", "SELECT array_agg(id) = '{young}' FROM event_inbox")
}

func TestRelay_notification_wakesIt(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	b.run(NewRelay(b.outbox, b.redis, RelayConfig{Interval: time.Hour, Logger: quiet()}).Run)
	// Until it listens, an event may be missed until the interval is over; so look for the session first.
	b.until(b.outbox, "the relay listens", "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %' AND state = 'idle')")
	b.append("tenants/a")
	b.until(b.outbox, "the event is told", "SELECT count(*) = 1 FROM event_outbox WHERE published_at IS NOT NULL")
}

func TestConsumer_incompleteConfig_fails(t *testing.T) {
	b := newBench(t, redistest.Client(t))
	for name, change := range map[string]func(*ConsumerConfig){
		"service":  func(c *ConsumerConfig) { c.Service = "" },
		"sources":  func(c *ConsumerConfig) { c.Sources = nil },
		"handlers": func(c *ConsumerConfig) { c.Handlers = nil },
	} {
		if err := b.consumer("a", change).Run(t.Context()); err == nil {
			t.Errorf("without %s: no error", name)
		}
	}
}

func TestConstraints(t *testing.T) {
	pool := pgtest.Database(t, Migrations())
	for want, statement := range map[string]string{
		"event_outbox_id_key": `INSERT INTO event_outbox (id, source, tenant, sequence, payload, created_at)
			VALUES ('a', 's', 't', 1, '', now()), ('a', 's', 't', 2, '', now())`,
		"event_outbox_source_tenant_sequence_key": `INSERT INTO event_outbox (id, source, tenant, sequence, payload, created_at)
			VALUES ('b', 's', 't', 3, '', now()), ('c', 's', 't', 3, '', now())`,
		"event_consumer_epoch_pkey":      `INSERT INTO event_consumer_epoch (epoch) VALUES (1)`,
		"event_consumer_epoch_one_check": `INSERT INTO event_consumer_epoch (one, epoch) VALUES (false, 1)`,
	} {
		_, err := pool.Exec(t.Context(), statement)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestStreamIDOrder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"1-0", "2-0", true}, {"2-0", "1-9", false}, {"5-1", "5-2", true}, {"5-2", "5-2", false}, {"0-0", "1700000000000-0", true}, {"9-0", "10-0", true}} {
		if got := before(c.a, c.b); got != c.want {
			t.Errorf("before(%s, %s) = %v", c.a, c.b, got)
		}
	}
}
