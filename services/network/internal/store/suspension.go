package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resource"
)

// Suspend notes that a tenant or organisation, by its name, takes nothing new. purge is the end of a deleted one, nil when unknown.
func (s *Store) Suspend(ctx context.Context, tx pgx.Tx, name string, since time.Time, purge *time.Time) error {
	return write(ctx, tx, "note suspension", `INSERT INTO suspensions (resource, since_time, purge_time) VALUES ($1, $2, $3)
		ON CONFLICT (resource) DO NOTHING`, name, since, purge)
}

// Resume ends a suspension.
func (s *Store) Resume(ctx context.Context, tx pgx.Tx, name string) error {
	return write(ctx, tx, "end suspension", `DELETE FROM suspensions WHERE resource = $1`, name)
}

// closedColumns are those of a deleted organisation that can be undeleted; joinClosed joins it to hubs, the alias h.
const (
	closedColumns = `s.since_time AS closed_since, s.purge_time AS closed_purge`
	joinClosed    = ` LEFT JOIN suspensions s ON s.resource = 'tenants/' || h.tenant || '/organisations/' || h.organisation`
)

// closedRow is closedColumns.
type closedRow struct {
	ClosedSince *time.Time `db:"closed_since"`
	ClosedPurge *time.Time `db:"closed_purge"`
}

// conditionOrganisation is False while the organisation is deleted and can be undeleted, and absent otherwise.
const conditionOrganisation = "OrganisationActive"

// conditions adds that of a deleted organisation.
func (r closedRow) conditions(list resource.Conditions, organisation string) resource.Conditions {
	if r.ClosedSince == nil {
		return list
	}
	when := "when it is purged"
	if r.ClosedPurge != nil {
		when = "at " + r.ClosedPurge.UTC().Format(time.RFC3339)
	}
	return append(list, resource.Condition{
		Type: conditionOrganisation, Status: resource.ConditionFalse, Reason: "OrganisationDeleted",
		Message:            fmt.Sprintf("%s is deleted: this goes with it %s, unless it is undeleted before", organisation, when),
		LastTransitionTime: *r.ClosedSince,
	})
}
