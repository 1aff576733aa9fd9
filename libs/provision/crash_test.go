package provision_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

// The worker that takes over adopts what the call under way made.
func TestFence_lostLease_writesNothing(t *testing.T) {
	r := newRig(t)
	r.cfg.Lease = time.Hour // only the fence is at stake
	_, stop := r.run()
	come, release := r.hold("create", "gate")
	op := r.create(r.idle(), cloudfake.Spec{})
	r.comes(come)
	r.exec(`UPDATE provision_resources SET fence = fence + 1, lease_holder = 'another', lease_until = clock_timestamp() + interval '1 hour'`)
	release()
	r.until("the gate", func() bool { return len(r.cloud.Held("gate", "")) == 1 })
	stop()
	if n := query[int](r, `SELECT count(*) FROM provision_ledger WHERE step = 'gate' AND external_id <> ''`); n != 0 {
		t.Fatal("the worker without a lease wrote what it had done")
	}
	r.exec(`UPDATE provision_resources SET lease_until = NULL, lease_holder = NULL`)
	next, _ := r.run()
	r.succeeds(next, op)
	r.holds(whole...)
}

func TestLease_heldByAnother_isRespectedUntilItLapses(t *testing.T) {
	r := newRig(t)
	op := r.create(r.idle(), cloudfake.Spec{})
	r.exec(`UPDATE provision_resources SET lease_holder = 'another', lease_until = clock_timestamp() + interval '1 hour'`)
	held := r.uid
	e, _ := r.run()
	// The engine claims in order of wake_at, so a resource that is done shows that it came by the one that is held.
	r.uid = cloudfake.NewUID()
	r.succeeds(e, r.create(e, cloudfake.Spec{}))
	if n := query[int](r, `SELECT count(*) FROM provision_ledger WHERE resource_uid = '`+held+`'`); n != 0 {
		t.Error("worked on a resource that another worker holds")
	}
	r.exec(`UPDATE provision_resources SET lease_until = clock_timestamp() WHERE uid = $1`, held)
	r.succeeds(e, op)
}

func TestSweep_workWithoutNotification_goesOn(t *testing.T) {
	for name, spoil := range map[string]string{
		"made due in silence": `UPDATE provision_resources SET wake_at = clock_timestamp()`,
		"dead worker": `UPDATE provision_resources SET wake_at = clock_timestamp() - interval '1 minute', lease_holder = 'dead', fence = 7,
			lease_until = clock_timestamp() + interval '300 milliseconds'`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			e, _ := r.run()
			var op *provision.Operation
			r.tx(func(ctx context.Context, tx pgx.Tx) (err error) {
				if op, err = cloudfake.Create(ctx, tx, e, r.uid, cloudfake.Spec{}); err != nil {
					return err
				}
				_, err = tx.Exec(ctx, `UPDATE provision_resources SET wake_at = clock_timestamp() + interval '1 hour'`)
				return err
			})
			r.exec(spoil)
			r.succeeds(e, op)
			r.holds(whole...)
		})
	}
}

// Without a sweep the work goes on only if the release of the lease keeps the look that was asked for meanwhile.
func TestWake_askedForWhileHeld_isNotLost(t *testing.T) {
	r := newRig(t)
	r.cfg.Lease, r.cfg.Sweep = time.Minute, time.Hour
	var asked atomic.Int64
	plan := r.kind.Plan
	r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
		steps, err := plan(res, spec)
		return append(steps, provision.Step{Name: "patient", Title: "wait for the patient step", Do: func(context.Context, *provision.Run) (provision.External, error) {
			if asked.Add(1) == 1 {
				return provision.External{}, provision.NotYet(time.Hour, "waiting for an hour")
			}
			return provision.External{}, nil
		}}), err
	}
	e, _ := r.run()
	come, release := r.hold("create", "gate")
	op := r.create(e, cloudfake.Spec{})
	r.comes(come)
	r.until("the step to wait", func() bool {
		return query[int](r, `SELECT count(*) FROM provision_steps WHERE name = 'patient' AND retry_at IS NOT NULL`) == 1
	})
	r.tx(func(ctx context.Context, tx pgx.Tx) error {
		_, err := e.Hasten(ctx, tx, r.uid)
		return err
	})
	release()
	r.succeeds(e, op)
}

// An engine that is told to stop lets the call under way finish and leaves the rest to others.
func TestGracefulStop(t *testing.T) {
	r := newRig(t)
	e, stop := r.run()
	come, release := r.hold("create", "gate")
	op := r.create(e, cloudfake.Spec{})
	r.comes(come)
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	select {
	case <-stopped:
		t.Fatal("stopped without waiting for the call")
	case <-time.After(50 * time.Millisecond):
	}
	release()
	<-stopped
	r.holds("soil", "fence", "gate")
	if got := query[int](r, `SELECT count(*) FROM provision_ledger WHERE open`); got != 0 {
		t.Errorf("%d attempts are left in doubt", got)
	}
	if held := query[bool](r, `SELECT lease_holder IS NOT NULL FROM provision_resources`); held {
		t.Error("the lease was not given back")
	}
	next, _ := r.run()
	r.succeeds(next, op)
	r.holds(whole...)
	if n := r.cloud.Calls("list gate"); n != 0 {
		t.Errorf("looked %d times for what was on record", n)
	}
}

// A slice makes room for others and the work goes on.
func TestSlices(t *testing.T) {
	r := newRig(t)
	r.cfg.Slice = time.Nanosecond
	r.cfg.Workers = 1
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Beds: []string{"a", "b"}}))
	r.holds(append(whole, "bed-a", "bed-b")...)
	r.succeeds(e, r.delete(e))
	r.holds()
}

