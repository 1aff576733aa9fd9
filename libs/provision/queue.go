package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ringWork wakes the engines of all processes; wake_at says what there is to do.
const ringWork = `SELECT pg_notify('` + workChannel + `', '')`

// claim takes the leases of what is due and under no lease, the longest due first. The database's clock decides about leases
// and times: those of the machines may differ.
const claim = `
UPDATE provision_resources r SET fence = fence + 1, lease_holder = $1, lease_until = clock_timestamp() + $2::interval
  FROM (SELECT uid FROM provision_resources
         WHERE current_operation IS NOT NULL AND wake_at <= clock_timestamp()
           AND (lease_until IS NULL OR lease_until < clock_timestamp())
         ORDER BY wake_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED) due
 WHERE r.uid = due.uid
RETURNING ` + heldColumns

// release gives the lease back and sets the next look, unless another one was asked for since the claim.
const release = `
UPDATE provision_resources SET lease_holder = NULL, lease_until = NULL,
       wake_at = CASE WHEN wake_at = $3 THEN clock_timestamp() + $4::interval ELSE wake_at END
 WHERE uid = $1 AND fence = $2`

// wakeNow locks the resource of the uid, an SQL expression, and has it looked at when the transaction commits.
func wakeNow(ctx context.Context, tx pgx.Tx, uid string, args ...any) error {
	var b pgx.Batch
	b.Queue(`UPDATE provision_resources SET wake_at = clock_timestamp() WHERE uid = `+uid, args...)
	b.Queue(ringWork)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("wake work on a resource: %w", err)
	}
	return nil
}

// ring has this engine look for due work.
func (e *Engine) ring() {
	select {
	case e.bell <- struct{}{}:
	default:
	}
}

// ringIn rings after a pause; the timer is exact, and a lost one is made up for by the sweep.
func (e *Engine) ringIn(pause time.Duration) { time.AfterFunc(pause, e.ring) }

// dispatch starts slices for due work until ctx ends: when the bell rings, and every Config.Sweep for lapsed leases and for
// what no notification told of. The slices run in life.
func (e *Engine) dispatch(ctx, life context.Context) {
	for {
		if err := e.startDue(ctx, life); err != nil && ctx.Err() == nil {
			e.log.WarnContext(ctx, "could not look for due work; trying again soon", "error", err)
		}
		timer := time.NewTimer(e.cfg.Sweep)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-e.bell:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// startDue starts a slice for each due resource there is a worker for. A worker that comes free rings.
func (e *Engine) startDue(ctx, life context.Context) error {
	free := e.cfg.Workers - int(e.busy.Load())
	if free <= 0 {
		return nil
	}
	// A claim that is cut off may have been carried out: its leases lapse.
	rows, err := e.cfg.Pool.Query(ctx, claim, e.id, e.cfg.Lease, free)
	if err != nil {
		return fmt.Errorf("claim due work: %w", err)
	}
	due, err := pgx.CollectRows(rows, scanHeld)
	if err != nil {
		return fmt.Errorf("claim due work: %w", err)
	}
	for _, h := range due {
		e.busy.Add(1)
		e.slices.Go(func() {
			defer e.ring()
			defer e.busy.Add(-1)
			e.work(life, h)
		})
	}
	return nil
}

// giveBack releases a lease outside a slice's own writes.
func (e *Engine) giveBack(ctx context.Context, h *held, pause time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.cfg.Lease)
	defer cancel()
	if _, err := e.cfg.Pool.Exec(ctx, release, h.uid, h.fence, h.wake, pause); err != nil {
		e.log.WarnContext(ctx, "could not give a lease back; it lapses", "resource", h.name, "error", err)
		return
	}
	e.ringIn(pause)
}
