package provision_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

var errRollBack = errors.New("only planned")

// planned previews a change and rolls it back.
func (r *rig) planned(e *provision.Engine, change func(context.Context, pgx.Tx) (*provision.Operation, error)) *provision.Operation {
	r.t.Helper()
	var got *provision.Operation
	err := pg.InTx(r.t.Context(), r.pool, func(ctx context.Context, tx pgx.Tx) error {
		op, err := change(ctx, tx)
		if err != nil {
			return err
		}
		if got, err = e.Preview(ctx, tx, op); err != nil {
			return err
		}
		return errRollBack
	})
	if !errors.Is(err, errRollBack) {
		r.t.Fatalf("preview: %v", err)
	}
	return got
}

func lines(p *provision.Preview) []string {
	var out []string
	for _, o := range p.Objects {
		out = append(out, strings.TrimSpace(string(o.Action)+" "+o.Step+" "+o.ID))
	}
	slices.Sort(out)
	return out
}

func TestPreview(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	spec := cloudfake.Spec{Size: 1, Beds: []string{"a"}}
	create := r.planned(e, func(ctx context.Context, tx pgx.Tx) (*provision.Operation, error) {
		return cloudfake.Create(ctx, tx, e, r.uid, spec)
	})
	if !create.Done() || create.Name != "" || create.ID != "" || create.Verb != "create" {
		t.Errorf("got %+v", create)
	}
	if got := lines(create.Preview); !slices.Equal(got, []string{"CREATE bed-a", "CREATE fence", "CREATE gate", "CREATE path", "CREATE soil", "CREATE water"}) {
		t.Errorf("the creation plans %v", got)
	}
	if n := query[int](r, `SELECT (SELECT count(*) FROM provision_operations) + (SELECT count(*) FROM gardens)`); n != 0 {
		t.Errorf("%d rows are left of the plan", n)
	}
	r.succeeds(e, r.create(e, spec))
	id := map[string]string{}
	for _, o := range r.cloud.Held("", "") {
		id[strings.TrimPrefix(o.Name, r.uid+"/")] = o.ID
	}
	update := r.planned(e, func(ctx context.Context, tx pgx.Tx) (*provision.Operation, error) {
		return cloudfake.Update(ctx, tx, e, r.uid, cloudfake.Spec{Size: 2, Beds: []string{"b"}})
	})
	if got := lines(update.Preview); !slices.Equal(got, []string{"CREATE bed-b", "DELETE bed-a " + id["bed-a"], "UPDATE soil " + id["soil"]}) {
		t.Errorf("the update plans %v", got)
	}
	skipped := 0
	for _, s := range update.Preview.Steps {
		if s.State == provision.StepSkipped {
			skipped++
		}
	}
	if skipped != 4 {
		t.Errorf("%d of the steps stay as they are, want fence, gate, path and water: %+v", skipped, update.Preview.Steps)
	}
	gone := r.planned(e, func(ctx context.Context, tx pgx.Tx) (*provision.Operation, error) {
		return cloudfake.Delete(ctx, tx, e, r.uid)
	})
	all, err := e.Removals(t.Context(), r.pool, []string{r.uid})
	if err != nil || len(gone.Preview.Objects) != 6 || len(all) != 6 {
		t.Errorf("the deletion plans %v, the ledger holds %v, %v", lines(gone.Preview), all, err)
	}
	// Nothing of this was done: the garden is as it was.
	r.holds(append(whole, "bed-a")...)
	r.succeeds(e, r.delete(e))
}

// A step that makes another object instead of changing the one there is says so, and what refers to that is done again.
func TestPreviewOfReplacement(t *testing.T) {
	r := newRig(t)
	plan := r.kind.Plan
	r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
		steps, err := plan(res, spec)
		for i := range steps {
			steps[i].Replaces = steps[i].Name == "soil"
		}
		return steps, err
	}
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1}))
	got := r.planned(e, func(ctx context.Context, tx pgx.Tx) (*provision.Operation, error) {
		return cloudfake.Update(ctx, tx, e, r.uid, cloudfake.Spec{Size: 2})
	})
	var actions []string
	for _, o := range got.Preview.Objects {
		actions = append(actions, string(o.Action)+" "+o.Step)
	}
	if !slices.Equal(actions, []string{"DELETE soil", "CREATE soil", "UPDATE path"}) {
		t.Errorf("got %v", actions)
	}
}

// Before a broken creation ever made anything there is nothing to delete, and its plan makes what it has not made.
func TestPreviewOfWhatIsHalfMade(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	come, release := r.hold("create", "gate")
	op := r.create(e, cloudfake.Spec{Size: 1})
	r.comes(come)
	r.until("soil and fence to be in the ledger", func() bool {
		return query[int](r, `SELECT count(*) FROM provision_ledger WHERE external_id <> ''`) == 2
	})
	var got *provision.Operation
	r.tx(func(ctx context.Context, tx pgx.Tx) (err error) {
		got, err = e.Preview(ctx, tx, op)
		return err
	})
	if l := lines(got.Preview); !slices.Equal(l, []string{"CREATE gate", "CREATE path", "CREATE water"}) {
		t.Errorf("got %v", l)
	}
	release()
	r.succeeds(e, op)
}
