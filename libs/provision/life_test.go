package provision_test

import (
	"slices"
	"testing"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

func TestLife(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()

	created := r.create(e, cloudfake.Spec{Size: 1, Beds: []string{"a"}})
	if created.State != provision.OperationRunning || created.Name != "tenants/acme/operations/"+created.ID {
		t.Fatalf("accepted operation: %+v", created)
	}
	op := r.succeeds(e, created)
	r.holds(append(whole, "bed-a")...)
	if r.state() != "ACTIVE" {
		t.Errorf("state is %s", r.state())
	}
	if op.Progress != (provision.Progress{Percent: 100, Done: 7, Count: 7}) {
		t.Errorf("progress is %+v", op.Progress)
	}
	if op.Response == nil || op.Response.TypeUrl != "type.googleapis.com/google.protobuf.Int64Value" {
		t.Errorf("response is %v", op.Response)
	}
	checkSteps(t, op)

	before := r.cloud.Calls("create soil")
	op = r.succeeds(e, r.update(e, cloudfake.Spec{Size: 2, Beds: []string{"b"}}))
	r.holds(append(whole, "bed-b")...)
	if got := r.cloud.Calls("create soil"); got != before || r.cloud.Calls("update soil") != 1 || r.cloud.Calls("update fence") != 0 {
		t.Errorf("soil was created %d and updated %d times, fence updated %d times", got, r.cloud.Calls("update soil"), r.cloud.Calls("update fence"))
	}
	if !slices.ContainsFunc(op.Steps, func(s provision.StepStatus) bool { return s.Name == "remove-bed-a" && s.State == provision.StepDone }) {
		t.Errorf("no step tells of the removed bed: %+v", op.Steps)
	}

	op = r.succeeds(e, r.delete(e))
	r.holds()
	if op.Response.GetTypeUrl() != "type.googleapis.com/google.protobuf.Empty" {
		t.Errorf("response of the deletion is %v", op.Response)
	}
	for _, table := range []string{"provision_resources", "provision_ledger", "gardens"} {
		if n := query[int](r, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%s still has %d rows", table, n)
		}
	}
	if got := r.events(); !slices.Equal(got, []string{"done ACTIVE", "done ACTIVE", "done DELETED"}) {
		t.Errorf("events are %v", got)
	}
	// Five whole, bed-a by the update, bed-b: each has its line.
	if n := query[int](r, `SELECT max(receipt) FROM garden_events`); n != 7 {
		t.Errorf("the receipt has %d lines", n)
	}
}

func checkSteps(t *testing.T, op *provision.Operation) {
	t.Helper()
	byName := make(map[string]provision.StepStatus)
	for _, s := range op.Steps {
		byName[s.Name] = s
		if s.State != provision.StepDone || s.StartTime.IsZero() || s.EndTime.Before(s.StartTime) || s.Attempts != 1 {
			t.Errorf("step %s: %+v", s.Name, s)
		}
	}
	for _, pair := range [][2]string{{"fence", "gate"}, {"gate", "path"}, {"soil", "path"}, {"path", "water"}, {"gate", "sign"}} {
		if byName[pair[1]].StartTime.Before(byName[pair[0]].EndTime) {
			t.Errorf("%s started before %s was done", pair[1], pair[0])
		}
	}
	if s := byName["soil"]; s.ObjectType != "soil" || s.ObjectID == "" || !slices.Equal(s.CloudRequestIDs, []string{"req-soil"}) {
		t.Errorf("soil's step does not show what it made: %+v", s)
	}
}

// Independent steps are under way at the same time.
func TestParallel(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	soil, release := r.hold("create", "soil")
	op := r.create(e, cloudfake.Spec{Size: 1})
	r.comes(soil)
	r.until("the gate while soil is being made", func() bool { return len(r.cloud.Held("gate", "")) == 1 })
	if got := r.get(e, op); got.Progress.Count != 6 || got.Done() {
		t.Errorf("while it runs the operation shows %+v", got.Progress)
	}
	release()
	r.succeeds(e, op)
	r.holds(whole...)
}

// A change that changes nothing calls nothing.
func TestNothingToDo(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	spec := cloudfake.Spec{Size: 1, Beds: []string{"a"}}
	r.succeeds(e, r.create(e, spec))
	calls := func() int {
		n := 0
		for _, typ := range []string{"soil", "fence", "gate", "path", "bed", "water"} {
			for _, call := range []string{"create", "update", "delete", "list"} {
				n += r.cloud.Calls(call + " " + typ)
			}
		}
		return n
	}
	before := calls()
	r.succeeds(e, r.update(e, spec))
	if after := calls(); after != before {
		t.Errorf("%d calls for no change", after-before)
	}
}

func TestSupersededCreate(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	soil, release := r.hold("create", "soil")
	first := r.create(e, cloudfake.Spec{Size: 1, Beds: []string{"a"}})
	r.comes(soil)
	second := r.update(e, cloudfake.Spec{Size: 2, Beds: []string{"b"}})
	release()
	r.succeeds(e, second)
	got := r.done(e, first)
	if got.State != provision.OperationSuperseded || got.Error == nil || got.Error.Reason != "SUPERSEDED" || got.Error.Metadata["operation"] != second.Name {
		t.Errorf("the first operation ended as %s: %v", got.State, got.Error)
	}
	r.holds(append(whole, "bed-b")...)
	for _, o := range r.cloud.Held("soil", "") {
		if o.Attributes["size"] != "2" {
			t.Errorf("soil has size %s", o.Attributes["size"])
		}
	}
}

func TestDeleteWhileCreating(t *testing.T) {
	for _, step := range []string{"soil", "gate", "path", "water"} {
		t.Run(step, func(t *testing.T) {
			r := newRig(t)
			e, _ := r.run()
			come, release := r.hold("create", step)
			first := r.create(e, cloudfake.Spec{Size: 1, Beds: []string{"a"}})
			r.comes(come)
			second := r.delete(e)
			release()
			r.succeeds(e, second)
			r.holds()
			if got := r.done(e, first); got.State != provision.OperationSuperseded {
				t.Errorf("the creation ended as %s", got.State)
			}
		})
	}
}

func TestChangeWhileDeleting(t *testing.T) {
	r := newRig(t)
	e := r.idle()
	r.create(e, cloudfake.Spec{})
	r.delete(e)
	err := r.try(func() error { return r.tryUpdate(e) })
	wantReason(t, err, "GARDEN_DELETING")
}
