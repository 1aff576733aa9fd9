package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/services/network/internal/store"
)

// Two Turns over one database are two replicas.
func TestOneAtATimeOverAllReplicas(t *testing.T) {
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

func TestOtherKeysDoNotWait(t *testing.T) {
	turns := store.NewTurns(pgtest.Database(t))
	err := turns.InTurn(t.Context(), "router/1", func(ctx context.Context) error {
		return turns.InTurn(ctx, "router/2", func(context.Context) error { return nil })
	})
	if err != nil {
		t.Error(err)
	}
}

func TestATurnEndsWithItsError(t *testing.T) {
	turns := store.NewTurns(pgtest.Database(t))
	boom := errors.New("boom")
	for range 2 {
		if err := turns.InTurn(t.Context(), "k", func(context.Context) error { return boom }); !errors.Is(err, boom) {
			t.Errorf("got %v", err)
		}
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
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
