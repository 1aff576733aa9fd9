package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

const (
	tenantsToPurge = `SELECT id FROM tenants WHERE purge_time <= $1 ORDER BY purge_time LIMIT $2`

	// An organisation goes with its tenant when that is due too.
	organisationsToPurge = `SELECT o.tenant_id, o.id FROM organisations o JOIN tenants t ON t.uid = o.tenant_uid
 WHERE o.purge_time <= $1 AND NOT t.removing AND (t.purge_time IS NULL OR t.purge_time > $1)
 ORDER BY o.purge_time LIMIT $2`

	// A credential is not replaced while its owner could not use the new one.
	credentialsToReplace = `SELECT o.tenant_id, o.id FROM credentials c
  JOIN organisations o ON o.uid = c.organisation_uid
  JOIN tenants t ON t.uid = o.tenant_uid
  JOIN provision_resources r ON r.uid = o.uid
 WHERE c.in_use AND (c.expire_time <= $1 OR c.roles <> $3) AND c.generation = o.credential_generation AND NOT r.reconciling
   AND o.delete_time IS NULL AND t.delete_time IS NULL AND NOT t.suspended
 ORDER BY c.expire_time LIMIT $2`
)

// Due reads what the periodic pass must act on, the longest due first.
func (s *Store) Due(ctx context.Context, at tenancy.DueTimes) (due tenancy.Due, err error) {
	key := pgx.RowToStructByPos[tenancy.OrganisationKey]
	if due.PurgeTenants, err = rows.Many(ctx, s.pool, "due tenant", pgx.RowTo[string], tenantsToPurge, at.Now, at.Limit); err != nil {
		return due, err
	}
	if due.PurgeOrganisations, err = rows.Many(ctx, s.pool, "due organisation", key, organisationsToPurge, at.Now, at.Limit); err != nil {
		return due, err
	}
	due.RotateCredentials, err = rows.Many(ctx, s.pool, "due credential", key, credentialsToReplace, at.CredentialsBefore, at.Limit, at.CredentialRoles)
	return due, err
}
