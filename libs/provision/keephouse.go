package provision

import (
	"context"
	"fmt"
	"time"
)

const (
	pruneEvery = 10 * time.Minute
	pruneBatch = 1000
)

// keepHouse writes the durations of steps and removes old records, again and again.
func (e *Engine) keepHouse(ctx context.Context) {
	var pruned time.Time
	for {
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
