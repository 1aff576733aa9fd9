// Package pg is how a service holds its Postgres: a pool that connects when first used, migrations that many
// replicas may start at once, transactions that repeat themselves when the database asks for it, and the name of
// the constraint a statement broke.
//
// A statement sees the rows of the tenants that its context is for (libs/pg/scope), by the policies of the tables.
//
// It promises that Open succeeds while Postgres is down: a service starts in any order and says it is not ready
// until Ready answers nil. It fails with the driver's errors, wrapped with what was being done; no error carries
// a password.
package pg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/telemetry"
)

const (
	defaultMaxConns = 10
	connectTimeout  = 5 * time.Second
	readyTimeout    = 2 * time.Second
)

// Config says which database a pool serves. URL is the only field that must be set.
type Config struct {
	URL       string
	MaxConns  int32
	Telemetry *telemetry.Telemetry
}

// Open makes the pool. It fails on a URL that cannot be read, never on a server that cannot be reached.
func Open(ctx context.Context, cfg Config) (*pgxpool.Pool, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("read database url: %w", err)
	}
	if pc.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeExec {
		return nil, errors.New("read database url: default_query_exec_mode=exec is not supported: in it a batch would not wait for the scope of its caller; leave it out")
	}
	pc.MaxConns = cfg.MaxConns
	if pc.MaxConns <= 0 {
		pc.MaxConns = defaultMaxConns
	}
	// A pool that keeps its connections for ever never notices that the service's DNS name moved to a new primary.
	pc.MaxConnLifetime = 30 * time.Minute
	pc.MaxConnLifetimeJitter = 5 * time.Minute
	if pc.ConnConfig.ConnectTimeout == 0 {
		pc.ConnConfig.ConnectTimeout = connectTimeout
	}
	if cfg.Telemetry != nil {
		pc.ConnConfig.Tracer = otelpgx.NewTracer(
			otelpgx.WithTracerProvider(cfg.Telemetry.TracerProvider()),
			otelpgx.WithMeterProvider(cfg.Telemetry.MeterProvider()),
			otelpgx.WithDisableConnectionDetailsInAttributes(),
		)
	}
	pc.BeforeConnect, pc.PrepareConn = lookAhead, narrow
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open database pool: %w", err)
	}
	return pool, nil
}

// Ready answers nil when the database takes statements now.
func Ready(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := pool.Ping(ctx); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// ConstraintOf names the constraint err broke, "" when err is something else.
func ConstraintOf(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.ConstraintName
	}
	return ""
}
