package pg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/pg/scope"
)

const (
	readScope = "SELECT current_setting('lowlayer.tenants')"
	// changeScope is written when the prepared statement is executed, and not when it is prepared.
	changeScope = "\x00lowlayer_set_scope\x00"
)

// intercepted passes what is written to a server through a function.
type intercepted struct {
	net.Conn
	change func([]byte) []byte
}

func (c intercepted) Write(p []byte) (int, error) {
	if _, err := c.Conn.Write(c.change(bytes.Clone(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// interceptedPool is a pool of one connection, whose writes pass through the function.
func interceptedPool(t *testing.T, change func([]byte) []byte) *pgxpool.Pool {
	t.Helper()
	pc, err := pgxpool.ParseConfig(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	dial := pc.ConnConfig.DialFunc
	pc.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return intercepted{conn, change}, err
	}
	pc.MaxConns = 1
	pg.Narrowed(pc)
	pool, err := pgxpool.NewWithConfig(t.Context(), pc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// readAs returns the scope that a statement of a tenant runs in.
func readAs(ctx context.Context, pool *pgxpool.Pool, tenant string) (got string, err error) {
	err = pool.QueryRow(scope.With(ctx, []string{tenant}), readScope).Scan(&got)
	return got, err
}

func TestNarrow_sameScope_needsNoRoundTrip(t *testing.T) {
	t.Parallel()
	changes := 0
	pool := interceptedPool(t, func(p []byte) []byte {
		changes += bytes.Count(p, []byte(changeScope))
		return p
	})
	for i, c := range []struct {
		tenant  string
		changes int
	}{{"acme", 1}, {"acme", 0}, {"it's", 1}, {"", 1}, {"", 0}, {"acme", 1}} {
		changes = 0
		if got, err := readAs(t.Context(), pool, c.tenant); err != nil || got != c.tenant || changes != c.changes {
			t.Errorf("statement %d: scope %q after %d changes, %v; want %q after %d", i, got, changes, err, c.tenant, c.changes)
		}
	}
}

// TestNarrow_changeFails_statementDoesNotRun lets the change of a scope fail in every way. The statement must fail too, and the
// connection must not be used again.
func TestNarrow_changeFails_statementDoesNotRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail   func(p []byte, cancel func()) []byte
		reason string
	}{
		"the server refuses it": {func(p []byte, _ func()) []byte {
			return bytes.ReplaceAll(p, []byte(changeScope), []byte("\x00lowlayer_no_such_s\x00"))
		}, pg.ReasonUnavailable},
		"its caller is cancelled before": {func(_ []byte, cancel func()) []byte { cancel(); return nil }, ""},
		"its caller is cancelled after":  {func(p []byte, cancel func()) []byte { cancel(); return p }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var armed atomic.Bool
			var statements atomic.Int64
			pool := interceptedPool(t, func(p []byte) []byte {
				if armed.Load() && bytes.Contains(p, []byte("current_setting")) {
					statements.Add(1)
				}
				if armed.Load() && bytes.Contains(p, []byte(changeScope)) {
					return c.fail(p, cancel)
				}
				return p
			})
			if got, err := readAs(ctx, pool, "acme"); err != nil || got != "acme" {
				t.Fatalf("first statement: %q, %v", got, err)
			}
			armed.Store(true)
			got, err := readAs(ctx, pool, "umbrella")
			// A cancelled caller may still get the scope it asked for, when the server is quicker.
			if err == nil && (got != "umbrella" || c.reason != "") {
				t.Errorf("the statement ran in the scope %q", got)
			}
			if err != nil && (statements.Load() > 0 || errs.ReasonOf(pg.Explain(err)) != c.reason) {
				t.Errorf("%d statements were sent; the error is %v", statements.Load(), err)
			}
			armed.Store(false)
			if got, err := readAs(t.Context(), pool, "hooli"); err != nil || got != "hooli" {
				t.Errorf("the next statement: %q, %v", got, err)
			}
		})
	}
}

// TestNarrow_backendCancelled_scopeNeverLeaks cancels whatever a connection runs, again and again, while two tenants share it.
func TestNarrow_backendCancelled_scopeNeverLeaks(t *testing.T) {
	t.Parallel()
	pool, admin := interceptedPool(t, func(p []byte) []byte { return p }), pgtest.Database(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, _ = admin.Exec(ctx, `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()`,
				pool.Config().ConnConfig.Database)
		}
	}()
	for i := range 400 {
		tenant := fmt.Sprintf("tenant-%d", i%2)
		got, err := readAs(t.Context(), pool, tenant)
		if refused, ok := errors.AsType[*pgconn.PgError](err); err != nil && (!ok || refused.Code != "57014") {
			t.Errorf("statement %d: %v", i, err)
		}
		if err == nil && got != tenant {
			t.Fatalf("a statement of %s ran in the scope %q", tenant, got)
		}
	}
	stop()
	<-done
}

func TestNarrow_everyExecMode_setsTheScope(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		pool, err := pg.Open(t.Context(), pg.Config{URL: pgtest.URL(t) + "&default_query_exec_mode=" + mode, MaxConns: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		for _, tenant := range []string{"acme", "umbrella", "umbrella"} {
			if got, err := readAs(t.Context(), pool, tenant); err != nil || got != tenant {
				t.Errorf("%s: scope %q, %v; want %s", mode, got, err, tenant)
			}
		}
	}
}

func TestNarrow_invalidScope_isRefused(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t)
	for _, tenant := range []string{"a\x00b", "a\xffb"} {
		if _, err := readAs(t.Context(), pool, tenant); err == nil {
			t.Errorf("%q is a scope", tenant)
		}
	}
	if _, err := pool.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Error(err)
	}
}
