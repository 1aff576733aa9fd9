package usecase

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/event"
)

// Handlers note the tenants and organisations that take nothing new: suspended ones, and deleted ones until they are undeleted.
func (s *Settlements) Handlers() map[string]event.Handler {
	return map[string]event.Handler{
		"tenant.suspended":       s.suspended,
		"tenant.resumed":         s.resumed,
		"tenant.deleted":         s.suspended,
		"tenant.undeleted":       s.resumed,
		"tenant.purged":          s.resumed,
		"organisation.deleted":   s.suspended,
		"organisation.undeleted": s.resumed,
		"organisation.purged":    s.resumed,
	}
}

func (s *Settlements) suspended(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
	return s.Suspend(ctx, tx, e.GetSubject(), e.GetTime().AsTime(), purgeTime(e))
}

func (s *Settlements) resumed(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
	return s.Resume(ctx, tx, e.GetSubject())
}

// purgeTime is the time at which the organisation of an event is purged, nil when the event does not say.
func purgeTime(e *eventv1.Event) *time.Time {
	var o tenantv1.Organisation
	if !e.GetData().MessageIs(&o) || e.GetData().UnmarshalTo(&o) != nil || o.GetPurgeTime() == nil {
		return nil
	}
	at := o.GetPurgeTime().AsTime()
	return &at
}
