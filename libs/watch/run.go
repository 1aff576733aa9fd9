package watch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/pg"
)

// channel is what triggers notify, with the id of the tenant.
const channel = "lowlayer_watch"

// waiters are the followers, by tenant.
type waiters struct {
	mu  sync.Mutex
	all map[string]map[chan struct{}]bool
}

// Follow returns a channel that has a value whenever the tenant may have unread changes. Stop ends that. All followers
// share one connection to the database.
func (w *waiters) Follow(tenant string) (wake <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[string]map[chan struct{}]bool)
	}
	if w.all[tenant] == nil {
		w.all[tenant] = make(map[chan struct{}]bool)
	}
	w.all[tenant][c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all[tenant], c)
		if len(w.all[tenant]) == 0 {
			delete(w.all, tenant)
		}
	}
}

// wake wakes the followers of a tenant.
func (w *waiters) wake(tenant string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.all[tenant] {
		nudge(c)
	}
}

// wakeAll is for when the changed tenant is unknown.
func (w *waiters) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, of := range w.all {
		for c := range of {
			nudge(c)
		}
	}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // a look is due already
	}
}

// Run wakes followers and prunes, and returns nil when the context ends. Failures are logged and retried.
func (l *Log) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	parts.Go(func() {
		for ctx.Err() == nil {
			if err := l.listen(ctx); ctx.Err() == nil {
				l.logger.DebugContext(ctx, "the log of changes listens again", "error", err)
			}
			l.pause(ctx, listenPause)
		}
	})
	parts.Go(func() {
		for ctx.Err() == nil {
			if err := l.Prune(ctx); err != nil && ctx.Err() == nil {
				l.logger.WarnContext(ctx, "old changes are not pruned", "error", err)
			}
			l.pause(ctx, l.prune)
		}
	})
	parts.Wait()
	return nil
}

func (l *Log) pause(ctx context.Context, d time.Duration) {
	timer := l.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	}
}

// listen passes notifications on until the connection breaks.
func (l *Log) listen(ctx context.Context) error {
	pooled, err := l.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to listen: %w", err)
	}
	conn := pooled.Hijack() // a connection that listens must not go back to the pool
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end) // the server ends the session either way
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	// Changes while the connection was away sent no notification here.
	l.wakeAll()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("wait for a notification: %w", err)
		}
		l.wake(n.Payload)
	}
}

// Prune forgets changes that are older than Retention, and notes up to where. Tenant by tenant: no two of their rows are held at
// once, so that it never waits for a writer that waits for it.
func (l *Log) Prune(ctx context.Context) error {
	rows, err := l.pool.Query(ctx, `SELECT tenant, max(sequence) FROM watch_changes WHERE change_time < $1 GROUP BY tenant`,
		l.clock.Now().Add(-Retention))
	if err != nil {
		return fmt.Errorf("find old changes: %w", err)
	}
	type old struct {
		Tenant string
		Last   int64
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[old])
	if err != nil {
		return fmt.Errorf("find old changes: %w", err)
	}
	for _, o := range found {
		err := pg.InTx(ctx, l.pool, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE watch_sequences SET floor = greatest(floor, $2) WHERE tenant = $1`, o.Tenant, o.Last); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `DELETE FROM watch_changes WHERE tenant = $1 AND sequence <= $2`, o.Tenant, o.Last)
			return err
		})
		if err != nil {
			return fmt.Errorf("prune changes of %s: %w", o.Tenant, err)
		}
	}
	return nil
}
