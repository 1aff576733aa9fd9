package store_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	sets := store.Migrations()
	return pgtest.Database(t, sets...)
}

const (
	tenantUID       = "ten_00000000000000000000000001"
	organisationUID = "org_00000000000000000000000001"

	goodTenant = `INSERT INTO tenants (uid, id, network_cidr, revision, create_time, update_time)
VALUES ('` + tenantUID + `', 'acme', '10.64.0.0/12', 1, now(), now())`
	goodOrganisation = `INSERT INTO organisations (uid, tenant_uid, tenant_id, id, mode, revision, credential_generation, create_time, update_time)
VALUES ('` + organisationUID + `', '` + tenantUID + `', 'acme', 'core', 'MUTUALIZED', 1, 1, now(), now())`
	goodUser       = `INSERT INTO service_users (organisation_uid, password) VALUES ('` + organisationUID + `', 'x')`
	goodCredential = `INSERT INTO credentials (organisation_uid, generation, secret, external_id, in_use, create_time, expire_time)
VALUES ('` + organisationUID + `', 1, 'x', 'id', true, now(), now() + interval '1 hour')`
)

// TestConstraints breaks every constraint of the service's tables once, so that none is there by name only.
func TestConstraints(t *testing.T) {
	pool := database(t)
	tenant := func(set string) string { return "UPDATE tenants SET " + set }
	organisation := func(set string) string { return "UPDATE organisations SET " + set }
	breaking := map[string]string{
		"tenants_pkey":                 "INSERT INTO tenants (uid, id, network_cidr, revision, create_time, update_time) SELECT uid, 'other', network_cidr, 1, now(), now() FROM tenants",
		"tenants_id_key":               "INSERT INTO tenants (uid, id, network_cidr, revision, create_time, update_time) SELECT 'ten_00000000000000000000000002', id, network_cidr, 1, now(), now() FROM tenants",
		"tenants_uid_check":            tenant("uid = 'acme'"),
		"tenants_id_check":             tenant("id = 'Acme'"),
		"tenants_labels_check":         tenant("labels = '[]'"),
		"tenants_cascade_check":        tenant("cascade = '{}'"),
		"tenants_network_cidr_check":   tenant("network_cidr = '10.0.0.0/24'"),
		"tenants_revision_check":       tenant("announced_revision = 2"),
		"tenants_announced_life_check": tenant("announced_life = 'gone'"),
		"tenants_purge_time_check":     tenant("purge_time = now()"),
		"tenants_removing_check":       tenant("removing = true"),

		"organisations_pkey":                        `INSERT INTO organisations (uid, tenant_uid, tenant_id, id, mode, revision, credential_generation, create_time, update_time) SELECT uid, tenant_uid, tenant_id, 'other', mode, 1, 1, now(), now() FROM organisations`,
		"organisations_tenant_uid_id_key":           `INSERT INTO organisations (uid, tenant_uid, tenant_id, id, mode, revision, credential_generation, create_time, update_time) SELECT 'org_00000000000000000000000002', tenant_uid, tenant_id, id, mode, 1, 1, now(), now() FROM organisations`,
		"organisations_tenant_uid_fkey":             "DELETE FROM tenants",
		"organisations_uid_check":                   organisation("uid = 'core'"),
		"organisations_id_check":                    organisation("id = '-'"),
		"organisations_labels_check":                organisation("labels = '[]'"),
		"organisations_mode_check":                  organisation("mode = 'SHARED'"),
		"organisations_hub_cidr_check":              organisation("hub_cidr = 'fd00::/64'"),
		"organisations_quota_check":                 organisation("quota = '[]'"),
		"organisations_vpcs_check":                  organisation("vpcs = '{}'"),
		"organisations_revision_check":              organisation("revision = 0"),
		"organisations_announced_life_check":        organisation("announced_life = 'suspended'"),
		"organisations_credential_generation_check": organisation("credential_generation = 0"),
		"organisations_purge_time_check":            organisation("delete_time = now(), purge_time = now(), removing = true"),
		"organisations_removing_check":              organisation("removing = true"),
		"organisations_deleted_with_tenant_check":   organisation("deleted_with_tenant = true"),

		"service_users_pkey":                  goodUser,
		"service_users_organisation_uid_fkey": "UPDATE service_users SET organisation_uid = 'org_x'",
		"service_users_password_check":        "UPDATE service_users SET password = ''",

		"credentials_pkey":                  goodCredential,
		"credentials_organisation_uid_fkey": "UPDATE credentials SET organisation_uid = 'org_x'",
		"credentials_generation_check":      "UPDATE credentials SET generation = 0",
		"credentials_secret_check":          "UPDATE credentials SET secret = ''",
		"credentials_in_use_check":          "UPDATE credentials SET external_id = ''",
		"credentials_expire_time_check":     "UPDATE credentials SET expire_time = create_time",
		"credentials_organisation_uid_in_use_key": `INSERT INTO credentials (organisation_uid, generation, secret, external_id, in_use, create_time, expire_time)
SELECT organisation_uid, 2, secret, 'other', true, create_time, expire_time FROM credentials`,
	}
	for name, sql := range breaking {
		t.Run(name, func(t *testing.T) {
			tx, err := pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := tx.Rollback(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			for _, good := range []string{goodTenant, goodOrganisation, goodUser, goodCredential} {
				if _, err := tx.Exec(t.Context(), good); err != nil {
					t.Fatalf("%s: %v", good, err)
				}
			}
			_, err = tx.Exec(t.Context(), sql)
			if got := pg.ConstraintOf(err); got != name {
				t.Errorf("broke %q, want %q: %v", got, name, err)
			}
		})
	}
	t.Run("none forgotten", func(t *testing.T) {
		for _, name := range constraints(t, pool) {
			if breaking[name] == "" {
				t.Errorf("no case breaks %s", name)
			}
		}
	})
}

// constraints are those of our tables, with the unique indexes that are not a constraint's own.
func constraints(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `
SELECT conname FROM pg_constraint WHERE conrelid = ANY($1::regclass[]) AND contype IN ('p', 'u', 'f', 'c', 'x')
UNION
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = ANY($1::regclass[]) AND i.indisunique`,
		[]string{"tenants", "organisations", "service_users", "credentials"})
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 30 {
		t.Fatalf("found only %v", names)
	}
	slices.Sort(names)
	return names
}
