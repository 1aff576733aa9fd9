// Package pg opens Postgres for a service: a pool that connects on first use, migrations that many replicas may
// start at once, transactions that repeat after a conflict, and the name of a broken constraint.
//
// A statement sees the rows of its context's tenants (libs/pg/scope): the policies of the tables hold that.
//
// Open succeeds while Postgres is down, so services start in any order; Ready fails until Postgres is up. Errors are
// the driver's, wrapped with what was being done. No error carries a password.
package pg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/telemetry"
)

const (
	defaultMaxConns = 10
	connectTimeout  = 5 * time.Second
	readyTimeout    = 2 * time.Second
)

// Config names the database of a pool. Only URL is required.
type Config struct {
	URL       string
	MaxConns  int32
	Telemetry *telemetry.Telemetry
}

// Open makes the pool. It fails on a malformed URL, never on an unreachable server.
func Open(ctx context.Context, cfg Config) (*pgxpool.Pool, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("read database url: %w", err)
	}
	pc.MaxConns = cfg.MaxConns
	if pc.MaxConns <= 0 {
		pc.MaxConns = defaultMaxConns
	}
	// Connections that live for ever never notice that the DNS name moved to a new primary.
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
	narrowed(pc)
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open database pool: %w", err)
	}
	return pool, nil
}

// Ready fails unless the database takes statements now.
func Ready(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := pool.Ping(ctx); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// ConstraintOf returns the name of the constraint that err broke, "" for any other error.
func ConstraintOf(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.ConstraintName
	}
	return ""
}
