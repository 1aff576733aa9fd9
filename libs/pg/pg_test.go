package pg_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/pg/scope"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func notes() pg.Migrations {
	return pg.Migrations{Name: "notes", FS: fstest.MapFS{
		"00001_notes.sql": {Data: []byte(`-- +goose Up
CREATE TABLE notes (
	id   bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT notes_pkey PRIMARY KEY,
	body text NOT NULL CONSTRAINT notes_body_key UNIQUE CONSTRAINT notes_body_check CHECK (body <> '')
);`)},
	}}
}

func TestOpen_serverDown_succeeds(t *testing.T) {
	pool, err := pg.Open(t.Context(), pg.Config{URL: "postgres://u:secret@127.0.0.1:1/none?connect_timeout=1"})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer pool.Close()
	if err := pg.Ready(t.Context(), pool); err == nil {
		t.Fatal("a database that is not there is ready")
	}
}

func TestOpen_badURL_failsWithoutThePassword(t *testing.T) {
	_, err := pg.Open(t.Context(), pg.Config{URL: "postgres://u:hunter2@h:notaport/db"})
	if err == nil {
		t.Fatal("no error")
	}
	if got := err.Error(); strings.Contains(got, "hunter2") {
		t.Fatalf("error holds the password: %s", got)
	}
}

func TestReady(t *testing.T) {
	if err := pg.Ready(t.Context(), pgtest.Database(t)); err != nil {
		t.Fatal(err)
	}
}

func TestConstraintOf(t *testing.T) {
	pool := pgtest.Database(t, notes())
	insert := func(body any) error {
		_, err := pool.Exec(t.Context(), "INSERT INTO notes (body) VALUES ($1)", body)
		return err
	}
	if err := insert("a"); err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		"notes_body_key":   insert("a"),
		"notes_body_check": fmt.Errorf("wrapped: %w", insert("")),
		"":                 errors.New("another error"),
	} {
		if got := pg.ConstraintOf(err); got != want {
			t.Errorf("constraint of %v = %q, want %q", err, got, want)
		}
	}
	if got := pg.ConstraintOf(nil); got != "" {
		t.Errorf("constraint of nil = %q", got)
	}
}

func TestInTx_result_commitsOrRollsBack(t *testing.T) {
	pool := pgtest.Database(t, notes())
	refused := errors.New("refused")
	write := func(body string, answer error) error {
		return pg.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "INSERT INTO notes (body) VALUES ($1)", body); err != nil {
				return err
			}
			return answer
		})
	}
	if err := write("kept", nil); err != nil {
		t.Fatal(err)
	}
	if err := write("dropped", refused); !errors.Is(err, refused) {
		t.Fatalf("got %v", err)
	}
	rows, err := pool.Query(t.Context(), "SELECT body FROM notes")
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(got) != 1 || got[0] != "kept" {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestInTx_conflict_repeats(t *testing.T) {
	pool := pgtest.Database(t)
	for code, want := range map[string]int{"40001": 3, "40P01": 3, "23505": 1} {
		calls := 0
		err := pg.InTx(t.Context(), pool, func(context.Context, pgx.Tx) error {
			if calls++; calls < 3 {
				return fmt.Errorf("statement: %w", &pgconn.PgError{Code: code})
			}
			return nil
		})
		if calls != want || (err == nil) != (want == 3) {
			t.Errorf("%s: %d calls, %v; want %d calls", code, calls, err, want)
		}
	}
}

func TestInTx_endlessConflict_givesUp(t *testing.T) {
	pool := pgtest.Database(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls := 0
	err := pg.InTx(ctx, pool, func(context.Context, pgx.Tx) error {
		if calls++; calls == 2 {
			cancel()
		}
		return &pgconn.PgError{Code: "40001"}
	})
	if calls != 2 || !errors.Is(err, context.Canceled) {
		t.Fatalf("after cancel: %d calls, %v", calls, err)
	}
	calls = 0
	err = pg.InTx(t.Context(), pool, func(context.Context, pgx.Tx) error {
		calls++
		return &pgconn.PgError{Code: "40001"}
	})
	if calls != 6 || err == nil {
		t.Fatalf("always in conflict: %d calls, %v", calls, err)
	}
}

func TestInTx_realDeadlock_succeeds(t *testing.T) {
	pool := pgtest.Database(t, notes())
	if _, err := pool.Exec(t.Context(), "INSERT INTO notes (body) VALUES ('a'), ('b')"); err != nil {
		t.Fatal(err)
	}
	var met sync.WaitGroup
	met.Add(2)
	var tries atomic.Int32
	lock := func(first, second string) error {
		meet := sync.OnceFunc(func() { met.Done(); met.Wait() })
		return pg.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
			tries.Add(1)
			if _, err := tx.Exec(ctx, "SELECT 1 FROM notes WHERE body = $1 FOR UPDATE", first); err != nil {
				return err
			}
			meet()
			_, err := tx.Exec(ctx, "SELECT 1 FROM notes WHERE body = $1 FOR UPDATE", second)
			return err
		})
	}
	results := make(chan error, 2)
	go func() { results <- lock("a", "b") }()
	go func() { results <- lock("b", "a") }()
	if err := errors.Join(<-results, <-results); err != nil {
		t.Fatal(err)
	}
	if tries.Load() < 3 {
		t.Fatalf("no deadlock happened: %d tries", tries.Load())
	}
}

func TestInTx_panic_releasesTheConnection(t *testing.T) {
	pool := pgtest.Database(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = pg.InTx(t.Context(), pool, func(context.Context, pgx.Tx) error { panic("in a handler") })
	}()
	if n := pool.Stat().AcquiredConns(); n != 0 {
		t.Fatalf("%d connections still held", n)
	}
}

// TestScope: a statement has the scope of its context, on a connection that was never used as on one that another scope used.
func TestScope(t *testing.T) {
	url := pgtest.Database(t).Config().ConnString()
	for name, scopes := range map[string][]string{
		"nobody first":    {"", "acme", "*", ""},
		"everybody first": {"*", "", "acme", "acme", "*"},
		"a tenant first":  {"acme", "umbrella", "", "*"},
	} {
		pool, err := pg.Open(t.Context(), pg.Config{URL: url, MaxConns: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range scopes {
			ctx := t.Context()
			switch want {
			case scope.All:
			case "":
				ctx = scope.With(ctx, nil)
			default:
				ctx = scope.With(ctx, []string{want})
			}
			var got string
			if err := pool.QueryRow(ctx, "SHOW lowlayer.tenants").Scan(&got); err != nil || got != want {
				t.Errorf("%s, statement %d: got %q, %v, want %q", name, i, got, err, want)
			}
		}
		pool.Close()
	}
}
