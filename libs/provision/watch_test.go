package provision_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

// TestStepsOfATransactionAreOneChange: of each operation that has them, in every transaction anew.
func TestWatch_stepsOfATransaction_areOneChange(t *testing.T) {
	r := newRig(t)
	first := r.create(r.idle(), cloudfake.Spec{}).ID
	second := "op_second"
	r.exec(`INSERT INTO provision_operations SELECT (jsonb_populate_record(o, jsonb_build_object('id', $2::text, 'request_key', NULL))).*
		FROM provision_operations o WHERE id = $1`, first, second)
	changes := func() []string {
		rows, err := r.pool.Query(t.Context(), `SELECT kind || ' ' || split_part(name, '/', 4) FROM watch_changes WHERE type = 'operation' ORDER BY sequence`)
		if err != nil {
			t.Fatal(err)
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	const write = `INSERT INTO provision_steps (operation, name, title, ordinal, state)
		SELECT id, 'step-' || n, '', n, 'PENDING' FROM generate_series(1, 5) n, unnest($1::text[]) WITH ORDINALITY o (id, i) ORDER BY n, i
		ON CONFLICT (operation, name) DO UPDATE SET state = 'DONE'`
	want := []string{"ADDED " + first, "ADDED " + second}
	for range 2 {
		r.exec(write, []string{first, second})
		want = append(want, "CHANGED "+first, "CHANGED "+second)
		if got := changes(); !slices.Equal(got, want) {
			t.Fatalf("told %q, want %q", got, want)
		}
	}
	r.exec(write, []string{first, second})
	if got := changes(); !slices.Equal(got, want) {
		t.Errorf("told %q of what did not change", got[len(want):])
	}
	// An operation that the last transaction published is published by the next one too.
	for _, state := range []string{"RUNNING", "DONE"} {
		r.exec(`UPDATE provision_steps SET state = $2 WHERE operation = $1`, second, state)
		want = append(want, "CHANGED "+second)
	}
	if got := changes(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}
