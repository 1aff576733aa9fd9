package quota_test

import (
	"testing"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/quota"
)

func TestSchema_everyConstraint_isViolated(t *testing.T) {
	pool := pgtest.Database(t, quota.Migrations())
	const (
		limit = `INSERT INTO quota_limits (tenant, place, resource, platform_limit, override_limit, in_use, reserved, update_time) VALUES `
		held  = `INSERT INTO quota_reservations (holder, tenant, place, resource, amount, state, create_time) VALUES `
	)
	for _, sql := range []string{
		limit + `('acme', 'tenants/acme', 'vpcs', 2, NULL, 0, 0, now())`,
		limit + `('acme', 'tenants/acme/organisations/core', 'ports', NULL, NULL, 0, 0, now())`,
		held + `('v1', 'acme', 'tenants/acme', 'vpcs', 2, 'RESERVED', now())`,
		held + `('v1', 'acme', 'tenants/acme/organisations/core', 'ports', 1000, 'IN_USE', now())`,
	} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	for constraint, sql := range map[string]string{
		"quota_limits_pkey":                      limit + `('acme', 'tenants/acme', 'vpcs', 1, NULL, 0, 0, now())`,
		"quota_limits_place_check":               limit + `('acme', 'tenants/acmes', 'vpcs', 1, NULL, 0, 0, now())`,
		"quota_limits_resource_check":            limit + `('acme', 'tenants/acme', '', 1, NULL, 0, 0, now())`,
		"quota_limits_platform_limit_check":      limit + `('acme', 'tenants/acme', 'x', -1, NULL, 0, 0, now())`,
		"quota_limits_override_limit_check":      limit + `('acme', 'tenants/acme', 'x', 1, -1, 0, 0, now())`,
		"quota_limits_counted_check":             `UPDATE quota_limits SET reserved = 1 WHERE resource = 'vpcs'`,
		"quota_limits_room_check":                held + `('v2', 'acme', 'tenants/acme', 'vpcs', 1, 'RESERVED', now())`,
		"quota_reservations_pkey":                held + `('v1', 'acme', 'tenants/acme', 'vpcs', 1, 'RESERVED', now())`,
		"quota_reservations_holder_check":        held + `('', 'acme', 'tenants/acme', 'vpcs', 1, 'RESERVED', now())`,
		"quota_reservations_amount_check":        held + `('v2', 'acme', 'tenants/acme', 'vpcs', 0, 'RESERVED', now())`,
		"quota_reservations_state_check":         held + `('v2', 'acme', 'tenants/acme', 'vpcs', 1, 'LOST', now())`,
		"quota_reservations_fixed_check":         `UPDATE quota_reservations SET amount = 1 WHERE resource = 'vpcs'`,
		"quota_reservations_limit_fkey":          `DELETE FROM quota_limits WHERE resource = 'vpcs'`,
		"quota_limits_counted_check of new ones": limit + `('acme', 'tenants/acme', 'x', 1, NULL, 1, 0, now())`,
	} {
		_, err := pool.Exec(t.Context(), sql)
		if got := pg.ConstraintOf(err); got == "" || constraint[:len(got)] != got {
			t.Errorf("%s: got %q, %v", constraint, got, err)
		}
	}
	// Triggers keep the counts.
	var inUse, reserved int64
	if err := pool.QueryRow(t.Context(), `SELECT in_use, reserved FROM quota_limits WHERE resource = 'vpcs'`).Scan(&inUse, &reserved); err != nil || inUse != 0 || reserved != 2 {
		t.Errorf("got %d in use, %d reserved, %v", inUse, reserved, err)
	}
}
