package store

import (
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

func scanTenant(row pgx.CollectableRow) (tenancy.Tenant, error) {
	var t tenancy.Tenant
	var deleted, purge, ready *time.Time
	var life string
	var st rows.Status
	err := row.Scan(&t.UID, &t.ID, &t.DisplayName, &t.Labels, &t.NetworkCIDR, &t.Suspended, &t.SuspendReason, &t.Protected,
		&deleted, &purge, &t.Removing, &t.Cascade, &t.Revision, &life, &t.Announced.Revision,
		&t.DomainID, &ready, &t.CreateTime, &t.UpdateTime,
		&st.State, &st.Conditions, &st.Blockage, &st.Reconciling)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	t.DeleteTime, t.PurgeTime, t.ReadyTime = orZero(deleted), orZero(purge), orZero(ready)
	t.CreateTime, t.UpdateTime = t.CreateTime.UTC(), t.UpdateTime.UTC()
	t.Announced.Life = tenancy.Life(life)
	t.Status, err = st.Value()
	return t, err
}

func scanOrganisation(row pgx.CollectableRow) (tenancy.Organisation, error) {
	var o tenancy.Organisation
	var deleted, purge, ready, credentialMade, credentialEnds *time.Time
	var life, mode string
	var st rows.Status
	err := row.Scan(&o.UID, &o.TenantUID, &o.TenantID, &o.ID, &o.DisplayName, &o.Labels, &mode,
		&o.HubCIDR, &o.Quota, &o.VPCs, &deleted, &purge, &o.DeletedWithTenant, &o.Removing, &o.Force, &o.Protected,
		&o.Revision, &life, &o.Announced.Revision, &o.ProjectID, &o.CredentialGeneration,
		&ready, &o.CreateTime, &o.UpdateTime,
		&o.Credential.ID, &credentialMade, &credentialEnds, &o.Credential.Roles,
		&st.State, &st.Conditions, &st.Blockage, &st.Reconciling)
	if err != nil {
		return tenancy.Organisation{}, err
	}
	o.Mode = tenancy.Mode(mode)
	o.DeleteTime, o.PurgeTime, o.ReadyTime = orZero(deleted), orZero(purge), orZero(ready)
	o.CreateTime, o.UpdateTime = o.CreateTime.UTC(), o.UpdateTime.UTC()
	o.Credential.CreateTime, o.Credential.ExpireTime = orZero(credentialMade), orZero(credentialEnds)
	o.Announced.Life = tenancy.Life(life)
	o.Status, err = st.Value()
	return o, err
}

// labels keeps the column an object: nil would be null.
func labels(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
