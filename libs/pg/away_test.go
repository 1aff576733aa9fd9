package pg_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
)

// TestExplain cuts the connections of a pool in the ways that a database goes away, and looks at what callers are told.
func TestExplain(t *testing.T) {
	pool := pgtest.Database(t)
	told := func(name string, err error, away bool) {
		t.Helper()
		got := pg.Explain(fmt.Errorf("read: %w", err))
		if (errs.ReasonOf(got) == pg.ReasonUnavailable) != away || !errors.Is(got, err) {
			t.Errorf("%s: %v becomes %v", name, err, got)
		}
	}
	_, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`)
	told("a connection that the server ends", err, true)
	_, err = pool.Exec(t.Context(), `SELECT 1 FROM nowhere`)
	told("a wrong statement", err, false)
	_, err = pool.Exec(t.Context(), `DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '57P03'; END $$`)
	told("a server that starts", err, true)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = pool.Exec(cancelled, `SELECT 1`)
	told("a caller that has gone", err, false)
	nowhere, err := pg.Open(t.Context(), pg.Config{URL: "postgres://x@127.0.0.1:1/x", MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer nowhere.Close()
	_, err = nowhere.Exec(t.Context(), `SELECT 1`)
	told("nobody there", err, true)
	told("a typed error", errs.Wrap(&pgconn.PgError{Code: "57P01"}, errs.CodeNotFound, "X", "x"), false)
	told("any other", errors.New("x"), false)
	if pg.Explain(nil) != nil {
		t.Error("no error becomes one")
	}
}
