package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const unlockTimeout = 5 * time.Second

// Turns runs work on one key one at a time: by a lock of this process first, so that waiting holds no connection, then by an advisory
// lock of the database session for the other replicas. The work may call other systems: no transaction is open meanwhile.
type Turns struct {
	pool  *pgxpool.Pool
	slots chan struct{}
	mu    sync.Mutex
	turns map[string]*turn
}

type turn struct {
	free    chan struct{} // holds one token while the turn is free
	waiting int
}

// NewTurns uses at most a quarter of the pool's connections.
func NewTurns(pool *pgxpool.Pool) *Turns {
	return &Turns{pool: pool, slots: make(chan struct{}, max(1, pool.Config().MaxConns/4)), turns: make(map[string]*turn)}
}

// InTurn runs do, and no other work with the same key meanwhile.
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
	conn, err := t.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("take the turn on %s: %w", key, err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", key); err != nil {
		return fmt.Errorf("take the turn on %s: %w", key, err)
	}
	defer unlock(ctx, conn, key)
	return do(ctx)
}

// unlock gives the lock back, with its connection when that fails.
func unlock(ctx context.Context, conn *pgxpool.Conn, key string) {
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
	defer cancel()
	if _, err := conn.Exec(end, "SELECT pg_advisory_unlock(hashtextextended($1, 0))", key); err != nil {
		_ = conn.Conn().Close(end) // the end of the session releases the lock
	}
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

// leave forgets a key without waiting work.
func (t *Turns) leave(key string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.waiting--; mine.waiting == 0 {
		delete(t.turns, key)
	}
}
