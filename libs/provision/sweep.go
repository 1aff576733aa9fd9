package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sweepBatch = 500
	pruneEvery = 10 * time.Minute
	pruneBatch = 1000
)

// sweep looks for work nobody does: at once, and then again and again. River alone would be too slow: a job that a dead
// process left is rescued after minutes.
func (e *Engine) sweep(ctx context.Context) {
	var pruned time.Time
	for {
		if err := e.sweepOnce(ctx); err != nil && ctx.Err() == nil {
			e.log.WarnContext(ctx, "could not look for lapsed work; trying again soon", "error", err)
		}
		if err := e.history.flush(ctx, e.cfg.Pool); err != nil && ctx.Err() == nil {
			e.log.WarnContext(ctx, "some durations of steps were not kept", "error", err)
		}
		if now := e.now(); now.Sub(pruned) >= pruneEvery {
			pruned = now
			if err := e.prune(ctx); err != nil && ctx.Err() == nil {
				e.log.WarnContext(ctx, "could not remove old operations; trying again later", "error", err)
			}
		}
		timer := e.cfg.Clock.NewTimer(e.cfg.Sweep)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
}

// A job that still waits for a worker will do; only a job that is `available` counts, since one that is `running` may be
// a dead process's.
const lapsed = `
SELECT r.uid FROM provision_resources r
 WHERE r.current_operation IS NOT NULL AND r.wake_at < $1
   AND (r.lease_until IS NULL OR r.lease_until < clock_timestamp())
   AND NOT EXISTS (SELECT FROM river_job j WHERE j.kind = 'provision' AND j.state = 'available'
                      AND j.args @> jsonb_build_object('resource_uid', r.uid))
 ORDER BY r.wake_at LIMIT $2`

func (e *Engine) sweepOnce(ctx context.Context) error {
	// A resource whose time came half a sweep ago was forgotten: whoever was to look at it is dead.
	overdue := e.cfg.Sweep / 2
	rows, err := e.cfg.Pool.Query(ctx, lapsed, e.now().Add(-overdue), sweepBatch)
	if err != nil {
		return fmt.Errorf("look for lapsed work: %w", err)
	}
	uids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for lapsed work: %w", err)
	}
	if len(uids) > 0 {
		e.wake(ctx, uids)
	}
	return nil
}

// prune removes ended operations and receipts after the retention.
func (e *Engine) prune(ctx context.Context) error {
	now := e.now()
	for _, p := range []struct {
		sql    string
		before time.Time
	}{
		{`DELETE FROM provision_operations WHERE id IN (SELECT id FROM provision_operations
			WHERE end_time < $1 LIMIT $2)`, now.Add(-e.cfg.Retention)},
		{`DELETE FROM provision_receipts WHERE ctid IN (SELECT ctid FROM provision_receipts p WHERE gone_time < $1
			AND NOT EXISTS (SELECT FROM provision_resources r WHERE r.uid = p.resource_uid) LIMIT $2)`, now.Add(-e.cfg.Retention)},
	} {
		for {
			tag, err := e.cfg.Pool.Exec(ctx, p.sql, p.before, pruneBatch)
			if err != nil {
				return fmt.Errorf("remove old records: %w", err)
			}
			if tag.RowsAffected() < pruneBatch {
				break
			}
		}
	}
	return nil
}
