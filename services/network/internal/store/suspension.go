package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/event"
)

// Handlers are what the service does about the events of others: it keeps track of which tenants and organisations are
// switched off. A deleted one can come back, and gets nothing new until it does; purged, it is gone for good.
func (r *Records) Handlers() map[string]event.Handler {
	return map[string]event.Handler{
		"tenant.suspended":       r.suspended,
		"tenant.resumed":         r.resumed,
		"tenant.deleted":         r.suspended,
		"tenant.undeleted":       r.resumed,
		"tenant.purged":          r.resumed,
		"organisation.deleted":   r.suspended,
		"organisation.undeleted": r.resumed,
		"organisation.purged":    r.resumed,
	}
}

func (r *Records) suspended(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
	_, err := tx.Exec(ctx, `INSERT INTO suspensions (resource, since_time) VALUES ($1, $2) ON CONFLICT (resource) DO NOTHING`,
		e.GetSubject(), e.GetTime().AsTime())
	if err != nil {
		return fmt.Errorf("note suspension: %w", err)
	}
	return nil
}

func (r *Records) resumed(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
	if _, err := tx.Exec(ctx, `DELETE FROM suspensions WHERE resource = $1`, e.GetSubject()); err != nil {
		return fmt.Errorf("note end of suspension: %w", err)
	}
	return nil
}

// now is the time in the resolution of the database.
func (r *Records) now() time.Time { return r.clock.Now().UTC().Truncate(time.Microsecond) }
