// Package trail keeps the audit trail of one service in its own Postgres.
//
// A call that changed something has its record if and only if the change commits: the record is the last statement of
// the change's transaction. A failed or denied call, and a success without a change, are recorded in a transaction of their own,
// and the response waits for its commit: a call that got a response is in the trail. The response leaves at a multiple of 5 ms,
// so its time does not show whether the tenant exists, and after 1 s without its record: a database that is away holds no caller
// for longer. A record that cannot be written is logged at ERROR and counted by lowlayer_audit_lost.
//
// A plan leaves no record, nor does a response repeated for the same request id. A call about a tenant unknown to this
// service leaves none either. Of one actor's failed calls on one tenant 30 a minute are recorded, of those of all actors without
// a role in the tenant 30 together, and of all actors 300. The last record before the limit says until when calls are left out;
// after that minute a record of the last such call says how many there were, and since when.
//
// A call that a service makes by itself names the service as the actor, and its orderer (libs/audit/behalf).
//
// The tables refuse UPDATE, DELETE and TRUNCATE from every role. A chain belongs to a tenant's unique id and stays after
// the tenant's purge. Callers who may see the past read it under the tenant's name until another tenant takes that name.
package trail

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/receipt"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations are the tables of the trail.
func Migrations() pg.Migrations {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the folder is embedded under this very name
	}
	return pg.Migrations{Name: "audit", FS: files}
}

// Querier is a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Config is what a trail needs. Service, Pool and Owner must be set.
type Config struct {
	// Service is the name in records, for example `network`.
	Service string
	Pool    *pgxpool.Pool
	// Owner returns the unique id of the tenant with an id, empty without one.
	Owner func(ctx context.Context, q Querier, tenant string) (uid string, err error)
	// Signer signs checkpoints; nil signs none, which is for tests.
	Signer *receipt.Signer
	Clock  clock.Clock
	Logger *slog.Logger
	Meter  metric.MeterProvider
}

// Trail writes and reads the records of a service.
type Trail struct {
	cfg     Config
	methods authz.Methods
	log     *slog.Logger
	// known has the records on tenants that have a chain, unknown those on other names: invented ones do not displace them.
	known, unknown *lane
	seen           sync.Map
	wake           chan struct{}

	lost    metric.Int64Counter
	omitted metric.Int64Counter
}

// New makes a trail. Run writes what is recorded after a call.
func New(cfg Config) (*Trail, error) {
	if cfg.Service == "" || cfg.Pool == nil || cfg.Owner == nil {
		return nil, errors.New("build audit trail: service, pool and owner must be set")
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Meter == nil {
		cfg.Meter = metricnoop.NewMeterProvider()
	}
	methods, err := authz.LinkedMethods()
	if err != nil {
		return nil, fmt.Errorf("build audit trail: %w", err)
	}
	t := &Trail{cfg: cfg, methods: methods, log: cfg.Logger, known: newLane(), unknown: newLane(), wake: make(chan struct{}, writers)}
	meter := cfg.Meter.Meter("github.com/low-layer/platform/libs/audit/trail")
	if t.lost, err = meter.Int64Counter("lowlayer_audit_lost",
		metric.WithDescription("Records of failed calls that could not be written.")); err != nil {
		return nil, fmt.Errorf("build metrics: %w", err)
	}
	if t.omitted, err = meter.Int64Counter("lowlayer_audit_omitted",
		metric.WithDescription("Failed calls without a record, by why: too many at once, or about no tenant of ours.")); err != nil {
		return nil, fmt.Errorf("build metrics: %w", err)
	}
	return t, nil
}

// now is the time in the resolution of the database.
func (t *Trail) now() time.Time { return t.cfg.Clock.Now().UTC().Truncate(time.Microsecond) }
