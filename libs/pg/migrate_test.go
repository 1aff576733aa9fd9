package pg_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
)

func files(pairs ...string) fstest.MapFS {
	all := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + pairs[i+1])}
	}
	return all
}

func count(t *testing.T, pool *pgxpool.Pool, query string) int {
	t.Helper()
	var n int
	if err := pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestMigrate_twoSets_runOnceEach(t *testing.T) {
	url := pgtest.OwnerURL(t)
	pool := pgtest.Pool(t, url)
	one := pg.Migrations{Name: "one", FS: files("00001_a.sql", "CREATE TABLE a (n int);")}
	two := pg.Migrations{Name: "two", FS: files("00001_b.sql", "CREATE TABLE b (n int); INSERT INTO b VALUES (1);")}
	for range 2 {
		if err := pg.Migrate(t.Context(), url, one, two); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, pool, "SELECT count(*) FROM b"); n != 1 {
		t.Errorf("migrated %d times", n)
	}
	for _, table := range []string{"a", "migrations_one", "migrations_two"} {
		if n := count(t, pool, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = '"+table+"'"); n != 1 {
			t.Errorf("no table %s", table)
		}
	}
	one.FS = files("00001_a.sql", "CREATE TABLE a (n int);", "00002_a.sql", "ALTER TABLE a ADD COLUMN m int;")
	if err := pg.Migrate(t.Context(), url, one, two); err != nil {
		t.Fatal(err)
	}
	if n := count(t, pool, "SELECT max(version_id)::int FROM migrations_one"); n != 2 {
		t.Errorf("version %d", n)
	}
}

func TestMigrate_manyReplicas_oneWorks(t *testing.T) {
	url := pgtest.OwnerURL(t)
	set := pg.Migrations{Name: "slow", FS: files(
		"00001_a.sql", "CREATE TABLE a (n int); SELECT pg_sleep(0.2); INSERT INTO a VALUES (1);",
		"00002_b.sql", "CREATE TABLE b (n int); INSERT INTO b VALUES (1);")}
	// A statement that waits for every snapshot must not wait for a replica that waits for it.
	concurrent := pg.Migrations{Name: "concurrent", FS: fstest.MapFS{"00001_i.sql": {Data: []byte(
		"-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY a_n_idx ON a (n);")}}}
	var replicas sync.WaitGroup
	for range 6 {
		replicas.Go(func() {
			if err := pg.Migrate(t.Context(), url, set, concurrent); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
	pool := pgtest.Pool(t, url)
	if a, b := count(t, pool, "SELECT count(*) FROM a"), count(t, pool, "SELECT count(*) FROM b"); a != 1 || b != 1 {
		t.Fatalf("ran %d and %d times", a, b)
	}
}

func TestMigrate_failure_keepsEarlierMigrations(t *testing.T) {
	url := pgtest.OwnerURL(t)
	set := pg.Migrations{Name: "bad", FS: files("00001_a.sql", "CREATE TABLE a (n int);", "00002_b.sql", "CREATE TABLE b (n int); SELECT 1/0;")}
	err := pg.Migrate(t.Context(), url, set)
	if err == nil || !strings.Contains(err.Error(), "set bad") || !strings.Contains(err.Error(), "division by zero") {
		t.Fatalf("got %v", err)
	}
	pool := pgtest.Pool(t, url)
	if n := count(t, pool, "SELECT count(*) FROM pg_tables WHERE tablename IN ('a', 'b')"); n != 1 {
		t.Errorf("%d tables", n)
	}
	set.FS = files("00001_a.sql", "CREATE TABLE a (n int);", "00002_b.sql", "CREATE TABLE b (n int);")
	if err := pg.Migrate(t.Context(), url, set); err != nil {
		t.Fatalf("after the repair: %v", err)
	}
}

func TestMigrate_contextEnds_stopsWaiting(t *testing.T) {
	url := pgtest.OwnerURL(t)
	pool := pgtest.Pool(t, url)
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	set := pg.Migrations{Name: "one", FS: files("00001_a.sql", "SELECT 1;")}
	var held bool
	if err := conn.QueryRow(t.Context(), "SELECT pg_try_advisory_lock(7813595185886618994)").Scan(&held); err != nil || !held {
		t.Fatalf("take the lock: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = pg.Migrate(ctx, url, set)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another migration") {
		t.Fatalf("got %v", err)
	}
}

func TestMigrate_badSets_fail(t *testing.T) {
	good := pg.Migrations{Name: "good", FS: files("00001_a.sql", "SELECT 1;")}
	for name, sets := range map[string][]pg.Migrations{
		"odd name": {{Name: "a b", FS: good.FS}},
		"no name":  {{FS: good.FS}},
		"no files": {{Name: "a"}},
		"twice":    {good, good},
	} {
		// The sets are looked at before anything is connected to.
		if err := pg.Migrate(t.Context(), "postgres://127.0.0.1:1/none", sets...); err == nil || strings.Contains(err.Error(), "connect") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
