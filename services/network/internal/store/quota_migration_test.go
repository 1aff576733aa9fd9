package store_test

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/services/network/internal/store"
)

// until is a folder that lacks a file and those after it.
type until struct {
	fs.FS
	file string
}

func (w until) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(w.FS, name)
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool { return e.Name() >= w.file }), err
}

// TestQuotaMigration_countsExistingRows: resources from before there were quotas are in the ledger after the migration, in use when they are
// whole, even where they are more than a limit would allow.
func TestQuotaMigration_countsExistingRows(t *testing.T) {
	before := store.Migrations()
	own := slices.IndexFunc(before, func(m pg.Migrations) bool { return m.Name == "network" })
	before[own].FS = until{before[own].FS, "00007_quota.sql"}
	owner := pgtest.OwnerURL(t, before...)
	pool := pgtest.Pool(t, pgtest.AppURL(t, owner))
	state := `INSERT INTO provision_resources (uid, kind, name, tenant, verb, state, transient_state, final_state, reconciling, deleting, generation, wake_at, create_time, update_time) VALUES `
	for _, sql := range []string{
		boundaryRow + `('b1', 'acme', 'ten_1', '10.64.0.0/12', now(), now())`,
		hubRow + `('h1', 'acme', 'core', 'org_1', 'p', 'DEDICATED', '10.64.0.0/22', now(), now())`,
		vpcRow + `('v1', 'acme', 'core', 'dev', 'DEDICATED', '10.64.16.0/20', '100.64.0.0/30', now(), now())`,
		vpcRow + `('v2', 'acme', 'core', 'prod', 'DEDICATED', '10.64.32.0/20', '100.64.0.4/30', now(), now())`,
		peeringRow + `('p1', 'acme', 'link', 'v1', 'v2', 'a', 'b', 'PENDING', '100.65.0.0/30', now(), now())`,
		state + `('h1', 'hub', 'h', 'acme', 'create', 'ACTIVE', 'CREATING', 'ACTIVE', false, false, 1, now(), now(), now())`,
		state + `('v1', 'vpc', 'a', 'acme', 'delete', 'DELETING', 'DELETING', 'DELETED', true, true, 1, now(), now(), now())`,
		state + `('v2', 'vpc', 'b', 'acme', 'create', 'CREATING', 'CREATING', 'ACTIVE', true, false, 1, now(), now(), now())`,
		state + `('p1', 'peering', 'c', 'acme', 'create', 'ACTIVE', 'CREATING', 'ACTIVE', false, false, 1, now(), now(), now())`,
	} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if err := pg.Migrate(t.Context(), owner, store.Migrations()...); err != nil {
		t.Fatal(err)
	}
	if wrong, err := quota.Compare(t.Context(), pool, store.Taken); err != nil || len(wrong) > 0 {
		t.Errorf("the ledger is wrong: %+v, %v", wrong, err)
	}
	for resource, want := range map[string][2]int{
		"vpcs": {1, 1}, "peerings": {0, 1}, "networks": {3, 3}, "routers": {2, 1}, "ports": {4, 5}, "security_groups": {3, 1},
	} {
		var got [2]int
		err := pool.QueryRow(t.Context(), `SELECT in_use, reserved FROM quota_limits WHERE resource = $1 AND platform_limit IS NULL`, resource).Scan(&got[0], &got[1])
		if err != nil || got != want {
			t.Errorf("%s: %v in use and reserved, want %v, %v", resource, got, want, err)
		}
	}
}
