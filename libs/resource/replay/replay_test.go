package replay_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/replay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func identity(id, body string) resource.Identity {
	return resource.Identity{Method: "/x/Create", ID: id, Digest: []byte(body)}
}

// call does what a use case does: it finds the earlier result, or keeps its own.
func call(t *testing.T, pool *pgxpool.Pool, tenant string, id resource.Identity, result string, now time.Time) (string, error) {
	t.Helper()
	got := result
	err := pg.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
		earlier, err := replay.Find(ctx, tx, tenant, id, now)
		if err != nil || earlier != "" {
			got = earlier
			return err
		}
		got = result
		return replay.Keep(ctx, tx, tenant, id, result, now)
	})
	return got, err
}

func TestFind(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, replay.Migrations())
	steps := []struct {
		what, tenant   string
		id             resource.Identity
		result         string
		at             time.Time
		want, rejected string
	}{
		{"first", "acme", identity("key", "body"), "one", noon, "one", ""},
		{"again", "acme", identity("key", "body"), "two", noon.Add(time.Hour), "one", ""},
		{"another body", "acme", identity("key", "other"), "three", noon, "", errs.ReasonRequestIDReused},
		{"another tenant", "globex", identity("key", "other"), "four", noon, "four", ""},
		{"another method", "acme", resource.Identity{Method: "/x/Delete", ID: "key", Digest: []byte("d")}, "five", noon, "five", ""},
		{"no request_id", "acme", resource.Identity{Method: "/x/Create"}, "six", noon, "six", ""},
		{"no request_id again", "acme", resource.Identity{Method: "/x/Create"}, "seven", noon, "seven", ""},
		{"after a day", "acme", identity("key", "other"), "eight", noon.Add(25 * time.Hour), "eight", ""},
		{"again after a day", "acme", identity("key", "other"), "nine", noon.Add(26 * time.Hour), "eight", ""},
	}
	for _, s := range steps {
		got, err := call(t, pool, s.tenant, s.id, s.result, s.at)
		if errs.ReasonOf(err) != s.rejected || (err == nil && got != s.want) {
			t.Errorf("%s: got %q, %v; want %q %s", s.what, got, err, s.want, s.rejected)
		}
	}
	var left int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM replays WHERE tenant = 'acme'`).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d results of acme are left, %v; want the latest alone", left, err)
	}
}

func TestFind_equalCallsAtOnce_giveOneResult(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, replay.Migrations())
	var wg sync.WaitGroup
	results, failures := make([]string, 8), make([]error, 8)
	for i := range results {
		wg.Go(func() {
			results[i], failures[i] = call(t, pool, "acme", identity("key", "body"), fmt.Sprint("r", i), noon)
		})
	}
	wg.Wait()
	for i := range results {
		if failures[i] != nil || results[i] != results[0] {
			t.Errorf("call %d: %q, %v; the first: %q", i, results[i], failures[i], results[0])
		}
	}
}

func TestForget_dropsTheTenantAlone(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, replay.Migrations())
	for _, tenant := range []string{"acme", "globex"} {
		if _, err := call(t, pool, tenant, identity("key", "body"), "old", noon); err != nil {
			t.Fatal(err)
		}
	}
	if err := pg.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error { return replay.Forget(ctx, tx, "acme") }); err != nil {
		t.Fatal(err)
	}
	for tenant, want := range map[string]string{"acme": "new", "globex": "old"} {
		if got, err := call(t, pool, tenant, identity("key", "body"), "new", noon); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", tenant, got, err, want)
		}
	}
}

func TestConstraints(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, replay.Migrations())
	for name, sql := range map[string]string{
		"replays_pkey":             `INSERT INTO replays SELECT 't', 'm', 'q', '', 'r', now() FROM generate_series(1, 2)`,
		"replays_request_id_check": `INSERT INTO replays VALUES ('t', 'm', '', '', 'r', now())`,
		"replays_result_check":     `INSERT INTO replays VALUES ('t', 'm', 'q', '', '', now())`,
	} {
		if _, err := pool.Exec(t.Context(), sql); pg.ConstraintOf(err) != name {
			t.Errorf("violating %s: %v", name, err)
		}
	}
}
