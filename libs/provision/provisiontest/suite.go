package provisiontest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/sample"
)

// outline is what an undisturbed life looks like.
type outline struct {
	created, updated []string // the inventory after each
	steps            []string // of the creation, in order
	points           map[string][]provision.Point
}

// Every puts every kind of a service through all of it, each beside the others. A kind that has no world fails the test: none
// escapes. kinds are those the service itself is made of.
func Every(t *testing.T, kinds []provision.AnyKind, worlds map[string]func(t *testing.T) World) {
	t.Helper()
	if err := matched(kinds, worlds); err != nil {
		t.Error(err)
	}
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Run(t, Suite{World: world})
		})
	}
}

// matched fails unless each kind has a world and each world a kind.
func matched(kinds []provision.AnyKind, worlds map[string]func(t *testing.T) World) error {
	var err error
	known := make(map[string]bool)
	for _, k := range kinds {
		known[k.KindName()] = true
		if worlds[k.KindName()] == nil {
			err = errors.Join(err, fmt.Errorf("the kind %q has no world to be tested in: give it one", k.KindName()))
		}
	}
	for name := range worlds {
		if !known[name] {
			err = errors.Join(err, fmt.Errorf("the service has no kind %q", name))
		}
	}
	return err
}

// Run puts the kind through all of it.
func Run(t *testing.T, s Suite) {
	t.Helper()
	o := s.undisturbed(t)
	t.Run("repeat", func(t *testing.T) { s.repeat(t, o) })
	t.Run("fail", func(t *testing.T) { s.fail(t, o) })
	t.Run("lost answer", func(t *testing.T) { s.lostAnswer(t, o) })
	t.Run("late", func(t *testing.T) { s.late(t, o) })
	t.Run("undo twice", func(t *testing.T) { s.undoTwice(t, o) })
	t.Run("kill", func(t *testing.T) { s.kill(t, o) })
	t.Run("kill and delete", func(t *testing.T) { s.killAndDelete(t, o) })
}

// undisturbed goes through one life without a fault and notes what it is like.
func (s Suite) undisturbed(t *testing.T) outline {
	t.Helper()
	l := s.begin(t)
	o := outline{points: make(map[string][]provision.Point)}
	var mu sync.Mutex
	verb := ""
	l.kill = func(p provision.Point) bool {
		mu.Lock()
		defer mu.Unlock()
		o.points[verb] = append(o.points[verb], p)
		return false
	}
	phase := func(v string) {
		mu.Lock()
		defer mu.Unlock()
		verb = v
	}
	e, stop := l.engine()
	l.holds(nil)
	phase("create")
	op := l.change(e, l.world.Create)
	l.finish(e, op)
	o.created = l.inventory()
	if len(o.created) == 0 {
		t.Fatal("the creation left nothing in the cloud")
	}
	l.owned(e)
	got, err := e.Get(t.Context(), op.Tenant, op.ID)
	if err != nil {
		t.Fatalf("read operation: %v", err)
	}
	for _, step := range got.Steps {
		if step.State != provision.StepDone {
			t.Errorf("step %s of the ended creation is %s", step.Name, step.State)
		}
		o.steps = append(o.steps, step.Name)
	}
	if l.world.Update != nil {
		phase("update")
		l.finish(e, l.change(e, l.world.Update))
		o.updated = l.inventory()
	}
	phase("delete")
	l.finish(e, l.change(e, l.world.Delete))
	l.holds(nil)
	if n := l.owned(e); n != 0 {
		t.Errorf("after the deletion the ledger has %d objects", n)
	}
	if err := stop(); err != nil {
		t.Fatalf("stop engine: %v", err)
	}
	return o
}

// each runs a case for every step that is not skipped.
func (s Suite) each(t *testing.T, steps []string, run func(t *testing.T, step string)) {
	t.Helper()
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			if why, ok := s.Skip[step]; ok {
				t.Logf("not for this step: %s", why)
				return
			}
			run(t, step)
		})
	}
}

// through lives a whole life and holds it against the outline.
func (l *life) through(o outline, meanwhile func(e *provision.Engine, op *provision.Operation)) {
	l.t.Helper()
	e, _ := l.engine()
	op := l.change(e, l.world.Create)
	if meanwhile != nil {
		meanwhile(e, op)
	}
	l.finish(e, op)
	l.holds(o.created)
	l.owned(e)
	l.end(e)
}

// end deletes the resource and sees to it that nothing is left.
func (l *life) end(e *provision.Engine) {
	l.t.Helper()
	l.finish(e, l.change(e, l.world.Delete))
	l.holds(nil)
	if n := l.owned(e); n != 0 {
		l.t.Errorf("after the deletion the ledger has %d objects", n)
	}
}

// repeat has every step done again on a finished resource.
func (s Suite) repeat(t *testing.T, o outline) {
	l := s.begin(t)
	e, _ := l.engine()
	op := l.change(e, l.world.Create)
	l.finish(e, op)
	repair := func(t *testing.T, steps ...string) {
		t.Helper()
		again := l.change(e, func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error) {
			return e.Repair(ctx, tx, op.ResourceUID, steps, "to see whether it may be done twice")
		})
		if again == nil {
			t.Logf("the resource does not end as ACTIVE; its steps are not repaired")
			return
		}
		l.finish(e, again)
		l.holds(o.created)
	}
	s.each(t, o.steps, func(t *testing.T, step string) { repair(t, step) })
	repair(t, o.steps...)
	l.owned(e)
	l.end(e)
}

