package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

const (
	organisationColumns = `SELECT o.uid, o.tenant_uid, o.tenant_id, o.id, o.display_name, o.labels, o.mode,
       coalesce(o.hub_cidr::text, ''), o.quota, o.vpcs, o.delete_time, o.purge_time, o.deleted_with_tenant, o.removing, o.force, o.deletion_protection,
       o.revision, o.announced_life, o.announced_revision, o.project_id, o.credential_generation,
       o.ready_time, o.create_time, o.update_time,
       coalesce(c.external_id, ''), c.create_time, c.expire_time, coalesce(c.roles, '{}'),
       coalesce(r.state, ''), coalesce(r.conditions, '[]'), r.blockage, coalesce(r.reconciling, false)
  FROM organisations o
  LEFT JOIN provision_resources r ON r.uid = o.uid
  LEFT JOIN credentials c ON c.organisation_uid = o.uid AND c.in_use`

	organisationByID  = organisationColumns + ` WHERE o.tenant_id = $1 AND o.id = $2`
	organisationByUID = organisationColumns + ` WHERE o.uid = $1`

	insertOrganisation = `INSERT INTO organisations (uid, tenant_uid, tenant_id, id, display_name, labels, mode, hub_cidr, quota,
       vpcs, credential_generation, revision, create_time, update_time, deletion_protection)
VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, '')::cidr, $9, $10, $11, $12, $13, $14, $15)`

	updateOrganisation = `UPDATE organisations SET display_name = $2, labels = $3, quota = $4, delete_time = $5, purge_time = $6,
       deleted_with_tenant = $7, removing = $8, force = $9, credential_generation = $10, revision = $11,
       announced_life = $12, announced_revision = $13, update_time = $14, deletion_protection = $15
 WHERE uid = $1`
)

// Organisation answers an organisation by the ids of its tenant and itself.
func (s *Store) Organisation(ctx context.Context, tenantID, id string) (tenancy.Organisation, error) {
	return namedOrganisation(ctx, s.pool, organisationByID, tenantID, id)
}

// Organisation answers an organisation by unique id.
func (r *Rows) Organisation(ctx context.Context, q provision.Querier, uid string) (tenancy.Organisation, error) {
	return oneOrganisation(ctx, q, uid, organisationByUID, uid)
}

// LockOrganisation answers an organisation and keeps others from changing it.
func (t *transaction) LockOrganisation(ctx context.Context, tenantID, id string) (tenancy.Organisation, error) {
	name := resourcename.Organisation{Tenant: tenantID, Organisation: id}.String()
	if err := lockResource(ctx, t.tx, tenancy.KindOrganisation, name); err != nil {
		return tenancy.Organisation{}, err
	}
	o, err := namedOrganisation(ctx, t.tx, organisationByID+` FOR NO KEY UPDATE OF o`, tenantID, id)
	if err == nil {
		t.changes.Before(o.Name(), t.outbox.render.Organisation(o))
	}
	return o, err
}

// LockOrganisations answers and locks every organisation of a tenant.
func (t *transaction) LockOrganisations(ctx context.Context, tenantUID string) ([]tenancy.Organisation, error) {
	_, err := t.tx.Exec(ctx, `SELECT 1 FROM organisations o JOIN provision_resources r ON r.uid = o.uid
 WHERE o.tenant_uid = $1 ORDER BY o.id FOR NO KEY UPDATE OF r`, tenantUID)
	if err != nil {
		return nil, fmt.Errorf("lock organisations: %w", err)
	}
	all, err := organisationsOf(ctx, t.tx, tenantUID, ` FOR NO KEY UPDATE OF o`)
	for _, o := range all {
		t.changes.Before(o.Name(), t.outbox.render.Organisation(o))
	}
	return all, err
}

// Organisations answers every organisation of a tenant, deleted ones too, in the order of their ids.
func (r *Rows) Organisations(ctx context.Context, q provision.Querier, tenantUID string) ([]tenancy.Organisation, error) {
	return organisationsOf(ctx, q, tenantUID, "")
}

