package store_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

// until is a folder without a file and those after it.
type until struct {
	fs.FS
	file string
}

func (w until) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(w.FS, name)
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool { return e.Name() >= w.file }), err
}

// TestMigration_existingOrganisations_areCounted: organisations from before there were quotas are in the ledger after the migration, deleted ones too.
func TestMigration_existingOrganisations_areCounted(t *testing.T) {
	sets := store.Migrations()
	before := slices.Clone(sets)
	own := slices.IndexFunc(before, func(m pg.Migrations) bool { return m.Name == "tenant" })
	before[own].FS = until{before[own].FS, "00009_quota.sql"}
	owner := pgtest.OwnerURL(t, before...)
	pool := pgtest.Pool(t, pgtest.AppURL(t, owner))
	second := strings.NewReplacer(organisationUID, "org_00000000000000000000000002", "'core'", "'side'").Replace(goodOrganisation)
	for _, sql := range []string{
		goodTenant, goodOrganisation, second, `UPDATE organisations SET ready_time = now(), delete_time = now() WHERE id = 'side'`,
	} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if err := pg.Migrate(t.Context(), owner, sets...); err != nil {
		t.Fatal(err)
	}
	if wrong, err := quota.Compare(t.Context(), pool, store.Taken); err != nil || len(wrong) > 0 {
		t.Errorf("the ledger is wrong: %+v, %v", wrong, err)
	}
	var inUse, reserved int
	err := pool.QueryRow(t.Context(), `SELECT in_use, reserved FROM quota_limits WHERE place = 'tenants/acme'`).Scan(&inUse, &reserved)
	if err != nil || inUse != 1 || reserved != 1 {
		t.Errorf("%d in use, %d reserved, %v", inUse, reserved, err)
	}
}
