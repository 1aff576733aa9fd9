package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// migrateLock is the advisory lock every migration of a database takes.
const migrateLock = 0x6c6f776c61796572

const lockPoll = 100 * time.Millisecond

var setName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)

// Migrations is one set of forward-only migrations with a version table of its own, `migrations_<name>`, so that
// the sets of libraries and of the service that uses them number their files apart.
type Migrations struct {
	Name string
	FS   fs.FS // SQL files of goose at its root
}

// Migrate brings the database up to date, set after set, in the order given. Any number of replicas may call it at
// once: one works, the others wait and find nothing to do. A migration that fails leaves those before it in place.
func Migrate(ctx context.Context, url string, sets ...Migrations) error {
	if err := checkSets(sets); err != nil {
		return err
	}
	pool, err := Open(ctx, Config{URL: url, MaxConns: 4})
	if err != nil {
		return err
	}
	defer pool.Close()

	unlock, err := lockMigrations(ctx, pool)
	if err != nil {
		return err
	}
	defer unlock()

	db := stdlib.OpenDBFromPool(pool)
	for _, set := range sets {
		if err := migrateSet(ctx, db, set); err != nil {
			return errors.Join(fmt.Errorf("migrate set %s: %w", set.Name, err), db.Close())
		}
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("close migration connections: %w", err)
	}
	return nil
}

func checkSets(sets []Migrations) error {
	seen := map[string]bool{}
	for _, set := range sets {
		switch {
		case !setName.MatchString(set.Name):
			return fmt.Errorf("migration set %q: the name must match %s", set.Name, setName)
		case seen[set.Name]:
			return fmt.Errorf("migration set %q is given twice", set.Name)
		case set.FS == nil:
			return fmt.Errorf("migration set %q has no files", set.Name)
		}
		seen[set.Name] = true
	}
	return nil
}

func migrateSet(ctx context.Context, db *sql.DB, set Migrations) error {
	provider, err := goose.NewProvider(goose.DialectPostgres, db, set.FS,
		goose.WithTableName("migrations_"+set.Name),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
	)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	// The provider is not closed: that would close db, which the next set uses.
	if _, err := provider.Up(ctx); err != nil {
		return err
	}
	return nil
}

// lockMigrations takes the lock on a session of its own. It asks again and again instead of waiting inside the
// server, because a statement that waits holds a snapshot, and CREATE INDEX CONCURRENTLY waits for all snapshots.
func lockMigrations(ctx context.Context, pool *pgxpool.Pool) (unlock func(), err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to migrate: %w", err)
	}
	for {
		var got bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(migrateLock)).Scan(&got); err != nil {
			conn.Release()
			return nil, fmt.Errorf("lock migrations: %w", err)
		}
		if got {
			break
		}
		timer := time.NewTimer(lockPoll)
		select {
		case <-ctx.Done():
			timer.Stop()
			conn.Release()
			return nil, fmt.Errorf("wait for another migration of this database to end: %w", ctx.Err())
		case <-timer.C:
		}
	}
	return func() {
		// Ending the session is the unlock that cannot fail half-way.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		_ = conn.Hijack().Close(end)
	}, nil
}