// Two engines on one database share the work and never do a thing twice.
func TestTwoEngines(t *testing.T) {
	r := newRig(t)
	r.cfg.Lease = time.Minute // a busy machine must not look like a dead worker
	a, _ := r.run()
	b, _ := r.run()
	var ops []*provision.Operation
	for range 12 {
		uid := cloudfake.NewUID()
		r.tx(func(ctx context.Context, tx pgx.Tx) error {
			op, err := cloudfake.Create(ctx, tx, a, uid, cloudfake.Spec{Size: 1})
			ops = append(ops, op)
			return err
		})
	}
	for _, op := range ops {
		r.succeeds(b, op)
	}
	if n := len(r.cloud.Held("", "")); n != 12*len(whole) {
		t.Errorf("the cloud holds %d objects, want %d", n, 12*len(whole))
	}
	if r.cloud.Calls("create gate") != 12 || r.cloud.Calls("list gate") != 0 {
		t.Errorf("%d gates were made, %d looked for", r.cloud.Calls("create gate"), r.cloud.Calls("list gate"))
	}
}

func TestSurplus_twoCopiesOfALostCall_endInOne(t *testing.T) {
	r := newRig(t)
	var twice atomic.Bool
	plan := r.kind.Plan
	r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
		steps, err := plan(res, spec)
		i := slices.IndexFunc(steps, func(s provision.Step) bool { return s.Name == "fence" })
		do := steps[i].Do
		steps[i].Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
			if twice.CompareAndSwap(false, true) {
				for range 2 {
					if _, err := do(ctx, run); err != nil {
						return provision.External{}, err
					}
				}
				return provision.External{}, context.DeadlineExceeded
			}
			return do(ctx, run)
		}
		return steps, err
	}
	e, _ := r.run()
	op := r.succeeds(e, r.create(e, cloudfake.Spec{}))
	r.holds(whole...)
	if !slices.ContainsFunc(op.Steps, func(s provision.StepStatus) bool { return s.Name == "remove-fence" && s.State == provision.StepDone }) {
		t.Errorf("no step tells of the surplus: %+v", op.Steps)
	}
	r.succeeds(e, r.delete(e))
	r.holds()
}

func TestReplace_anotherObject_removesTheOldAndRedoesDependants(t *testing.T) {
	r := newRig(t)
	plan := r.kind.Plan
	r.kind.Plan = func(res provision.Resource, spec cloudfake.Spec) ([]provision.Step, error) {
		steps, err := plan(res, spec)
		do := steps[0].Do
		steps[0].Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
			if _, ok := run.Existing(); !ok {
				return do(ctx, run)
			}
			o, err := r.cloud.Create(ctx, cloudfake.Object{Type: "soil", Name: run.UID + "/soil"})
			return provision.External{ID: o.ID, Name: o.Name}, err
		}
		return steps, err
	}
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1, Beds: []string{"a"}}))
	old := r.cloud.Held("soil", "")[0].ID
	r.succeeds(e, r.update(e, cloudfake.Spec{Size: 2, Beds: []string{"a"}}))
	r.holds(append(whole, "bed-a")...)
	soil := r.cloud.Held("soil", "")[0].ID
	if soil == old {
		t.Fatal("the soil was not replaced")
	}
	for _, o := range append(r.cloud.Held("bed", ""), r.cloud.Held("path", "")...) {
		if !slices.Contains(o.Uses, soil) {
			t.Errorf("%s still lies on %v", o.Name, o.Uses)
		}
	}
	r.succeeds(e, r.delete(e))
	r.holds()
}

func TestRepair(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1}))
	path := r.cloud.Held("path", "")[0]
	r.cloud.Lose(path.ID)
	var op *provision.Operation
	r.tx(func(ctx context.Context, tx pgx.Tx) (err error) {
		if op, err = e.Repair(ctx, tx, r.uid, []string{"path"}, "the path is not there any more"); err != nil {
			return err
		}
		again, err := e.Repair(ctx, tx, r.uid, []string{"path"}, "")
		if again != nil {
			t.Error("a second repair was accepted while the first is under way")
		}
		return err
	})
	if r.state() != "REPAIRING" && r.state() != "ACTIVE" {
		t.Errorf("state is %s", r.state())
	}
	r.succeeds(e, op)
	r.holds(whole...)
	if now := r.cloud.Held("path", "")[0]; now.ID == path.ID {
		t.Error("the path is the old one")
	} else if water := r.cloud.Held("water", "")[0]; !slices.Contains(water.Uses, now.ID) {
		t.Error("the water still runs over the path that is gone")
	}
	if r.cloud.Calls("update fence") != 0 {
		t.Error("the repair touched what was in order")
	}
	if r.state() != "ACTIVE" {
		t.Errorf("state is %s", r.state())
	}
}

func TestObjects(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1}))
	var got []string
	err := e.Objects(t.Context(), "garden", func(page []provision.OwnedObject) error {
		for _, o := range page {
			if o.ResourceUID != r.uid || o.Resource != cloudfake.Name(r.uid) || o.ResourceState != provision.Active || o.Reconciling {
				t.Errorf("owned object %+v", o)
			}
			got = append(got, o.Step)
		}
		return nil
	})
	slices.Sort(got)
	if want := []string{"fence", "gate", "path", "soil", "water"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("objects %v (%v), want %v", got, err, want)
	}
}
