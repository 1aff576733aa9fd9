package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/services/network/internal/store"
)

// Two Turns over one database are two replicas.
func TestInTurn_oneKey_runsOneAtATime(t *testing.T) {
	url := pgtest.URL(t)
	replicas := []*store.Turns{store.NewTurns(pgtest.Pool(t, url)), store.NewTurns(pgtest.Pool(t, url))}
	var inside, most atomic.Int32
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			err := replicas[i%2].InTurn(t.Context(), "router/1", func(context.Context) error {
				if now := inside.Add(1); now > most.Load() {
					most.Store(now)
				}
				defer inside.Add(-1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d at once", most.Load())
	}
}

func TestInTurn_otherKeys_doNotWait(t *testing.T) {
	turns := store.NewTurns(pgtest.Database(t))
	err := turns.InTurn(t.Context(), "router/1", func(ctx context.Context) error {
		return turns.InTurn(ctx, "router/2", func(context.Context) error { return nil })
	})
	if err != nil {
		t.Error(err)
	}
}

func TestInTurn_error_endsTheTurn(t *testing.T) {
	turns := store.NewTurns(pgtest.Database(t))
	boom := errors.New("boom")
	for range 2 {
		if err := turns.InTurn(t.Context(), "k", func(context.Context) error { return boom }); !errors.Is(err, boom) {
			t.Errorf("got %v", err)
		}
	}
}

func TestInTurn_contextEnds_stopsWaiting(t *testing.T) {
	turns := store.NewTurns(pgtest.Database(t))
	err := turns.InTurn(t.Context(), "k", func(ctx context.Context) error {
		impatient, cancel := context.WithCancel(ctx)
		cancel()
		return turns.InTurn(impatient, "k", func(context.Context) error { return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The connection of a turn is back in the pool, without the lock, once the work has ended.
func TestInTurn_ended_leavesNoLock(t *testing.T) {
	pool := pgtest.Database(t)
	if err := store.NewTurns(pool).InTurn(t.Context(), "k", func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	var held, open int
	err := pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
		(SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database())`).Scan(&held, &open)
	if err != nil || held != 0 || open != 0 {
		t.Errorf("%d locks, %d open transactions, %v", held, open, err)
	}
}

func TestInTurn_work_runsOutsideOfATransaction(t *testing.T) {
	pool := pgtest.Database(t)
	err := store.NewTurns(pool).InTurn(t.Context(), "k", func(ctx context.Context) error {
		var open int
		return errors.Join(pool.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()`).Scan(&open),
			wrong(open))
	})
	if err != nil {
		t.Error(err)
	}
}

func wrong(open int) error {
	if open != 0 {
		return fmt.Errorf("%d transactions are open", open)
	}
	return nil
}
