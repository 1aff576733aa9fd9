package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
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
	_, err := tx.Exec(ctx, `INSERT INTO suspensions (resource, since_time, purge_time) VALUES ($1, $2, $3) ON CONFLICT (resource) DO NOTHING`,
		e.GetSubject(), e.GetTime().AsTime(), purgeTime(e))
	if err != nil {
		return fmt.Errorf("note suspension: %w", err)
	}
	return nil
}

// purgeTime is when the organisation that an event tells of is removed for good, nil when it does not say.
func purgeTime(e *eventv1.Event) *time.Time {
	var o tenantv1.Organisation
	if !e.GetData().MessageIs(&o) || e.GetData().UnmarshalTo(&o) != nil || o.GetPurgeTime() == nil {
		return nil
	}
	at := o.GetPurgeTime().AsTime()
	return &at
}

func (r *Records) resumed(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
	if _, err := tx.Exec(ctx, `DELETE FROM suspensions WHERE resource = $1`, e.GetSubject()); err != nil {
		return fmt.Errorf("note end of suspension: %w", err)
	}
	return nil
}

// now is the time in the resolution of the database.
func (r *Records) now() time.Time { return r.clock.Now().UTC().Truncate(time.Microsecond) }

// closedColumns tell of a deleted organisation that can still come back; joinClosed joins it to the alias h, hubs.
const (
	closedColumns = `s.since_time AS closed_since, s.purge_time AS closed_purge`
	joinClosed    = ` LEFT JOIN suspensions s ON s.resource = 'tenants/' || h.tenant || '/organisations/' || h.organisation`
)

// closedRow is closedColumns.
type closedRow struct {
	ClosedSince *time.Time `db:"closed_since"`
	ClosedPurge *time.Time `db:"closed_purge"`
}

// conditionOrganisation is False while the organisation is deleted and can come back; otherwise it is not shown. What stands in the
// organisation stays as it is meanwhile, and keeps its state.
const conditionOrganisation = "OrganisationActive"

// conditions adds what the row tells to those of a resource in the organisation.
func (r closedRow) conditions(list []resource.Condition, organisation string) []resource.Condition {
	if r.ClosedSince == nil {
		return list
	}
	when := "when it is purged"
	if r.ClosedPurge != nil {
		when = "at " + r.ClosedPurge.UTC().Format(time.RFC3339)
	}
	return append(list, resource.Condition{
		Type: conditionOrganisation, Status: provision.ConditionFalse, Reason: "OrganisationDeleted",
		Message:            fmt.Sprintf("%s is deleted: this goes with it %s, unless it is undeleted before", organisation, when),
		LastTransitionTime: *r.ClosedSince,
	})
}
