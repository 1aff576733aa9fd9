package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource/rows"
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

// Organisation reads an organisation by the ids of its tenant and itself.
func (s *Store) Organisation(ctx context.Context, tenantID, id string) (tenancy.Organisation, error) {
	return organisation(ctx, s.pool, tenantID, id, "")
}

// LoadOrganisation reads an organisation by its uid.
func (s *Store) LoadOrganisation(ctx context.Context, q provision.Querier, uid string) (tenancy.Organisation, error) {
	return rows.One(ctx, q, "organisation", uid, scanOrganisation, organisationByUID, uid)
}

// LockOrganisation reads an organisation and keeps others from changing it.
func (s *Store) LockOrganisation(ctx context.Context, tx pgx.Tx, tenantID, id string) (tenancy.Organisation, error) {
	name := resourcename.Organisation{Tenant: tenantID, Organisation: id}.String()
	if err := lockResource(ctx, tx, tenancy.KindOrganisation, name); err != nil {
		return tenancy.Organisation{}, err
	}
	return organisation(ctx, tx, tenantID, id, ` FOR NO KEY UPDATE OF o`)
}

func organisation(ctx context.Context, q provision.Querier, tenantID, id, lock string) (tenancy.Organisation, error) {
	name := resourcename.Organisation{Tenant: tenantID, Organisation: id}.String()
	return rows.One(ctx, q, "organisation", name, scanOrganisation, organisationByID+lock, tenantID, id)
}

// LoadOrganisations reads every organisation of a tenant, deleted ones too, in the order of their ids.
func (s *Store) LoadOrganisations(ctx context.Context, q provision.Querier, tenantUID string) ([]tenancy.Organisation, error) {
	return organisations(ctx, q, tenantUID, "")
}

// LockOrganisations is LoadOrganisations, and keeps others from changing them.
func (s *Store) LockOrganisations(ctx context.Context, tx pgx.Tx, tenantUID string) ([]tenancy.Organisation, error) {
	err := write(ctx, tx, "lock organisations", `SELECT 1 FROM organisations o JOIN provision_resources r ON r.uid = o.uid
 WHERE o.tenant_uid = $1 ORDER BY o.id FOR NO KEY UPDATE OF r`, tenantUID)
	if err != nil {
		return nil, err
	}
	return organisations(ctx, tx, tenantUID, ` FOR NO KEY UPDATE OF o`)
}

func organisations(ctx context.Context, q provision.Querier, tenantUID, lock string) ([]tenancy.Organisation, error) {
	return rows.Many(ctx, q, "organisation", scanOrganisation, organisationColumns+` WHERE o.tenant_uid = $1 ORDER BY o.id`+lock, tenantUID)
}

// InsertOrganisation writes a new organisation.
func (s *Store) InsertOrganisation(ctx context.Context, tx pgx.Tx, v tenancy.Organisation) error {
	if v.VPCs == nil {
		v.VPCs = []tenancy.VPCOrder{}
	}
	err := write(ctx, tx, "insert organisation", insertOrganisation, v.UID, v.TenantUID, v.TenantID, v.ID, v.DisplayName, labels(v.Labels),
		string(v.Mode), v.HubCIDR, v.Quota, v.VPCs, v.CredentialGeneration, v.Revision, v.CreateTime, v.UpdateTime, v.Protected)
	if pg.ConstraintOf(err) == "organisations_tenant_uid_id_key" {
		e := errs.Exists("organisation", v.Name())
		e.Message += "; a deleted organisation keeps its id until it is purged"
		return e
	}
	return err
}

// UpdateOrganisation writes every field that a change may touch.
func (s *Store) UpdateOrganisation(ctx context.Context, tx pgx.Tx, v tenancy.Organisation) error {
	return write(ctx, tx, "update organisation", updateOrganisation, v.UID, v.DisplayName, labels(v.Labels), v.Quota,
		orNull(v.DeleteTime), orNull(v.PurgeTime), v.DeletedWithTenant, v.Removing, v.Force, v.CredentialGeneration, v.Revision,
		string(v.Announced.Life), v.Announced.Revision, v.UpdateTime, v.Protected)
}

// SetOrganisationCloud records what an operation made of an organisation, and the events published about it.
func (s *Store) SetOrganisationCloud(ctx context.Context, tx pgx.Tx, v tenancy.Organisation) error {
	return write(ctx, tx, "settle organisation", `UPDATE organisations SET project_id = $2, ready_time = $3, announced_life = $4, announced_revision = $5
 WHERE uid = $1`, v.UID, v.ProjectID, orNull(v.ReadyTime), string(v.Announced.Life), v.Announced.Revision)
}

// RemoveOrganisation deletes the row of an organisation, with its secrets.
func (s *Store) RemoveOrganisation(ctx context.Context, tx pgx.Tx, uid string) error {
	return write(ctx, tx, "remove organisation", `DELETE FROM organisations WHERE uid = $1`, uid)
}