// fail has every step fail: for a while, until somebody acts, and with a panic.
func (s Suite) fail(t *testing.T, o outline) {
	s.each(t, o.steps, func(t *testing.T, step string) {
		t.Run("retried", func(t *testing.T) {
			t.Parallel()
			l := s.begin(t)
			l.fails(step, 2, unavailable)
			l.through(o, nil)
		})
		t.Run("blocked and healed", func(t *testing.T) {
			t.Parallel()
			l := s.begin(t)
			left := l.fails(step, -1, overQuota)
			l.through(o, func(e *provision.Engine, op *provision.Operation) {
				l.blocked(e, op, step)
				left.Store(0)
			})
		})
		t.Run("panic", func(t *testing.T) {
			t.Parallel()
			l := s.begin(t)
			l.fails(step, 1, panics)
			l.through(o, nil)
		})
		t.Run("blocked and deleted", func(t *testing.T) {
			t.Parallel()
			l := s.begin(t)
			l.fails(step, -1, overQuota)
			e, _ := l.engine()
			l.blocked(e, l.change(e, l.world.Create), step)
			l.end(e)
		})
	})
}

// lostAnswer has every step carried out without its answer arriving, also when the cloud's lists do not show it at once.
func (s Suite) lostAnswer(t *testing.T, o outline) {
	s.each(t, o.steps, func(t *testing.T, step string) {
		for blind, name := range []string{"list is current", "list is stale"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				l := s.begin(t)
				lost := l.losesAnswer(step, blind)
				l.through(o, nil)
				if !lost.Load() {
					t.Error("the step was never done")
				}
			})
		}
	})
}

func (s Suite) undoTwice(t *testing.T, o outline) {
	l := s.begin(t)
	l.removesTwice()
	l.through(o, nil)
}

// kill ends the process at every point of a life and has another one go on.
func (s Suite) kill(t *testing.T, o outline) {
	for _, verb := range []string{"create", "update", "delete"} {
		for _, p := range sample.Third(t, distinct(o.points[verb])) {
			t.Run(fmt.Sprintf("%s/%s/%s", verb, p.Step, p.When), func(t *testing.T) {
				t.Parallel()
				l := s.begin(t)
				e, stop := l.engine()
				for _, v := range []string{"create", "update", "delete"} {
					do := map[string]func(context.Context, pgx.Tx, *provision.Engine) (*provision.Operation, error){
						"create": l.world.Create, "update": l.world.Update, "delete": l.world.Delete,
					}[v]
					if do == nil {
						continue
					}
					if v == verb {
						// The engine under test reads kill as it goes: it must be new.
						if err := stop(); err != nil {
							t.Fatalf("stop engine: %v", err)
						}
						e, stop = l.killed(p, do)
					} else {
						l.finish(e, l.change(e, do))
					}
					l.holds(map[string][]string{"create": o.created, "update": o.updated}[v])
				}
			})
		}
	}
}

// killed has an engine die at the point and another one end the operation.
func (l *life) killed(p provision.Point, do func(context.Context, pgx.Tx, *provision.Engine) (*provision.Operation, error)) (*provision.Engine, func() error) {
	l.t.Helper()
	_, op := l.death(p, do)
	l.kill = nil
	next, stop := l.engine()
	l.finish(next, op)
	return next, stop
}

// death runs a change until the engine dies at the point. The test fails when the work never comes to it.
func (l *life) death(p provision.Point, do func(context.Context, pgx.Tx, *provision.Engine) (*provision.Operation, error)) (*provision.Engine, *provision.Operation) {
	l.t.Helper()
	died := make(chan struct{})
	var once sync.Once
	l.kill = func(q provision.Point) bool {
		hit := q.Step == p.Step && q.When == p.When
		if hit {
			once.Do(func() { close(died) })
		}
		return hit
	}
	e, stop := l.engine()
	op := l.change(e, do)
	hit := l.dies(e, op, died)
	err := stop()
	// The last commit of an operation ends it: then its end and the engine's are seen in either order.
	crashed := errors.Is(err, provision.ErrCrashed)
	if !crashed {
		l.t.Fatalf("no kill happened at %s/%s: engine ended with %v, reached the point: %t", p.Step, p.When, err, hit)
	}
	l.lapse(op)
	return e, op
}

// lapse ends the lease of a dead engine at once, so that the lease may be long enough for a busy machine.
func (l *life) lapse(op *provision.Operation) {
	l.t.Helper()
	_, err := l.world.Pool.Exec(l.t.Context(), `UPDATE provision_resources SET lease_until = clock_timestamp() WHERE uid = $1`, op.ResourceUID)
	if err != nil {
		l.t.Fatalf("end the lease of the dead engine: %v", err)
	}
}

// killAndDelete ends the process at every point of a creation and deletes the resource before anything goes on.
func (s Suite) killAndDelete(t *testing.T, o outline) {
	for _, p := range sample.Third(t, distinct(o.points["create"])) {
		t.Run(fmt.Sprintf("%s/%s", p.Step, p.When), func(t *testing.T) {
			t.Parallel()
			l := s.begin(t)
			e, _ := l.death(p, l.world.Create)
			l.kill = nil
			// The API's process records the deletion; no worker is there yet.
			op := l.change(e, l.world.Delete)
			next, _ := l.engine()
			l.finish(next, op)
			l.holds(nil)
			if n := l.owned(next); n != 0 {
				t.Errorf("after the deletion the ledger has %d objects", n)
			}
		})
	}
}

// distinct are the points in the order they first came.
func distinct(points []provision.Point) []provision.Point {
	var out []provision.Point
	for _, p := range points {
		p.UID = ""
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}
