package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/pg"
)

const (
	// Retention is how long streams and outboxes hold a published event.
	Retention = 7 * 24 * time.Hour

	// relayLock is the advisory lock of the one batch under way.
	relayLock = 0x6c6c72656c6179

	defaultBatch    = 200
	defaultInterval = time.Second
	pruneInterval   = time.Minute
	pruneBatch      = 5000
)

// RelayConfig is the relay's; every field may be left out.
type RelayConfig struct {
	// Interval is how often the outbox is looked at when no notification comes.
	Interval time.Duration
	// Batch is how many events one transaction publishes.
	Batch  int
	Logger *slog.Logger
	Clock  clock.Clock
	// Identity signs the events; nil leaves them unsigned.
	Identity *mtls.Identity
}

// Relay moves events from the outbox to the streams.
type Relay struct {
	pool   *pgxpool.Pool
	redis  *redis.Client
	cfg    RelayConfig
	logger *slog.Logger
	clock  clock.Clock

	// told runs between publishing a batch and marking it as published.
	told func(context.Context) error
}

// NewRelay makes a relay that Run starts.
func NewRelay(pool *pgxpool.Pool, client *redis.Client, cfg RelayConfig) *Relay {
	r := &Relay{pool: pool, redis: client, cfg: cfg, logger: cfg.Logger, clock: cfg.Clock}
	if r.cfg.Interval <= 0 {
		r.cfg.Interval = defaultInterval
	}
	if r.cfg.Batch <= 0 {
		r.cfg.Batch = defaultBatch
	}
	if r.logger == nil {
		r.logger = slog.Default()
	}
	if r.clock == nil {
		r.clock = clock.Real()
	}
	r.told = func(context.Context) error { return nil }
	return r
}

// Run publishes events and returns nil when the context ends. Failures are logged and retried.
func (r *Relay) Run(ctx context.Context) error {
	wake := make(chan struct{}, 1)
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		r.listen(ctx, wake)
	}()
	defer func() { <-listening }()

	trouble := newTrouble(r.logger, "events wait in the outbox", "events of the outbox are told again")
	pruneAt := r.clock.Now().Add(pruneInterval)
	for ctx.Err() == nil {
		n, err := r.batch(ctx)
		trouble.note(ctx, err)
		if err == nil && n == r.cfg.Batch {
			continue
		}
		if now := r.clock.Now(); err == nil && !now.Before(pruneAt) {
			pruneAt = now.Add(pruneInterval)
			trouble.note(ctx, r.prune(ctx))
		}
		timer := r.clock.NewTimer(r.cfg.Interval)
		select {
		case <-ctx.Done():
		case <-timer.C():
		case <-onlyIf(err == nil, wake):
		}
		timer.Stop()
	}
	return nil
}

// onlyIf keeps a relay in trouble from going round with every event that is appended.
func onlyIf(ok bool, c chan struct{}) chan struct{} {
	if ok {
		return c
	}
	return nil
}

// listen passes notifications on. Losing the connection costs the interval, so it is no error.
func (r *Relay) listen(ctx context.Context, wake chan<- struct{}) {
	for ctx.Err() == nil {
		err := r.listenOnce(ctx, wake)
		if ctx.Err() != nil {
			return
		}
		r.logger.DebugContext(ctx, "relay listens again", "error", err)
		timer := r.clock.NewTimer(r.cfg.Interval)
		select {
		case <-ctx.Done():
		case <-timer.C():
		}
		timer.Stop()
	}
}

func (r *Relay) listenOnce(ctx context.Context, wake chan<- struct{}) error {
	pooled, err := r.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	conn := pooled.Hijack() // a connection that listens must not go back to the pool
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end) // the server ends the session either way
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		select {
		case wake <- struct{}{}:
		default: // a look at the outbox is due already
		}
	}
}

// stamp is what the database knows of an event and its payload does not.
type stamp struct {
	sequence int64
	at       time.Time
}

type waiting struct {
	position int64
	source   string
	payload  []byte
	stamp
}

// batch publishes the oldest waiting events and returns their number. Only one replica does so at a time, which keeps a
// tenant's events in order.
func (r *Relay) batch(ctx context.Context) (int, error) {
	told := 0
	err := pg.InTx(ctx, r.pool, func(ctx context.Context, tx pgx.Tx) error {
		told = 0
		var mine bool
		if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1)", int64(relayLock)).Scan(&mine); err != nil || !mine {
			return err
		}
		if err := r.recover(ctx, tx); err != nil {
			return err
		}
		events, err := r.oldest(ctx, tx)
		if err != nil || len(events) == 0 {
			return err
		}
		newest, err := r.tell(ctx, events)
		if err != nil {
			return err
		}
		if err := r.told(ctx); err != nil {
			return err
		}
		told = len(events)
		return note(ctx, tx, events, newest)
	})
	if err != nil {
		return 0, fmt.Errorf("relay events: %w", err)
	}
	return told, nil
}

