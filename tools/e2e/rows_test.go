package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/scope"

	"github.com/low-layer/platform/libs/registry"
)

// common are the tables that hold nothing of any tenant: versions of schemas, and what is of the platform as a whole.
var common = []string{
	"event_consumer_epoch", "event_inbox", "event_streams", "observations", "provision_step_history",
	"migrations_audit", "migrations_drift", "migrations_event", "migrations_metering", "migrations_network", "migrations_provision", "migrations_quota", "migrations_replay", "migrations_tenant",
	"migrations_usage", "migrations_watch", "price_books",
}

// least is how many tables of a service have rows of both tenants.
var least = map[string]int{"metering": 2, "network": 8, "tenant": 8}

// rows: every row of every table is seen, changed and removed by its own tenant alone, whoever the statement is of and however
// it is written. That holds without any decision of the services, which this goes round.
func (s *secured) rows(t *testing.T) {
	own, foreign := s.own["tenants"], s.foreign["tenants"]
	for _, service := range registry.Names(registry.Databases()) {
		pool, err := pg.Open(t.Context(), pg.Config{URL: s.DatabaseURL(service)})
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		tables := column(t, pool, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`)
		walled := column(t, pool, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relrowsecurity AND relforcerowsecurity`)
		if owned := column(t, pool, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND pg_get_userbyid(relowner) = current_user`); len(owned) > 0 {
			t.Errorf("the service owns %v", owned)
		}
		full := 0
		for _, table := range tables {
			if slices.Contains(common, table) {
				continue
			}
			if !slices.Contains(walled, table) {
				t.Errorf("%s of %s has no row security", table, service)
				continue
			}
			id := pgx.Identifier{table}.Sanitize()
			all := count(t, pool, "SELECT count(*) FROM "+id)
			if table == "isolation_reports" {
				all -= count(t, pool, "SELECT count(*) FROM "+id+" WHERE tenant = ''") // the one of the whole platform
			}
			a, b := count(t, pool, "SELECT count(*) FROM "+id, own), count(t, pool, "SELECT count(*) FROM "+id, foreign)
			if both := count(t, pool, "SELECT count(*) FROM "+id, own, foreign); a+b != all || both != all {
				t.Errorf("%s: one tenant sees %d rows, the other %d, both %d, of %d", table, a, b, both, all)
			}
			if a > 0 && b > 0 {
				full++
			}
			if n := count(t, pool, "SELECT count(*) FROM "+id, "tenant-absent"); n > 0 {
				t.Errorf("%s: a third one sees %d rows", table, n)
			}
		}
		if full < least[service] {
			t.Errorf("only %d tables of %s have rows of both", full, service)
		}
		t.Logf("%s: %d tables, %d with row security, %d with rows of both tenants", service, len(tables), len(walled), full)
		s.foreignRows(t, pool, service, own, foreign)
	}
}

// foreignRows: what is another tenant's is neither changed nor made.
func (s *secured) foreignRows(t *testing.T, pool *pgxpool.Pool, service, own, foreign string) {
	t.Helper()
	as := scope.With(t.Context(), []string{foreign})
	table := map[string]string{"tenant": "organisations", "network": "vpcs", "metering": "open_spans"}[service]
	column := map[string]string{"tenant": "tenant_id", "network": "tenant", "metering": "tenant"}[service]
	text := map[string]string{"tenant": "display_name", "network": "display_name", "metering": "resource"}[service]
	for _, statement := range []string{
		"UPDATE " + table + " SET " + text + " = 'taken' WHERE " + column + " = $1",
		"DELETE FROM " + table + " WHERE " + column + " = $1",
	} {
		tag, err := pool.Exec(as, statement, own)
		if err != nil || tag.RowsAffected() != 0 {
			t.Errorf("%s: %v, %v", statement, tag, err)
		}
	}
	if _, err := pool.Exec(as, "UPDATE "+table+" SET "+column+" = $1 WHERE "+column+" = $2", own, foreign); err == nil {
		t.Errorf("%s: rows were given to another tenant", table)
	}
	// Without a scope, as with psql, there is nothing.
	conn, err := pgx.Connect(t.Context(), s.DatabaseURL(service))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil || n != 0 {
		t.Errorf("%s: whoever has no scope sees %d rows, %v", table, n, err)
	}
}

func column(t *testing.T, pool *pgxpool.Pool, sql string) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// count returns the number that a query finds in the scope of tenants, of all tenants when there are none.
func count(t *testing.T, pool *pgxpool.Pool, sql string, tenants ...string) (n int) {
	t.Helper()
	ctx := t.Context()
	if len(tenants) > 0 {
		ctx = scope.With(ctx, tenants)
	}
	if err := pool.QueryRow(ctx, sql).Scan(&n); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", sql, err))
	}
	return n
}
