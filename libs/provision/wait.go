package provision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/errs"
)

const (
	endChannel  = "provision_operation_end"
	workChannel = "provision_work"
	// MaxWait is the longest a Wait lasts.
	MaxWait = 60 * time.Second
	// A notification can be lost with its connection: a waiter looks for itself now and then.
	waitPoll   = time.Second
	listenAway = time.Second
)

// listener hears of due work and of the ends of operations over one connection for the whole process.
type listener struct {
	pool *pgxpool.Pool
	log  *slog.Logger
	ring func() // called when work may be due

	mu      sync.Mutex
	waiting map[string]map[chan struct{}]struct{}
}

func newListener(pool *pgxpool.Pool, log *slog.Logger, ring func()) *listener {
	return &listener{pool: pool, log: log, ring: ring, waiting: make(map[string]map[chan struct{}]struct{})}
}

func (l *listener) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := l.listen(ctx); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "lost the connection that hears of due work and ended operations; connecting again", "error", err)
			timer := time.NewTimer(listenAway)
			select {
			case <-ctx.Done():
				timer.Stop()
			case <-timer.C:
			}
		}
	}
}

func (l *listener) listen(ctx context.Context) error {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to listen: %w", err)
	}
	// A connection that listens must not go back to the pool.
	raw := conn.Hijack()
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenAway)
		defer cancel()
		_ = raw.Close(end)
	}()
	if _, err := raw.Exec(ctx, "LISTEN "+endChannel+"; LISTEN "+workChannel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	l.ring()
	for {
		n, err := raw.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("wait for notifications: %w", err)
		}
		if n.Channel == workChannel {
			l.ring()
		} else {
			l.tell(n.Payload)
		}
	}
}

func (l *listener) tell(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.waiting[id] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// subscribe returns a channel that receives when the operation ends.
func (l *listener) subscribe(id string) (ended <-chan struct{}, leave func()) {
	c := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[id] == nil {
		l.waiting[id] = make(map[chan struct{}]struct{})
	}
	l.waiting[id][c] = struct{}{}
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.waiting[id], c)
		if len(l.waiting[id]) == 0 {
			delete(l.waiting, id)
		}
	}
}

// Wait returns the operation when it is done or the time has passed, at most a minute, whichever is first.
func (e *Engine) Wait(ctx context.Context, tenant, id string, timeout time.Duration) (*Operation, error) {
	over := e.cfg.Clock.NewTimer(min(timeout, MaxWait))
	defer over.Stop()
	ended, leave := e.waits.subscribe(id)
	defer leave()
	poll := time.NewTicker(waitPoll)
	defer poll.Stop()
	for {
		running, err := e.running(ctx, tenant, id)
		if err != nil {
			return nil, err
		}
		if !running {
			return e.Get(ctx, tenant, id)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for operation: %w", ctx.Err())
		case <-over.C():
			return e.Get(ctx, tenant, id)
		case <-ended:
		case <-poll.C:
		}
	}
}

func (e *Engine) running(ctx context.Context, tenant, id string) (bool, error) {
	var running bool
	err := e.cfg.Pool.QueryRow(ctx, `SELECT state = 'RUNNING' FROM provision_operations WHERE id = $1 AND tenant = $2`, id, tenant).Scan(&running)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, errs.NotFound("operation", operationName(tenant, id))
	}
	if err != nil {
		return false, fmt.Errorf("look whether operation is done: %w", err)
	}
	return running, nil
}