func (r *Relay) oldest(ctx context.Context, tx pgx.Tx) ([]waiting, error) {
	rows, err := tx.Query(ctx, `SELECT position, source, payload, sequence, created_at FROM event_outbox
		WHERE published_at IS NULL ORDER BY position LIMIT $1`, r.cfg.Batch)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (waiting, error) {
		var w waiting
		err := row.Scan(&w.position, &w.source, &w.payload, &w.sequence, &w.at)
		return w, err
	})
}

// tell adds all events or none: later events would overtake one that failed alone.
func (r *Relay) tell(ctx context.Context, events []waiting) (newest map[string]string, err error) {
	oldest := strconv.FormatInt(r.clock.Now().Add(-Retention).UnixMilli(), 10)
	commands := make([]*redis.StringCmd, len(events))
	_, err = r.redis.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, w := range events {
			event := new(eventv1.Event)
			if err := proto.Unmarshal(w.payload, event); err != nil {
				return fmt.Errorf("read outbox event at %d: %w", w.position, err)
			}
			w.apply(event)
			values, err := encode(event, r.cfg.Identity, r.clock.Now())
			if err != nil {
				return err
			}
			commands[i] = pipe.XAdd(ctx, &redis.XAddArgs{Stream: Stream(w.source), MinID: oldest, Approx: true, Values: values})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("add to stream: %w", err)
	}
	newest = map[string]string{}
	for i, w := range events {
		newest[w.source] = commands[i].Val()
	}
	return newest, nil
}

func note(ctx context.Context, tx pgx.Tx, events []waiting, newest map[string]string) error {
	positions := make([]int64, len(events))
	for i, w := range events {
		positions[i] = w.position
	}
	if _, err := tx.Exec(ctx, "UPDATE event_outbox SET published_at = now() WHERE position = ANY($1)", positions); err != nil {
		return fmt.Errorf("note what was told: %w", err)
	}
	for source, id := range newest {
		_, err := tx.Exec(ctx, `INSERT INTO event_streams (source, newest) VALUES ($1, $2)
			ON CONFLICT (source) DO UPDATE SET newest = excluded.newest`, source, id)
		if err != nil {
			return fmt.Errorf("note newest entry: %w", err)
		}
	}
	return nil
}

// recover marks the outbox unpublished when Redis lost a stream, or the end of one.
func (r *Relay) recover(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, "SELECT source, newest FROM event_streams")
	if err != nil {
		return fmt.Errorf("read newest entries: %w", err)
	}
	noted, err := pgx.CollectRows(rows, pgx.RowToStructByPos[streamEnd])
	if err != nil {
		return fmt.Errorf("read newest entries: %w", err)
	}
	for _, s := range noted {
		newest, err := r.newest(ctx, s.Source)
		if err != nil {
			return err
		}
		if !before(newest, s.Newest) {
			continue
		}
		r.logger.WarnContext(ctx, "redis lost events, telling the outbox again",
			"source", s.Source, "newest_told", s.Newest, "newest_in_redis", newest)
		if _, err := tx.Exec(ctx, "UPDATE event_outbox SET published_at = NULL WHERE source = $1", s.Source); err != nil {
			return fmt.Errorf("tell outbox again: %w", err)
		}
		if _, err := tx.Exec(ctx, "DELETE FROM event_streams WHERE source = $1", s.Source); err != nil {
			return fmt.Errorf("forget newest entry: %w", err)
		}
	}
	return nil
}

type streamEnd struct{ Source, Newest string }

func (r *Relay) newest(ctx context.Context, source string) (string, error) {
	info, err := r.redis.XInfoStream(ctx, Stream(source)).Result()
	switch {
	case err == nil:
		return info.LastGeneratedID, nil
	case noSuchKey(err):
		return "0-0", nil
	}
	return "", fmt.Errorf("ask for newest entry: %w", err)
}

func noSuchKey(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer) && strings.Contains(answer.Error(), "no such key")
}

// before compares stream ids, `<ms>-<n>`.
func before(a, b string) bool {
	aMs, aN := parseID(a)
	bMs, bN := parseID(b)
	return aMs < bMs || aMs == bMs && aN < bN
}

func parseID(id string) (ms, n uint64) {
	left, right, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(left, 10, 64)
	n, _ = strconv.ParseUint(right, 10, 64)
	return ms, n
}

// prune deletes events published long ago. Waiting events stay, however old.
func (r *Relay) prune(ctx context.Context) error {
	_, err := r.pool.Exec(ctx, `DELETE FROM event_outbox WHERE position IN (
		SELECT position FROM event_outbox WHERE published_at < $1 LIMIT $2)`, r.clock.Now().Add(-Retention), pruneBatch)
	if err != nil {
		return fmt.Errorf("prune outbox: %w", err)
	}
	return nil
}
