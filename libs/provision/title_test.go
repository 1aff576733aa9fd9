package provision_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

// titles are the titles of the steps in a state.
func titles(op *provision.Operation, in provision.StepState) []string {
	var out []string
	for _, s := range op.Steps {
		if s.State == in {
			out = append(out, s.Title)
		}
	}
	slices.Sort(out)
	return out
}

func TestOperation_titlesOfSteps_followTheDirection(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	all := []string{"the fence", "the gate", "the path", "the soil", "the water"}
	each := func(verb string) (out []string) {
		for _, thing := range all {
			out = append(out, verb+" "+thing)
		}
		return out
	}
	op := r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1}))
	if got, want := titles(op, provision.StepDone), append(each("create"), "paint the sign"); !slices.Equal(got, want) {
		t.Errorf("the creation did %v, want %v", got, want)
	}
	op = r.succeeds(e, r.update(e, cloudfake.Spec{Size: 2, Beds: []string{"a"}}))
	if got, want := titles(op, provision.StepDone), []string{"create the bed-a", "paint the sign", "update the soil"}; !slices.Equal(got, want) {
		t.Errorf("the update did %v, want %v", got, want)
	}
	if got := titles(op, provision.StepSkipped); len(got) != 4 {
		t.Errorf("the update skipped %v, want fence, gate, path and water", got)
	}
	// The plan no longer has the step: its object has a type and a name.
	op = r.succeeds(e, r.update(e, cloudfake.Spec{Size: 2}))
	if got := titles(op, provision.StepDone); !slices.Equal(got, []string{"remove the bed " + r.uid + "/bed-a"}) {
		t.Errorf("the second update did %v", got)
	}
	op = r.succeeds(e, r.delete(e))
	if got, want := titles(op, provision.StepDone), each("remove"); !slices.Equal(got, want) {
		t.Errorf("the deletion did %v, want %v", got, want)
	}
	for _, s := range op.Steps {
		if s.State != provision.StepDone || s.Attempts < 1 {
			t.Errorf("step %q of the deletion is %s after %d attempts", s.Title, s.State, s.Attempts)
		}
	}
}

func TestOperation_nothingToDo_skipsEveryStep(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1}))
	op := r.succeeds(e, r.update(e, cloudfake.Spec{Size: 1}))
	for _, s := range op.Steps {
		if s.State != provision.StepSkipped || s.Attempts != 0 || !s.StartTime.IsZero() || !s.EndTime.IsZero() {
			t.Errorf("step %q is %s: %+v", s.Title, s.State, s)
		}
	}
	if len(op.Steps) != 6 || op.Progress != (provision.Progress{Percent: 100}) {
		t.Errorf("%d steps, progress %+v", len(op.Steps), op.Progress)
	}
}

// The deletion has no plan when the plan fails: titles then come from the ledger, and still name no step.
func TestOperation_deletionWithoutPlan_titlesNameTheObject(t *testing.T) {
	r := newRig(t)
	plan, broken := r.kind.Plan, false
	r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
		if broken && res.Deleting {
			return nil, errors.New("no plan")
		}
		return plan(res, spec)
	}
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1}))
	broken = true
	preview := r.planned(e, func(ctx context.Context, tx pgx.Tx) (*provision.Operation, error) {
		return cloudfake.Delete(ctx, tx, e, r.uid)
	})
	op := r.succeeds(e, r.delete(e))
	want := "remove the soil " + r.uid + "/soil"
	if got := titles(op, provision.StepDone); !slices.Contains(got, want) {
		t.Errorf("the deletion did %v, want %q among them", got, want)
	}
	for _, o := range preview.Preview.Objects {
		if !strings.HasPrefix(o.Title, "remove the "+o.Type) {
			t.Errorf("the plan has the title %q for a %s", o.Title, o.Type)
		}
	}
	if len(preview.Preview.Objects) != 5 {
		t.Errorf("the plan has %d objects", len(preview.Preview.Objects))
	}
}
