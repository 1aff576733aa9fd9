package store_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/pg"
)

const (
	goodMember = `INSERT INTO members (uid, tenant_uid, scope, subject, email, roles, revision, create_time, update_time)
VALUES ('mbr_00000000000000000000000001', '` + tenantUID + `', 'tenants/acme', 'ada', 'ada@acme.test', '{owner}', 1, now(), now())`
	goodAccount = `INSERT INTO service_accounts (uid, tenant_uid, scope, id, roles, client_id, expire_time, revision, create_time, update_time)
VALUES ('sac_00000000000000000000000001', '` + tenantUID + `', 'tenants/acme', 'ci', '{viewer}', 'll-1', now() + interval '1 hour', 1, now(), now())`
	goodMemberRequest = `INSERT INTO member_requests (tenant_uid, method, request_id, digest, name, create_time)
VALUES ('` + tenantUID + `', 'CreateMember', 'one', 'x', 'tenants/acme/members/ada', now())`
)

// TestMemberConstraints breaks every constraint of the tables of members once.
func TestMemberConstraints(t *testing.T) {
	pool := database(t)
	member := func(set string) string { return "UPDATE members SET " + set }
	account := func(set string) string { return "UPDATE service_accounts SET " + set }
	copied := func(values string) string {
		return "INSERT INTO service_accounts (uid, tenant_uid, scope, id, roles, client_id, expire_time, revision, create_time, update_time) SELECT " +
			values + ", expire_time, 1, create_time, update_time FROM service_accounts"
	}
	breaking := map[string]string{
		"members_pkey":              "INSERT INTO members (uid, tenant_uid, scope, subject, email, roles, revision, create_time, update_time) SELECT uid, tenant_uid, scope, 'bob', email, roles, 1, now(), now() FROM members",
		"members_scope_subject_key": "INSERT INTO members (uid, tenant_uid, scope, subject, email, roles, revision, create_time, update_time) SELECT 'mbr_00000000000000000000000002', tenant_uid, scope, subject, email, roles, 1, now(), now() FROM members",
		"members_tenant_uid_fkey":   member("tenant_uid = 'ten_x'"),
		"members_uid_check":         member("uid = 'ada'"),
		"members_roles_check":       member("roles = '{king}'"),
		"members_revision_check":    member("revision = 0"),

		"service_accounts_pkey":              copied("uid, tenant_uid, scope, 'other', roles, 'll-2'"),
		"service_accounts_scope_id_key":      copied("'sac_00000000000000000000000002', tenant_uid, scope, id, roles, 'll-2'"),
		"service_accounts_client_id_key":     copied("'sac_00000000000000000000000002', tenant_uid, scope, 'other', roles, client_id"),
		"service_accounts_tenant_uid_fkey":   account("tenant_uid = 'ten_x'"),
		"service_accounts_uid_check":         account("uid = 'ci'"),
		"service_accounts_id_check":          account("id = 'CI'"),
		"service_accounts_roles_check":       account("roles = '{}'"),
		"service_accounts_external_id_check": account("external_id = 'x'"),
		"service_accounts_expire_time_check": account("expire_time = create_time"),
		"service_accounts_revision_check":    account("revision = 0"),

		"member_requests_pkey":             goodMemberRequest,
		"member_requests_tenant_uid_fkey":  "UPDATE member_requests SET tenant_uid = 'ten_x'",
		"member_requests_request_id_check": "UPDATE member_requests SET request_id = ''",
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
			for _, good := range []string{goodTenant, goodMember, goodAccount, goodMemberRequest} {
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
	rows, err := pool.Query(t.Context(), `SELECT conname FROM pg_constraint
 WHERE conrelid = ANY('{members,service_accounts,member_requests}'::regclass[]) AND contype IN ('p', 'u', 'f', 'c', 'x')`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) < len(breaking) {
		t.Fatalf("found %v, %v", names, err)
	}
	for _, name := range names {
		if breaking[name] == "" {
			t.Errorf("no case breaks %s", name)
		}
	}
}
