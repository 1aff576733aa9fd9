// Package watch is the log of changes in the tenants of a service: its tables, which triggers on the resources' tables
// fill, and the way to read them and to be woken.
//
// It promises:
//   - A change is in the log if and only if its transaction commits. Triggers write it, so no code can forget to.
//   - The changes of a tenant have the numbers 1, 2, 3 … in commit order, without gaps. A reader up to a number misses none before it.
//   - A transaction that changes a resource more than once is one change of it.
//   - Changes are kept for Retention. A reader who asks for older ones, or for those of an earlier tenant of the same id, gets ErrExpired and never a part.
//   - A place belongs to the history of its database. After a restore or a failover, which may lose changes and give their numbers to others, it is ErrExpired too, also for a reader under way.
//
// The log holds that a resource changed, not its content; libs/watch/watchapi reads the content for each message. It
// needs only the service's database: a notification wakes followers, and a poll makes up for a lost one.
package watch

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/watch/resume"
)

// Retention is how long a change is kept.
const Retention = 7 * 24 * time.Hour

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations is the set of tables of the log.
func Migrations() pg.Migrations {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the name is a constant and the folder is embedded
	}
	return pg.Migrations{Name: "watch", FS: files}
}

// ErrExpired says that changes behind a place are not to be had: they are pruned, of another tenant, or never were.
var ErrExpired = errors.New("the changes from there on are not kept")

// Place is a reader's position in the log of a tenant.
type Place = resume.Place

// Kind is what became of a resource.
type Kind string

// The kinds of changes.
const (
	Added   Kind = "ADDED"
	Changed Kind = "CHANGED"
	Deleted Kind = "DELETED"
)

// Change is one entry of the log.
type Change struct {
	Sequence int64
	Kind     Kind
	// Type and Name are those of the resource; Subject is the resource that decides access to it.
	Type, Name, Subject string
	Time                time.Time
}

// Config is the log's. Pool must be set.
type Config struct {
	Pool   *pgxpool.Pool
	Logger *slog.Logger
	Clock  clock.Clock
	// Prune is how often old changes are looked for; an hour when 0.
	Prune time.Duration
}

const (
	defaultPrune = time.Hour
	listenPause  = time.Second
)

// Log is the log of a service's database. It is safe for use by several goroutines.
type Log struct {
	pool   *pgxpool.Pool
	logger *slog.Logger
	clock  clock.Clock
	prune  time.Duration
	waiters
}

// New makes a log. Without Run, followers learn of changes late.
func New(cfg Config) *Log {
	l := &Log{pool: cfg.Pool, logger: cfg.Logger, clock: cfg.Clock, prune: cfg.Prune}
	if l.logger == nil {
		l.logger = slog.Default()
	}
	if l.clock == nil {
		l.clock = clock.Real()
	}
	if l.prune <= 0 {
		l.prune = defaultPrune
	}
	return l
}

// Last is behind a tenant's last change; its number is 0 when there is none.
func (l *Log) Last(ctx context.Context, tenant string) (Place, error) {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return Place{}, fmt.Errorf("read the last change: %w", err)
	}
	defer conn.Release()
	var at Place
	if at.Epoch, err = epoch(ctx, conn.Conn()); err != nil {
		return Place{}, err
	}
	err = conn.QueryRow(ctx, `SELECT last FROM watch_sequences WHERE tenant = $1`, tenant).Scan(&at.Sequence)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Place{}, fmt.Errorf("read the last change: %w", err)
	}
	return at, nil
}

// readSQL reads numbers and changes in one statement: they are of one moment.
const readSQL = `
SELECT s.last, s.floor, c.sequence, c.kind, c.type, c.name, c.subject, c.change_time
  FROM (SELECT coalesce(max(last), 0) AS last, coalesce(max(floor), 0) AS floor FROM watch_sequences WHERE tenant = $1) s
  LEFT JOIN LATERAL (SELECT * FROM watch_changes WHERE tenant = $1 AND sequence > $2 ORDER BY sequence LIMIT $3) c ON true
 ORDER BY c.sequence`

// After returns the changes of a tenant behind a place, the oldest first, at most limit; ErrExpired when some are gone.
func (l *Log) After(ctx context.Context, tenant string, at Place, limit int) ([]Change, error) {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	defer conn.Release()
	here, err := epoch(ctx, conn.Conn())
	if err != nil {
		return nil, err
	}
	if here != at.Epoch {
		return nil, ErrExpired
	}
	return changes(ctx, conn, tenant, at.Sequence, limit)
}

func changes(ctx context.Context, conn *pgxpool.Conn, tenant string, sequence int64, limit int) ([]Change, error) {
	rows, err := conn.Query(ctx, readSQL, tenant, sequence, limit)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	var out []Change
	var last, floor int64
	var at *int64
	var kind, typ, name, subject *string
	var changed *time.Time
	_, err = pgx.ForEachRow(rows, []any{&last, &floor, &at, &kind, &typ, &name, &subject, &changed}, func() error {
		if at != nil {
			out = append(out, Change{Sequence: *at, Kind: Kind(*kind), Type: *typ, Name: *name, Subject: *subject, Time: *changed})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	if sequence < floor || sequence > last {
		return nil, ErrExpired
	}
	return out, nil
}
