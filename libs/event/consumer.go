package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/telemetry"
)

const (
	// consumerLock is the advisory lock of the replica that consumes.
	consumerLock = 0x6c6c636f6e73756d

	// inboxRetention is longer than Retention: the inbox knows every event that may be published again.
	inboxRetention = 2 * Retention

	// consumerName is the same for all replicas: a successor finds the unfinished entries under its own name.
	consumerName = "active"

	readCount          = 100
	readBlock          = 500 * time.Millisecond
	defaultAttempts    = 10
	defaultBackoff     = 200 * time.Millisecond
	maxBackoff         = 30 * time.Second
	defaultWorkers     = 8
	defaultStandby     = time.Second
	maxInFlight        = 4 * readCount
	inboxPruneInterval = time.Hour
)

// Handler does what an event asks for, in the transaction that notes it as handled. It writes only through tx: a call
// to elsewhere would be made again when the transaction is.
type Handler func(ctx context.Context, tx pgx.Tx, event *eventv1.Event) error

// ConsumerConfig is the consumer's. Service, Sources and Handlers must be set.
type ConsumerConfig struct {
	// Service is the name of the service that listens.
	Service string
	// Sources are the services listened to.
	Sources []string
	// Handlers are by event type; other types are passed over.
	Handlers map[string]Handler

	// Attempts is how often a handler is tried before the event is parked; Backoff is the first pause between, which
	// doubles each time.
	Attempts int
	Backoff  time.Duration
	// Workers is how many tenants are served at the same time.
	Workers int
	// Standby is how often a replica that stands by looks whether it must take over.
	Standby   time.Duration
	Logger    *slog.Logger
	Clock     clock.Clock
	Telemetry *telemetry.Telemetry
	// Identity has the authorities that signatures are verified by; nil accepts unsigned events.
	Identity *mtls.Identity
}

// Consumer handles the events of other services.
type Consumer struct {
	pool   *pgxpool.Pool
	redis  *redis.Client
	cfg    ConsumerConfig
	logger *slog.Logger
	clock  clock.Clock
	tracer trace.Tracer
	busy   chan struct{} // one for each handler that runs
}

// NewConsumer makes a consumer that Run starts.
func NewConsumer(pool *pgxpool.Pool, client *redis.Client, cfg ConsumerConfig) *Consumer {
	if cfg.Attempts <= 0 {
		cfg.Attempts = defaultAttempts
	}
	if cfg.Backoff <= 0 {
		cfg.Backoff = defaultBackoff
	}
	if cfg.Workers <= 0 {
		cfg.Workers = defaultWorkers
	}
	if cfg.Standby <= 0 {
		cfg.Standby = defaultStandby
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	return &Consumer{
		pool: pool, redis: client, cfg: cfg, logger: cfg.Logger, clock: cfg.Clock,
		tracer: cfg.Telemetry.TracerProvider().Tracer("github.com/low-layer/platform/libs/event"),
		busy:   make(chan struct{}, cfg.Workers),
	}
}

// Run consumes while this replica leads, and returns nil when the context ends. Failures are logged and retried. An
// incomplete configuration fails at once.
func (c *Consumer) Run(ctx context.Context) error {
	if c.cfg.Service == "" || len(c.cfg.Sources) == 0 || len(c.cfg.Handlers) == 0 {
		return errors.New("consume events: service, sources and handlers must be set")
	}
	reader := onceOnly(c.redis)
	defer func() { _ = reader.Close() }() // there is nothing left to read
	trouble := newTrouble(c.logger, "events of other services are not consumed", "events of other services are consumed again")
	for ctx.Err() == nil {
		active, err := c.lead(ctx, reader, func() { trouble.note(ctx, nil) })
		if active || err != nil {
			trouble.note(ctx, err)
		}
		c.pause(ctx, c.cfg.Standby)
	}
	return nil
}

// onceOnly is a client that sends each command once. The driver's retry would repeat a read whose response was lost, and
// skip the entries in it.
func onceOnly(client *redis.Client) *redis.Client {
	options := *client.Options()
	options.MaxRetries = -1
	return redis.NewClient(&options)
}

func (c *Consumer) pause(ctx context.Context, d time.Duration) {
	timer := c.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	}
}

// lead consumes until the first error, unless another replica leads; active reports whether it did. A session of its own
// holds the lock. If that session breaks, the epoch keeps this replica from writing once another leads.
func (c *Consumer) lead(ctx context.Context, reader *redis.Client, works func()) (active bool, err error) {
	pooled, err := c.pool.Acquire(ctx)
	if err != nil {
		return false, fmt.Errorf("connect to lead: %w", err)
	}
	conn := pooled.Hijack()
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end) // the lock goes with the session, which the server ends either way
	}()
	var mine bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(consumerLock)).Scan(&mine); err != nil || !mine {
		return false, err
	}
	var epoch int64
	if err := conn.QueryRow(ctx, "UPDATE event_consumer_epoch SET epoch = epoch + 1 RETURNING epoch").Scan(&epoch); err != nil {
		return true, fmt.Errorf("begin epoch: %w", err)
	}
	return true, c.consume(ctx, reader, epoch, works)
}

// consume first goes through what was read before and never finished, then reads on. It ends with the first error and
// with nothing in flight.
func (c *Consumer) consume(ctx context.Context, reader *redis.Client, epoch int64, works func()) error {
	if err := c.ensureGroups(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	queues := newQueues(maxInFlight, func(d delivery) {
		if err := c.settle(ctx, epoch, d); err != nil {
			cancel(err)
		}
	})
	defer func() {
		cancel(nil)
		queues.wait()
	}()

	unfinished := map[string]string{}
	for _, source := range c.cfg.Sources {
		unfinished[source] = "0"
	}
	if err := c.readAll(ctx, reader, queues, unfinished); err != nil {
		return causeOf(ctx, err)
	}
	// Entries read before must be done before they could be read again.
	queues.wait()
	works()

	pruneAt := c.clock.Now()
	for ctx.Err() == nil {
		if now := c.clock.Now(); !now.Before(pruneAt) {
			pruneAt = now.Add(inboxPruneInterval)
			if err := c.prune(ctx); err != nil {
				return causeOf(ctx, err)
			}
		}
		if err := c.readNew(ctx, reader, queues); err != nil {
			return causeOf(ctx, err)
		}
	}
	return causeOf(ctx, nil)
}

// causeOf prefers what a worker stopped the reading for to what the reading then failed with.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// prune deletes inbox rows of events that can no longer be published again. Parked events stay.
func (c *Consumer) prune(ctx context.Context) error {
	_, err := c.pool.Exec(ctx, "DELETE FROM event_inbox WHERE handled_at < $1", c.clock.Now().Add(-inboxRetention))
	if err != nil {
		return fmt.Errorf("prune inbox: %w", err)
	}
	return nil
}
