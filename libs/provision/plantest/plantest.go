// Package plantest proves two things of a service's plans: that asking for one leaves nothing behind, and that what is
// applied afterwards is what was planned. It looks at the service's database alone, so it works with any cloud.
package plantest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
)

// Prover proves the plans of one service.
type Prover struct {
	Pool *pgxpool.Pool
	// Done waits for the end of an operation, which must succeed.
	Done func(op *longrunningpb.Operation, err error) *longrunningpb.Operation
	// Service is its name: objects of other services in a plan are theirs to prove.
	Service string
}

// Call is one change: asked for as a plan, or for good.
type Call func(validateOnly bool) (*longrunningpb.Operation, error)

// Proves asks for the plan, checks that nothing is left of that, applies the same call and compares. It returns the plan.
func (p Prover) Proves(t *testing.T, what string, call Call) *operationv1.Plan {
	t.Helper()
	plan := p.Plan(t, what, call)
	before := p.objects(t)
	op := p.Done(call(false))
	if op.GetName() == "" {
		t.Fatalf("%s: the call itself was only planned", what)
	}
	want := changes(before, p.objects(t))
	var got []string
	for _, o := range plan.GetObjects() {
		if o.GetService() == p.Service {
			got = append(got, line(o.GetAction().String(), o.GetResource(), o.GetStep(), o.GetType(), o.GetId()))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: planned\n\t%s\napplied\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	return plan
}

// Plan asks for the plan and checks that nothing is left of that: no row, job, event or request id anywhere.
func (p Prover) Plan(t *testing.T, what string, call Call) *operationv1.Plan {
	t.Helper()
	rest := p.settled(t)
	op, err := call(true)
	if err != nil {
		t.Fatalf("%s: plan: %v", what, err)
	}
	var m operationv1.OperationMetadata
	if err := op.GetMetadata().UnmarshalTo(&m); err != nil {
		t.Fatalf("%s: read metadata: %v", what, err)
	}
	if !op.GetDone() || op.GetName() != "" || m.GetPlan() == nil {
		t.Fatalf("%s: this is no plan: %v", what, op)
	}
	if now := p.snapshot(t); now != rest {
		t.Errorf("%s: the plan left something behind:\n%s\nwas\n%s", what, now, rest)
	}
	return m.GetPlan()
}

// object is one line of the ledger.
type object struct{ resource, step, typ, id, digest string }

func line(action, resource, step, typ, id string) string {
	if action == "CREATE" {
		id = "" // not known before
	}
	return strings.TrimSpace(strings.Join([]string{action, resource, step, typ, id}, " "))
}

func (p Prover) objects(t *testing.T) map[string]object {
	t.Helper()
	rows, err := p.Pool.Query(t.Context(), `SELECT r.name, l.step, l.object_type, l.external_id, l.digest FROM provision_ledger l
		JOIN provision_resources r ON r.uid = l.resource_uid WHERE l.external_id <> '' AND l.object_type <> '' AND l.state <> 'DOUBT'`)
	if err != nil {
		t.Fatalf("read ledger: %v", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (object, error) {
		var o object
		return o, row.Scan(&o.resource, &o.step, &o.typ, &o.id, &o.digest)
	})
	if err != nil {
		t.Fatalf("read ledger: %v", err)
	}
	out := make(map[string]object, len(list))
	for _, o := range list {
		out[o.resource+" "+o.step+" "+o.typ+" "+o.id] = o
	}
	return out
}

// changes is what became of the objects between two looks at the ledger.
func changes(before, after map[string]object) []string {
	var out []string
	for key, o := range after {
		was, there := before[key]
		switch {
		case !there:
			out = append(out, line("CREATE", o.resource, o.step, o.typ, o.id))
		case was.digest != o.digest:
			out = append(out, line("UPDATE", o.resource, o.step, o.typ, o.id))
		}
	}
	for key, o := range before {
		if _, there := after[key]; !there {
			out = append(out, line("DELETE", o.resource, o.step, o.typ, o.id))
		}
	}
	slices.Sort(out)
	return out
}

// patience bounds the wait for loops in the background to come to rest.
const patience = 20 * time.Second

// settled waits until two looks at everything agree: relays and workers have done what they do after a change.
func (p Prover) settled(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for last := p.snapshot(t); ; {
		select {
		case <-ctx.Done():
			t.Fatal("the database does not come to rest")
		case <-tick.C:
		}
		now := p.snapshot(t)
		if now == last {
			return now
		}
		last = now
	}
}

// restless are tables that change without a request: how long steps take.
var restless = []string{"provision_step_history"}

// snapshot is the number of rows of every table and a digest of them.
func (p Prover) snapshot(t *testing.T) string {
	t.Helper()
	rows, err := p.Pool.Query(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL($1) ORDER BY 1`, restless)
	if err != nil {
		t.Fatalf("list tables: %v", err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("list tables: %v", err)
	}
	var b strings.Builder
	for _, table := range tables {
		var n int
		var digest string
		err := p.Pool.QueryRow(t.Context(), `SELECT count(*), coalesce(md5(string_agg(x::text, '|' ORDER BY x::text)), '') FROM `+
			pgx.Identifier{table}.Sanitize()+` x`).Scan(&n, &digest)
		if err != nil {
			t.Fatalf("look at %s: %v", table, err)
		}
		fmt.Fprintf(&b, "%s %d %s\n", table, n, digest)
	}
	return b.String()
}
