package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/rows"
)

// Suspend notes that a tenant or organisation, by its name, is suspended or deleted. purge is the end of a deleted one, nil when
// unknown.
func (s *Store) Suspend(ctx context.Context, tx pgx.Tx, name string, since time.Time, deleted bool, purge *time.Time) error {
	return write(ctx, tx, "note suspension", `INSERT INTO suspensions AS s (resource, since_time, deleted, purge_time) VALUES ($1, $2, $3, $4)
		ON CONFLICT (resource) DO UPDATE SET deleted = true WHERE excluded.deleted AND NOT s.deleted`, name, since, deleted, purge)
}

// Closure reports whether a tenant is suspended or deleted, and whether it is deleted.
func (s *Store) Closure(ctx context.Context, tx pgx.Tx, tenant resourcename.Tenant) (closed, deleted bool, err error) {
	is, err := rows.First[*bool](ctx, tx, "suspension", `SELECT deleted FROM suspensions WHERE resource = $1`, tenant.String())
	return is != nil, is != nil && *is, err
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
