package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Turns lets one at a time do something: by a lock of this process first, so that waiting holds no connection, then by an
// advisory lock of the database for the other replicas. Both end with what they guard, however that ends.
type Turns struct {
	pool  *pgxpool.Pool
	slots chan struct{}
	mu    sync.Mutex
	turns map[string]*turn
}

type turn struct {
	free    chan struct{} // holds one token while nobody has the turn
	waiting int
}

// NewTurns uses at most a quarter of the pool's connections.
func NewTurns(pool *pgxpool.Pool) *Turns {
	return &Turns{pool: pool, slots: make(chan struct{}, max(1, pool.Config().MaxConns/4)), turns: make(map[string]*turn)}
}

// InTurn runs do while nobody else runs something with the same key.
func (t *Turns) InTurn(ctx context.Context, key string, do func(context.Context) error) error {
	mine := t.join(key)
	defer t.leave(key, mine)
	select {
	case <-mine.free:
	case <-ctx.Done():
		return fmt.Errorf("wait for the turn on %s: %w", key, ctx.Err())
	}
	defer func() { mine.free <- struct{}{} }()
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for the turn on %s: %w", key, ctx.Err())
	}
	defer func() { <-t.slots }()
	return pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", key); err != nil {
			return fmt.Errorf("take the turn on %s: %w", key, err)
		}
		return do(ctx)
	})
}

func (t *Turns) join(key string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine := t.turns[key]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.turns[key] = mine
	}
	mine.waiting++
	return mine
}

// leave forgets a key that nobody waits for any more.
func (t *Turns) leave(key string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.waiting--; mine.waiting == 0 {
		delete(t.turns, key)
	}
}
