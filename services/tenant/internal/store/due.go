package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Due answers what the periodic loops must act on, what is due longest first. An organisation goes with its tenant when
// that is due too, and a credential is not replaced while nobody could use the new one.
func (s *Store) Due(ctx context.Context, at tenancy.DueTimes) (tenancy.Due, error) {
	var due tenancy.Due
	rows, err := s.pool.Query(ctx, `SELECT id FROM tenants WHERE purge_time <= $1 ORDER BY purge_time LIMIT $2`, at.Now, at.Limit)
	if err == nil {
		due.PurgeTenants, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		return due, fmt.Errorf("find tenants to purge: %w", err)
	}
	due.PurgeOrganisations, err = s.keys(ctx, `SELECT o.tenant_id, o.id FROM organisations o JOIN tenants t ON t.uid = o.tenant_uid
 WHERE o.purge_time <= $1 AND NOT t.removing AND (t.purge_time IS NULL OR t.purge_time > $1)
 ORDER BY o.purge_time LIMIT $2`, at.Now, at.Limit)
	if err != nil {
		return due, fmt.Errorf("find organisations to purge: %w", err)
	}
	due.RotateCredentials, err = s.keys(ctx, `SELECT o.tenant_id, o.id FROM credentials c
  JOIN organisations o ON o.uid = c.organisation_uid
  JOIN tenants t ON t.uid = o.tenant_uid
  JOIN provision_resources r ON r.uid = o.uid
 WHERE c.in_use AND (c.expire_time <= $1 OR c.roles <> $3) AND c.generation = o.credential_generation AND NOT r.reconciling
   AND o.delete_time IS NULL AND t.delete_time IS NULL AND NOT t.suspended
 ORDER BY c.expire_time LIMIT $2`, at.CredentialsBefore, at.Limit, at.CredentialRoles)
	if err != nil {
		return due, fmt.Errorf("find credentials to replace: %w", err)
	}
	return due, nil
}

func (s *Store) keys(ctx context.Context, sql string, args ...any) ([]tenancy.OrganisationKey, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[tenancy.OrganisationKey])
}
