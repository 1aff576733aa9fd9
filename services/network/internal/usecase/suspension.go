package usecase

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
)

// Handlers note the tenants and organisations that take nothing new: suspended ones, and deleted ones until they are undeleted.
func (s *Settlements) Handlers() map[string]event.Handler {
	return map[string]event.Handler{
		"tenant.suspended":       s.suspended,
		"tenant.resumed":         s.resumed,
		"tenant.deleted":         s.deleted,
		"tenant.undeleted":       s.resumed,
		"tenant.purged":          s.resumed,
		"organisation.deleted":   s.deleted,
		"organisation.undeleted": s.resumed,
		"organisation.purged":    s.resumed,
	}
}

func (s *Settlements) suspended(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
	return s.Suspend(ctx, tx, e.GetSubject(), e.GetTime().AsTime(), false, nil)
}

func (s *Settlements) deleted(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
	return s.Suspend(ctx, tx, e.GetSubject(), e.GetTime().AsTime(), true, purgeTime(e))
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

// closed refuses the commands of callers in a suspended or deleted tenant. Removals go on in a deleted tenant: its purge needs them.
// The tenant service orders foundations in any state.
func (n *Network) closed(ctx context.Context, tx pgx.Tx, id resource.Identity, tenant string) error {
	if strings.HasPrefix(id.Method, "/lowlayer.networkinternal.") {
		return nil
	}
	name := resourcename.Tenant{Tenant: tenant}
	closed, deleted, err := n.Closure(ctx, tx, name)
	if err != nil || !closed || (deleted && strings.Contains(id.Method, "/Delete")) {
		return err
	}
	return boundary.Suspended(name)
}
