package watch_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/pg/scope"
	"github.com/low-layer/platform/libs/watch"
)

const tables = `-- +goose Up
CREATE TABLE widgets (tenant text NOT NULL, name text NOT NULL, value int NOT NULL);
SELECT lowlayer_resource('widgets', 'widget');
CREATE TABLE notes (place text NOT NULL);
SELECT lowlayer_protect('notes', $$split_part(place, '/', 2)$$);
`

func TestLowlayerResource_oneLine_hidesAndWatchesRows(t *testing.T) {
	pool := pgtest.Database(t, watch.Migrations(), pg.Migrations{Name: "own", FS: fstest.MapFS{"00001_own.sql": {Data: []byte(tables)}}})
	for _, sql := range []string{
		"INSERT INTO widgets VALUES ('acme', 'tenants/acme/widgets/a', 1), ('globex', 'tenants/globex/widgets/b', 1)",
		"UPDATE widgets SET value = 1", // changes nothing
		"UPDATE widgets SET value = 2 WHERE tenant = 'acme'",
		"DELETE FROM widgets WHERE tenant = 'globex'",
		"INSERT INTO notes VALUES ('tenants/acme/x'), ('tenants/globex/y')",
	} {
		exec(t, pool, sql)
	}
	l := newLog(pool)
	for tenant, want := range map[string][]string{
		"acme":   {"1 ADDED tenants/acme/widgets/a", "2 CHANGED tenants/acme/widgets/a"},
		"globex": {"1 ADDED tenants/globex/widgets/b", "2 DELETED tenants/globex/widgets/b"},
	} {
		changes := all(t, l, tenant)
		if got := told(changes); !slices.Equal(got, want) || changes[0].Type != "widget" {
			t.Errorf("%s: got %q of %s, want %q", tenant, got, changes[0].Type, want)
		}
	}
	for tenant, want := range map[string][2]int{"acme": {1, 1}, "globex": {0, 1}, "umbrella": {0, 0}} {
		var got [2]int
		err := pool.QueryRow(scope.With(t.Context(), []string{tenant}), "SELECT (SELECT count(*) FROM widgets), (SELECT count(*) FROM notes)").Scan(&got[0], &got[1])
		if err != nil || got != want {
			t.Errorf("%s sees %v rows, want %v: %v", tenant, got, want, err)
		}
	}
	if _, err := pool.Exec(scope.With(t.Context(), []string{"acme"}), "INSERT INTO widgets VALUES ('globex', 'tenants/globex/widgets/c', 1)"); err == nil {
		t.Error("acme wrote a row of globex")
	}
}
