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
	"github.com/low-layer/platform/libs/resource/replay"
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

// Tenant answers a tenant by id.
func (s *Store) Tenant(ctx context.Context, id string) (tenancy.Tenant, error) {
	return oneTenant(ctx, s.pool, tenantByID, id)
}

// Tenant answers a tenant by unique id.
func (r *Rows) Tenant(ctx context.Context, q provision.Querier, uid string) (tenancy.Tenant, error) {
	return oneTenant(ctx, q, tenantByUID, uid)
}

func oneTenant(ctx context.Context, q provision.Querier, sql, id string) (tenancy.Tenant, error) {
	rows, err := q.Query(ctx, sql, id)
	if err != nil {
		return tenancy.Tenant{}, fmt.Errorf("read tenant: %w", err)
	}
	t, err := pgx.CollectExactlyOneRow(rows, scanTenant)
	if errors.Is(err, pgx.ErrNoRows) {
		return tenancy.Tenant{}, errs.NotFound("tenant", resourcename.Tenant{Tenant: id}.String())
	}
	if err != nil {
		return tenancy.Tenant{}, fmt.Errorf("read tenant: %w", err)
	}
	return t, nil
}

// lockResource takes the engine's row before our own, in the order the engine itself takes them.
func lockResource(ctx context.Context, tx pgx.Tx, kind tenancy.Kind, name string) error {
	_, err := tx.Exec(ctx, `SELECT 1 FROM provision_resources WHERE kind = $1 AND name = $2 FOR NO KEY UPDATE`, string(kind), name)
	if err != nil {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	return nil
}

// LockTenant answers a tenant and keeps others from changing it.
func (t *transaction) LockTenant(ctx context.Context, id string) (tenancy.Tenant, error) {
	if err := lockResource(ctx, t.tx, tenancy.KindTenant, resourcename.Tenant{Tenant: id}.String()); err != nil {
		return tenancy.Tenant{}, err
	}
	v, err := oneTenant(ctx, t.tx, tenantByID+` FOR NO KEY UPDATE OF t`, id)
	if err == nil {
		t.changes.Before(v.Name(), t.outbox.render.Tenant(v))
	}
	return v, err
}

// ShareTenant answers a tenant and keeps it as it is.
func (t *transaction) ShareTenant(ctx context.Context, id string) (tenancy.Tenant, error) {
	return oneTenant(ctx, t.tx, tenantByID+` FOR SHARE OF t`, id)
}

// InsertTenant writes a new tenant, and forgets the calls that an earlier tenant of its id remembered.
func (t *transaction) InsertTenant(ctx context.Context, v tenancy.Tenant) error {
	_, err := t.tx.Exec(ctx, insertTenant, v.UID, v.ID, v.DisplayName, labels(v.Labels), v.NetworkCIDR,
		v.Revision, v.CreateTime, v.UpdateTime, v.Protected)
	if pg.ConstraintOf(err) == "tenants_id_key" {
		e := errs.Exists("tenant", v.Name())
		e.Message += "; a deleted tenant keeps its id until it is purged"
		return e
	}
	if err != nil {
		return fmt.Errorf("insert tenant: %w", err)
	}
	if err := replay.Forget(ctx, t.tx, v.ID); err != nil {
		return err
	}
	t.changes.After(v.Name(), t.outbox.render.Tenant(v))
	return nil
}

// UpdateTenant writes what a change may touch.
func (t *transaction) UpdateTenant(ctx context.Context, v tenancy.Tenant) error {
	if v.Cascade == nil {
		v.Cascade = []tenancy.Cascade{}
	}
	_, err := t.tx.Exec(ctx, updateTenant, v.UID, v.DisplayName, labels(v.Labels), v.Suspended, v.SuspendReason,
		orNull(v.DeleteTime), orNull(v.PurgeTime), v.Removing, v.Cascade, v.Revision,
		string(v.Announced.Life), v.Announced.Revision, v.UpdateTime, v.Protected)
	if err != nil {
		return fmt.Errorf("update tenant: %w", err)
	}
	t.changes.After(v.Name(), t.outbox.render.Tenant(v))
	return nil
}

// SettleTenant writes what the engine learned of a tenant that came to rest, and what was told of it.
func (r *Rows) SettleTenant(ctx context.Context, tx pgx.Tx, v tenancy.Tenant) error {
	_, err := tx.Exec(ctx, `UPDATE tenants SET domain_id = $2, ready_time = $3, announced_life = $4, announced_revision = $5
 WHERE uid = $1`, v.UID, v.DomainID, orNull(v.ReadyTime), string(v.Announced.Life), v.Announced.Revision)
	if err != nil {
		return fmt.Errorf("settle tenant: %w", err)
	}
	return nil
}

// RemoveTenant deletes the row of a tenant that is gone, and its quotas.
func (r *Rows) RemoveTenant(ctx context.Context, tx pgx.Tx, uid string) error {
	var id string
	if err := tx.QueryRow(ctx, `DELETE FROM tenants WHERE uid = $1 RETURNING id`, uid).Scan(&id); err != nil {
		return fmt.Errorf("remove tenant: %w", err)
	}
	return r.quota.Forget(ctx, tx, id, resourcename.Tenant{Tenant: id}.String())
}

// TenantSince is the SQL that answers when the tenant was made whose id a column holds.
func TenantSince(column string) string {
	return `SELECT t.create_time FROM tenants t WHERE t.id = ` + column
}