func organisationsOf(ctx context.Context, q provision.Querier, tenantUID, lock string) ([]tenancy.Organisation, error) {
	rows, err := q.Query(ctx, organisationColumns+` WHERE o.tenant_uid = $1 ORDER BY o.id`+lock, tenantUID)
	if err != nil {
		return nil, fmt.Errorf("read organisations: %w", err)
	}
	out, err := pgx.CollectRows(rows, scanOrganisation)
	if err != nil {
		return nil, fmt.Errorf("read organisations: %w", err)
	}
	return out, nil
}

func namedOrganisation(ctx context.Context, q provision.Querier, sql, tenantID, id string) (tenancy.Organisation, error) {
	name := resourcename.Organisation{Tenant: tenantID, Organisation: id}.String()
	return oneOrganisation(ctx, q, name, sql, tenantID, id)
}

func oneOrganisation(ctx context.Context, q provision.Querier, name, sql string, args ...any) (tenancy.Organisation, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return tenancy.Organisation{}, fmt.Errorf("read organisation: %w", err)
	}
	o, err := pgx.CollectExactlyOneRow(rows, scanOrganisation)
	if errors.Is(err, pgx.ErrNoRows) {
		return tenancy.Organisation{}, errs.NotFound("organisation", name)
	}
	if err != nil {
		return tenancy.Organisation{}, fmt.Errorf("read organisation: %w", err)
	}
	return o, nil
}

// InsertOrganisation writes a new organisation and reserves its place in the quota of the tenant.
func (t *transaction) InsertOrganisation(ctx context.Context, v tenancy.Organisation) error {
	if err := t.quota.Reserve(ctx, t.tx, v.TenantID, v.UID, []quota.Claim{{Place: v.TenantName(), Resource: QuotaOrganisations, Amount: 1}}); err != nil {
		return err
	}
	if v.VPCs == nil {
		v.VPCs = []tenancy.VPCOrder{}
	}
	_, err := t.tx.Exec(ctx, insertOrganisation, v.UID, v.TenantUID, v.TenantID, v.ID, v.DisplayName, labels(v.Labels),
		string(v.Mode), v.HubCIDR, v.Quota, v.VPCs, v.CredentialGeneration, v.Revision, v.CreateTime, v.UpdateTime, v.Protected)
	if pg.ConstraintOf(err) == "organisations_tenant_uid_id_key" {
		e := errs.Exists("organisation", v.Name())
		e.Message += "; a deleted organisation keeps its id until it is purged"
		return e
	}
	if err != nil {
		return fmt.Errorf("insert organisation: %w", err)
	}
	t.changes.After(v.Name(), t.outbox.render.Organisation(v))
	return nil
}

// UpdateOrganisation writes what a change may touch.
func (t *transaction) UpdateOrganisation(ctx context.Context, v tenancy.Organisation) error {
	_, err := t.tx.Exec(ctx, updateOrganisation, v.UID, v.DisplayName, labels(v.Labels), v.Quota,
		orNull(v.DeleteTime), orNull(v.PurgeTime), v.DeletedWithTenant, v.Removing, v.Force, v.CredentialGeneration, v.Revision,
		string(v.Announced.Life), v.Announced.Revision, v.UpdateTime, v.Protected)
	if err != nil {
		return fmt.Errorf("update organisation: %w", err)
	}
	t.changes.After(v.Name(), t.outbox.render.Organisation(v))
	return nil
}

// SettleOrganisation writes what the engine learned of an organisation that came to rest, and what was told of it.
func (r *Rows) SettleOrganisation(ctx context.Context, tx pgx.Tx, v tenancy.Organisation) error {
	_, err := tx.Exec(ctx, `UPDATE organisations SET project_id = $2, ready_time = $3, announced_life = $4, announced_revision = $5
 WHERE uid = $1`, v.UID, v.ProjectID, orNull(v.ReadyTime), string(v.Announced.Life), v.Announced.Revision)
	if err != nil {
		return fmt.Errorf("settle organisation: %w", err)
	}
	if v.ReadyTime.IsZero() {
		return nil
	}
	return r.quota.Commit(ctx, tx, v.UID)
}

// RemoveOrganisation deletes the row of an organisation that is gone, its secrets with it, and gives its place in the quota back.
func (r *Rows) RemoveOrganisation(ctx context.Context, tx pgx.Tx, uid string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM organisations WHERE uid = $1`, uid); err != nil {
		return fmt.Errorf("remove organisation: %w", err)
	}
	return r.quota.Release(ctx, tx, uid)
}
