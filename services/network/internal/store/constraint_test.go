package store_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/services/network/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	boundaryRow = `INSERT INTO boundaries (uid, tenant, tenant_uid, network_cidr, create_time, update_time) VALUES `
	hubRow      = `INSERT INTO hubs (uid, tenant, organisation, organisation_uid, project_id, mode, cidr, create_time, update_time) VALUES `
	vpcRow      = `INSERT INTO vpcs (uid, tenant, organisation, vpc, mode, cidr, transit_cidr, create_time, update_time) VALUES `
	peeringRow  = `INSERT INTO peerings (uid, tenant, peering, vpc_uid, peer_uid, vpc, peer_vpc, acceptance, link_cidr, create_time, update_time) VALUES `
	allocRow    = `INSERT INTO allocations (tenant, cidr, purpose, resource, resource_uid) VALUES `
	findingRow  = `INSERT INTO drift_findings (uid, tenant, resource, resource_uid, kind, object_type, object_id, detail, first_seen, last_seen) VALUES `
)

// TestConstraints_violated_failByName breaks each constraint of the schema once, beside rows that are good.
func TestConstraints_violated_failByName(t *testing.T) {
	pool := pgtest.Database(t, store.Migrations()...)
	for _, sql := range []string{
		boundaryRow + `('b1', 'acme', 'ten_1', '10.64.0.0/12', now(), now())`,
		hubRow + `('h1', 'acme', 'core', 'org_1', 'p', 'DEDICATED', '10.64.0.0/22', now(), now())`,
		vpcRow + `('v1', 'acme', 'core', 'dev', 'DEDICATED', '10.64.16.0/20', '100.64.0.0/30', now(), now())`,
		vpcRow + `('v2', 'acme', 'core', 'prod', 'DEDICATED', '10.64.32.0/20', '100.64.0.4/30', now(), now())`,
		peeringRow + `('p1', 'acme', 'link', 'v1', 'v2', 'a', 'b', 'PENDING', '100.65.0.0/30', now(), now())`,
		allocRow + `('acme', '10.64.16.0/20', 'vpc', 'dev', 'v1')`,
		// Another tenant may have the same addresses.
		allocRow + `('other', '10.64.16.0/20', 'vpc', 'dev', 'v9')`,
		`INSERT INTO suspensions (resource, since_time) VALUES ('tenants/acme', now())`,
		`INSERT INTO observations (observe_time, content) VALUES (now(), '')`,
		`INSERT INTO isolation_reports (tenant, observe_time, verdict, report) VALUES ('acme', now(), 'VERIFIED', '{}')`,
		findingRow + `('f1', 'acme', 'r', 'v1', 'MISSING', 't', 'o', 'd', now(), now())`,
	} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	broken := map[string]string{
		"boundaries_pkey":                 boundaryRow + `('b1', 'x', 'ten_x', '10.64.0.0/12', now(), now())`,
		"boundaries_tenant_key":           boundaryRow + `('bx', 'acme', 'ten_x', '10.64.0.0/12', now(), now())`,
		"boundaries_tenant_uid_key":       boundaryRow + `('bx', 'x', 'ten_1', '10.64.0.0/12', now(), now())`,
		"boundaries_network_cidr_check":   boundaryRow + `('bx', 'x', 'ten_x', '10.64.0.0/24', now(), now())`,
		"suspensions_pkey":                `INSERT INTO suspensions (resource, since_time) VALUES ('tenants/acme', now())`,
		"hubs_pkey":                       hubRow + `('h1', 'acme', 'x', 'org_x', 'p', 'DEDICATED', '10.64.0.0/22', now(), now())`,
		"hubs_organisation_key":           hubRow + `('hx', 'acme', 'core', 'org_x', 'p', 'DEDICATED', '10.64.0.0/22', now(), now())`,
		"hubs_organisation_uid_key":       hubRow + `('hx', 'acme', 'x', 'org_1', 'p', 'DEDICATED', '10.64.0.0/22', now(), now())`,
		"hubs_tenant_fkey":                hubRow + `('hx', 'x', 'x', 'org_x', 'p', 'DEDICATED', '10.64.0.0/22', now(), now())`,
		"hubs_mode_check":                 hubRow + `('hx', 'acme', 'x', 'org_x', 'p', 'FAST', '10.64.0.0/22', now(), now())`,
		"hubs_project_id_check":           hubRow + `('hx', 'acme', 'x', 'org_x', '', 'DEDICATED', '10.64.0.0/22', now(), now())`,
		"vpcs_pkey":                       vpcRow + `('v1', 'acme', 'core', 'x', 'DEDICATED', '10.65.0.0/20', '100.64.1.0/30', now(), now())`,
		"vpcs_name_key":                   vpcRow + `('vx', 'acme', 'core', 'dev', 'DEDICATED', '10.65.0.0/20', '100.64.1.0/30', now(), now())`,
		"vpcs_organisation_fkey":          vpcRow + `('vx', 'acme', 'x', 'x', 'DEDICATED', '10.65.0.0/20', '100.64.1.0/30', now(), now())`,
		"vpcs_mode_check":                 vpcRow + `('vx', 'acme', 'core', 'x', 'FAST', '10.65.0.0/20', '100.64.1.0/30', now(), now())`,
		"vpcs_transit_cidr_check":         vpcRow + `('vx', 'acme', 'core', 'x', 'DEDICATED', '10.65.0.0/20', '100.64.1.0/29', now(), now())`,
		"peerings_pkey":                   peeringRow + `('p1', 'acme', 'x', 'v1', 'v2', 'a', 'b', 'PENDING', '100.65.0.4/30', now(), now())`,
		"peerings_name_key":               peeringRow + `('px', 'acme', 'link', 'v1', 'v2', 'a', 'b', 'PENDING', '100.65.0.4/30', now(), now())`,
		"peerings_pair_key":               peeringRow + `('px', 'acme', 'x', 'v2', 'v1', 'a', 'b', 'PENDING', '100.65.0.4/30', now(), now())`,
		"peerings_vpc_uid_fkey":           peeringRow + `('px', 'acme', 'x', 'v7', 'v2', 'a', 'b', 'PENDING', '100.65.0.4/30', now(), now())`,
		"peerings_peer_uid_fkey":          peeringRow + `('px', 'acme', 'x', 'v1', 'v7', 'a', 'b', 'PENDING', '100.65.0.4/30', now(), now())`,
		"peerings_ends_check":             peeringRow + `('px', 'acme', 'x', 'v1', 'v1', 'a', 'b', 'PENDING', '100.65.0.4/30', now(), now())`,
		"peerings_acceptance_check":       peeringRow + `('px', 'acme', 'x', 'v1', 'v2', 'a', 'b', 'MAYBE', '100.65.0.4/30', now(), now())`,
		"peerings_link_cidr_check":        peeringRow + `('px', 'acme', 'x', 'v1', 'v2', 'a', 'b', 'PENDING', '100.65.0.8/29', now(), now())`,
		"allocations_pkey":                allocRow + `('acme', '10.66.0.0/20', 'vpc', 'dev', 'v1')`,
		"allocations_purpose_check":       allocRow + `('acme', '10.66.0.0/20', 'fun', 'dev', 'vx')`,
		"allocations_tenant_cidr_excl":    allocRow + `('acme', '10.64.17.0/24', 'vpc', 'x', 'vx')`,
		"observations_pkey":               `INSERT INTO observations (observe_time, content) VALUES (now(), '')`,
		"observations_id_check":           `INSERT INTO observations (id, observe_time, content) VALUES (2, now(), '')`,
		"isolation_reports_pkey":          `INSERT INTO isolation_reports (tenant, observe_time, verdict, report) VALUES ('acme', now(), 'VERIFIED', '{}')`,
		"isolation_reports_verdict_check": `INSERT INTO isolation_reports (tenant, observe_time, verdict, report) VALUES ('x', now(), 'FINE', '{}')`,
		"drift_findings_pkey":             findingRow + `('f1', 'acme', 'r', 'vx', 'MISSING', 't', 'o', 'd', now(), now())`,
		"drift_findings_kind_check":       findingRow + `('fx', 'acme', 'r', 'vx', 'ODD', 't', 'o', 'd', now(), now())`,
		"drift_findings_open_key":         findingRow + `('fx', 'acme', 'r', 'v1', 'MISSING', 't', 'o', 'd', now(), now())`,
	}
	for constraint, sql := range broken {
		_, err := pool.Exec(t.Context(), sql)
		if got := pg.ConstraintOf(err); got != constraint {
			t.Errorf("%s: broke %q (%v)", constraint, got, err)
		}
	}
	rows, err := pool.Query(t.Context(), `
		SELECT conname FROM pg_constraint WHERE contype NOT IN ('n', 't') AND conrelid::regclass::text IN
			('boundaries', 'suspensions', 'hubs', 'vpcs', 'peerings', 'allocations', 'drift_findings', 'observations', 'isolation_reports')
		UNION SELECT indexname FROM pg_indexes WHERE indexdef LIKE 'CREATE UNIQUE%' AND tablename IN ('peerings', 'drift_findings')`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if _, ok := broken[name]; !ok && !strings.HasPrefix(name, "provision_") {
			t.Errorf("constraint %s is not broken by this test", name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
