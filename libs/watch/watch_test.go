package watch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/pg/scope"
	"github.com/low-layer/platform/libs/watch"
	"github.com/low-layer/platform/libs/watch/watchtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// database has things that are watched.
func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.Database(t, watch.Migrations(), watchtest.Things())
}

func newLog(pool *pgxpool.Pool) *watch.Log {
	return watch.New(watch.Config{Pool: pool, Logger: slog.New(slog.DiscardHandler)})
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// place is behind a number in the log of a database as it is.
func place(t *testing.T, l *watch.Log, sequence int64) watch.Place {
	t.Helper()
	here, err := l.Last(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return watch.Place{Epoch: here.Epoch, Sequence: sequence}
}

// all reads the whole log of a tenant.
func all(t *testing.T, l *watch.Log, tenant string) []watch.Change {
	t.Helper()
	changes, err := l.After(t.Context(), tenant, place(t, l, 0), 10000)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// changes in short.
func told(changes []watch.Change) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = fmt.Sprint(c.Sequence, " ", c.Kind, " ", c.Name)
	}
	return out
}

func TestLog_transaction_hasOneChangePerResource(t *testing.T) {
	pool := database(t)
	l := newLog(pool)
	inTx := func(statements ...string) error {
		return pg.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
			for _, s := range statements {
				if _, err := tx.Exec(ctx, s); err != nil {
					return err
				}
			}
			return nil
		})
	}
	const makeA, makeB = "INSERT INTO things VALUES ('acme', 'a', 0)", "INSERT INTO things VALUES ('acme', 'b', 0)"
	for _, statements := range [][]string{
		{makeA, "UPDATE things SET value = 1", makeB},
		{"UPDATE things SET value = 2", "UPDATE things SET value = 3 WHERE name = 'a'"},
		{"UPDATE things SET value = 3 WHERE name = 'a'"}, // changes nothing
		{"UPDATE things SET value = 4 WHERE name = 'b'", "DELETE FROM things WHERE name = 'b'"},
		{"SAVEPOINT s", "UPDATE things SET value = 5", "ROLLBACK TO SAVEPOINT s"},
	} {
		if err := inTx(statements...); err != nil {
			t.Fatal(err)
		}
	}
	if err := inTx(makeB, "SELECT 1/0"); err == nil {
		t.Fatal("a transaction that fails was committed")
	}
	want := []string{"1 ADDED a", "2 ADDED b", "3 CHANGED a", "4 CHANGED b", "5 DELETED b"}
	if got := told(all(t, l, "acme")); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLog_concurrentWriters_leaveNoGap reads while many write: a follower sees every number once and in order.
