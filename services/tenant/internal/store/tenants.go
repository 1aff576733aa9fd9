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

// tenantColumns reads tenants t; the engine's row r is missing only while the tenant's own row is being inserted.
const (
	tenantColumns = `SELECT t.uid, t.id, t.display_name, t.labels, t.network_cidr::text, t.suspended, t.suspend_reason, t.deletion_protection,
       t.delete_time, t.purge_time, t.removing, t.cascade, t.revision, t.announced_life, t.announced_revision,
       t.domain_id, t.ready_time, t.create_time, t.update_time,
       coalesce(r.state, ''), coalesce(r.conditions, '[]'), r.blockage, coalesce(r.reconciling, false)
  FROM tenants t LEFT JOIN provision_resources r ON r.uid = t.uid`

	tenantByID  = tenantColumns + ` WHERE t.id = $1`
	tenantByUID = tenantColumns + ` WHERE t.uid = $1`

	insertTenant = `INSERT INTO tenants (uid, id, display_name, labels, network_cidr, revision, create_time, update_time,
       deletion_protection)
VALUES ($1, $2, $3, $4, $5::cidr, $6, $7, $8, $9)`

	updateTenant = `UPDATE tenants SET display_name = $2, labels = $3, suspended = $4, suspend_reason = $5,
       delete_time = $6, purge_time = $7, removing = $8, cascade = $9, revision = $10,
       announced_life = $11, announced_revision = $12, update_time = $13, deletion_protection = $14
 WHERE uid = $1`
)

// Tenant reads a tenant by its id.
func (s *Store) Tenant(ctx context.Context, id string) (tenancy.Tenant, error) {
	return tenant(ctx, s.pool, tenantByID, id)
}

// LoadTenant reads a tenant by its uid.
func (s *Store) LoadTenant(ctx context.Context, q provision.Querier, uid string) (tenancy.Tenant, error) {
	return tenant(ctx, q, tenantByUID, uid)
}

// LockTenant reads a tenant and keeps others from changing it.
func (s *Store) LockTenant(ctx context.Context, tx pgx.Tx, id string) (tenancy.Tenant, error) {
	if err := lockResource(ctx, tx, tenancy.KindTenant, resourcename.Tenant{Tenant: id}.String()); err != nil {
		return tenancy.Tenant{}, err
	}
	return tenant(ctx, tx, tenantByID+` FOR NO KEY UPDATE OF t`, id)
}

// ShareTenant reads a tenant and keeps it as it is.
func (s *Store) ShareTenant(ctx context.Context, tx pgx.Tx, id string) (tenancy.Tenant, error) {
	return tenant(ctx, tx, tenantByID+` FOR SHARE OF t`, id)
}

func tenant(ctx context.Context, q provision.Querier, sql, id string) (tenancy.Tenant, error) {
	return rows.One(ctx, q, "tenant", resourcename.Tenant{Tenant: id}.String(), scanTenant, sql, id)
}

// InsertTenant writes a new tenant.
func (s *Store) InsertTenant(ctx context.Context, tx pgx.Tx, v tenancy.Tenant) error {
	err := write(ctx, tx, "insert tenant", insertTenant, v.UID, v.ID, v.DisplayName, labels(v.Labels), v.NetworkCIDR,
		v.Revision, v.CreateTime, v.UpdateTime, v.Protected)
	if pg.ConstraintOf(err) == "tenants_id_key" {
		e := errs.Exists("tenant", v.Name())
		e.Message += "; a deleted tenant keeps its id until it is purged"
		return e
	}
	return err
}

// UpdateTenant writes every field that a change may touch.
func (s *Store) UpdateTenant(ctx context.Context, tx pgx.Tx, v tenancy.Tenant) error {
	if v.Cascade == nil {
		v.Cascade = []tenancy.Cascade{}
	}
	return write(ctx, tx, "update tenant", updateTenant, v.UID, v.DisplayName, labels(v.Labels), v.Suspended, v.SuspendReason,
		orNull(v.DeleteTime), orNull(v.PurgeTime), v.Removing, v.Cascade, v.Revision,
		string(v.Announced.Life), v.Announced.Revision, v.UpdateTime, v.Protected)
}

// SetTenantCloud records what an operation made of a tenant, and the events published about it.
func (s *Store) SetTenantCloud(ctx context.Context, tx pgx.Tx, v tenancy.Tenant) error {
	return write(ctx, tx, "settle tenant", `UPDATE tenants SET domain_id = $2, ready_time = $3, announced_life = $4, announced_revision = $5
 WHERE uid = $1`, v.UID, v.DomainID, orNull(v.ReadyTime), string(v.Announced.Life), v.Announced.Revision)
}

// RemoveTenant deletes the row of a tenant.
func (s *Store) RemoveTenant(ctx context.Context, tx pgx.Tx, uid string) error {
	return write(ctx, tx, "remove tenant", `DELETE FROM tenants WHERE uid = $1`, uid)
}