func TestLog_concurrentWriters_leaveNoGap(t *testing.T) {
	const writers, each = 8, 60
	pool := database(t)
	l := newLog(pool)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				err := pg.InTx(ctx, pool, func(ctx context.Context, tx pgx.Tx) error {
					for _, name := range []string{fmt.Sprint("a", i%5), fmt.Sprint("b", (w+i)%5)} {
						if _, err := tx.Exec(ctx, `INSERT INTO things VALUES ('acme', $1, 1) ON CONFLICT (tenant, name) DO UPDATE SET value = things.value + 1`, name); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
	}
	written := make(chan struct{})
	go func() { defer close(written); group.Wait() }()
	at, done := place(t, l, 0), false
	for {
		select {
		case <-written:
			done = true
		default:
		}
		changes, err := l.After(ctx, "acme", at, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			if c.Sequence != at.Sequence+1 {
				t.Fatalf("%d comes after %d", c.Sequence, at.Sequence)
			}
			at.Sequence = c.Sequence
		}
		if done && len(changes) == 0 {
			break
		}
	}
	if last, err := l.Last(ctx, "acme"); err != nil || last != at || at.Sequence < writers*each {
		t.Errorf("read up to %v, the last is %v (%v), of %d transactions", at, last, err, writers*each)
	}
}

func TestFollowersAreWoken(t *testing.T) {
	pool := database(t)
	l := newLog(pool)
	ctx, cancel := context.WithCancel(t.Context())
	wake, stop := l.Follow("acme")
	other, stopOther := l.Follow("other")
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	within := func(what string, c <-chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(patience):
			t.Fatalf("not woken: %s", what)
		}
	}
	within("it listens", wake)
	within("it listens, for the other", other)
	exec(t, pool, "INSERT INTO things VALUES ('acme', 'a', 0)")
	within("a change", wake)
	exec(t, pool, "INSERT INTO things VALUES ('other', 'a', 0)")
	within("a change of the other", other)
	stop()
	exec(t, pool, "UPDATE things SET value = 1")
	within("a change of both", other)
	select {
	case <-wake:
		t.Error("woken after it stopped to follow, or for another tenant")
	default:
	}
	stopOther()
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

func TestLog_oldChanges_arePruned(t *testing.T) {
	pool := database(t)
	l := newLog(pool)
	for range 5 {
		exec(t, pool, "INSERT INTO things VALUES ('acme', 'a', 0) ON CONFLICT (tenant, name) DO UPDATE SET value = things.value + 1")
	}
	exec(t, pool, "INSERT INTO things VALUES ('other', 'a', 0)")
	exec(t, pool, "UPDATE watch_changes SET change_time = now() - interval '8 days' WHERE tenant = 'acme' AND sequence IN (1, 3)")
	if err := l.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[int64][]string{3: {"4 CHANGED a", "5 CHANGED a"}, 5: nil} {
		changes, err := l.After(t.Context(), "acme", place(t, l, at), 10)
		if err != nil || !slices.Equal(told(changes), want) {
			t.Errorf("behind %d: %q, %v", at, told(changes), err)
		}
	}
	for _, at := range []int64{0, 1, 2, 6} {
		if _, err := l.After(t.Context(), "acme", place(t, l, at), 10); !errors.Is(err, watch.ErrExpired) {
			t.Errorf("behind %d: %v", at, err)
		}
	}
	if got := told(all(t, l, "other")); len(got) != 1 {
		t.Errorf("another tenant has %q", got)
	}
	// A change seven days old is never read, whenever the reader comes.
	late := watch.New(watch.Config{Pool: pool, Clock: clock.NewFake(time.Now().Add(watch.Retention + time.Minute))})
	if err := late.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.After(t.Context(), "acme", place(t, l, 4), 10); !errors.Is(err, watch.ErrExpired) {
		t.Errorf("behind 4, after seven days: %v", err)
	}
	if changes, err := l.After(t.Context(), "acme", place(t, l, 5), 10); err != nil || len(changes) != 0 {
		t.Errorf("behind the last: %v, %v", changes, err)
	}
}

func TestLog_newTenant_isEmpty(t *testing.T) {
	pool := database(t)
	l := newLog(pool)
	exec(t, pool, "INSERT INTO things VALUES ('acme', 'a', 0)")
	exec(t, pool, "DELETE FROM things")
	exec(t, pool, "SELECT watch_begin('acme')")
	exec(t, pool, "INSERT INTO things VALUES ('acme', 'b', 0)")
	for _, at := range []int64{0, 1} {
		if _, err := l.After(t.Context(), "acme", place(t, l, at), 10); !errors.Is(err, watch.ErrExpired) {
			t.Errorf("behind %d: %v", at, err)
		}
	}
	changes, err := l.After(t.Context(), "acme", place(t, l, 2), 10)
	if got := told(changes); err != nil || !slices.Equal(got, []string{"3 ADDED b"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestPlace_restoredDatabase_isExpired: numbers that a restore takes back are given again, to other changes.
func TestPlace_restoredDatabase_isExpired(t *testing.T) {
	server := pgtest.NewRestorable(t, watch.Migrations(), watchtest.Things())
	pool := pgtest.Pool(t, server.URL)
	l := newLog(pool)
	exec(t, pool, "INSERT INTO things VALUES ('acme', 'a', 0)")
	early := place(t, l, 1)
	server.Backup(t)
	pool.Reset()
	if got := place(t, l, 1); got != early {
		t.Errorf("after a restart the place is %v, before it %v", got, early)
	}
	exec(t, pool, "INSERT INTO things VALUES ('acme', 'lost', 0)")
	late := place(t, l, 2)

	server.Restore(t)
	pool.Reset()
	for _, name := range []string{"b", "c"} {
		exec(t, pool, "INSERT INTO things VALUES ('acme', $1, 0)", name)
	}
	for _, at := range []watch.Place{early, late, {Sequence: 2}} {
		if changes, err := l.After(t.Context(), "acme", at, 10); !errors.Is(err, watch.ErrExpired) {
			t.Errorf("behind %v of before: %q, %v", at, told(changes), err)
		}
	}
	if got := told(all(t, l, "acme")); !slices.Equal(got, []string{"1 ADDED a", "2 ADDED b", "3 ADDED c"}) {
		t.Errorf("got %q", got)
	}
}

func TestLog_rows_areSeenByTheirTenantAlone(t *testing.T) {
	pool := database(t)
	l := newLog(pool)
	exec(t, pool, "INSERT INTO things VALUES ('acme', 'a', 0), ('other', 'a', 0)")
	ctx := scope.With(t.Context(), []string{"acme"})
	if changes, err := l.After(ctx, "acme", place(t, l, 0), 10); err != nil || len(changes) != 1 {
		t.Errorf("own: %v, %v", changes, err)
	}
	if changes, err := l.After(ctx, "other", place(t, l, 0), 10); err != nil || len(changes) != 0 {
		t.Errorf("other's: %v, %v", changes, err)
	}
	if _, err := pool.Exec(ctx, "SELECT watch_note('other', 'thing', 'b', 'b', 'ADDED')"); err == nil {
		t.Error("a change of another tenant was noted")
	}
	if _, err := pool.Exec(ctx, "UPDATE things SET value = 1 WHERE tenant = 'acme'"); err != nil {
		t.Errorf("a change in the scope of a caller: %v", err)
	}
}

func TestConstraints(t *testing.T) {
	pool := database(t)
	exec(t, pool, "INSERT INTO things VALUES ('acme', 'a', 0)")
	for name, sql := range map[string]string{
		"watch_sequences_floor_check":   "UPDATE watch_sequences SET floor = 2",
		"watch_sequences_pkey":          "INSERT INTO watch_sequences (tenant, last) VALUES ('acme', 1)",
		"watch_changes_pkey":            "INSERT INTO watch_changes SELECT tenant, sequence, kind, type, 'b', subject, change_time, transaction FROM watch_changes",
		"watch_changes_kind_check":      "UPDATE watch_changes SET kind = 'LOST'",
		"watch_changes_transaction_key": "INSERT INTO watch_changes SELECT tenant, sequence + 1, kind, type, name, subject, change_time, transaction FROM watch_changes",
	} {
		if _, err := pool.Exec(t.Context(), sql); pg.ConstraintOf(err) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}
