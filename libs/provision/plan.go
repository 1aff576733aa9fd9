package provision

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	defaultDeadline = 10 * time.Minute
	removePrefix    = "remove-"
	// Removals come after the plan's steps in the order that is shown.
	removeOrdinal = 10000
	maxPlan       = 1000
	// A failure outside the steps comes first.
	stumbleOrdinal = -1
	stumblePlan    = "plan"
	stumbleSettle  = "settle"
)

// check refuses a plan that could not be carried out to the end. It is a defect of the kind, found before any call.
func (k *kind) check(plan []Step) error {
	var problems []error
	if len(plan) > maxPlan {
		problems = append(problems, fmt.Errorf("%d steps are more than %d", len(plan), maxPlan))
	}
	seen := make(map[string]bool, len(plan))
	for _, step := range plan {
		// Needs name earlier steps, so there is no way to need oneself in a circle.
		for _, need := range step.Needs {
			if !seen[need] {
				problems = append(problems, fmt.Errorf("step %s needs %q, which is not a step before it", step.Name, need))
			}
		}
		for _, after := range step.After {
			if !seen[after] {
				problems = append(problems, fmt.Errorf("step %s comes after %q, which is not a step before it", step.Name, after))
			}
		}
		switch {
		case step.Name == "" || seen[step.Name] || step.Name == stumblePlan || step.Name == stumbleSettle || strings.HasPrefix(step.Name, removePrefix):
			problems = append(problems, fmt.Errorf("step %q must have a name of its own", step.Name))
		case step.Title == "":
			problems = append(problems, fmt.Errorf("step %s has no title", step.Name))
		case step.Do == nil:
			problems = append(problems, fmt.Errorf("step %s has no Do", step.Name))
		case step.Object != "" && k.object(step.Object) == nil:
			problems = append(problems, fmt.Errorf("step %s makes a %q, whose end the kind does not know", step.Name, step.Object))
		case step.Object != "" && step.Find == nil:
			problems = append(problems, fmt.Errorf("step %s makes a %q but cannot find it", step.Name, step.Object))
		}
		seen[step.Name] = true
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("plan of kind %s: %w", k.Name, err)
	}
	return nil
}

// object is the end of a type; nil when the kind does not know it.
func (k *kind) object(typ string) *Object {
	for i := range k.Objects {
		if k.Objects[i].Type == typ {
			return &k.Objects[i]
		}
	}
	return nil
}

func (s *situation) step(name string) *Step {
	for i := range s.plan {
		if s.plan[i].Name == name {
			return &s.plan[i]
		}
	}
	return nil
}

// layOut makes the progress rows: those of the plan, and those of what is to be removed.
func (s *situation) layOut() {
	if !s.resource.Deleting {
		for i := range s.plan {
			s.layStep(i)
		}
	}
	for _, x := range s.removable() {
		s.removalRow(x)
	}
	for name, r := range s.rows {
		if s.step(name) == nil && r.ordinal != stumbleOrdinal && r.ordinal < removeOrdinal-maxPlan && !r.settled() {
			r.State, r.dirty = StepSkipped, true
			r.recover()
		}
	}
}

func (s *situation) layStep(i int) {
	step := &s.plan[i]
	r := s.rows[step.Name]
	if r == nil {
		r = &stepRow{StepStatus: StepStatus{Name: step.Name, State: StepPending, ObjectType: step.Object}, dirty: true}
		s.rows[step.Name] = r
	}
	if r.ordinal != i {
		r.ordinal, r.dirty = i, true
	}
	// The title stays what it was at the beginning of the operation: an object made since then was not there.
	if !step.bears(r.Title) {
		x := s.ledger.of(step.Name)
		r.Title, r.dirty = step.title(x != nil && x.state == entryPresent), true
	}
	s.judge(step, r)
}

// judge holds the row of a step against the ledger, which is what counts.
func (s *situation) judge(step *Step, r *stepRow) {
	x := s.ledger.of(step.Name)
	switch done := x != nil && x.fulfils(step); {
	case done && !r.settled():
		s.done(r, x)
	case !done && r.settled():
		r.State, r.EndTime, r.dirty = StepPending, time.Time{}, true
	case !done && r.State == StepRunning && r.retryAt.IsZero():
		// Nothing runs yet in this slice.
		r.State, r.dirty = StepPending, true
	}
	if x != nil && x.state == entryPresent && x.digest == step.Digest && !slices.Equal(x.needs, step.Needs) {
		x.needs = slices.Clone(step.Needs)
		s.keep(x)
	}
}

// unmade reports whether a step has yet to make its object, and nothing speaks against its doing so soon.
func (s *situation) unmade(step string) bool {
	x, r := s.ledger.of(step), s.rows[step]
	return (x == nil || x.state != entryPresent) && !r.settled() && r.blockage == nil
}

// fulfils reports whether the entry is all the step asks for. A step without Verify leaves an unverified object unverified: the
// plan of a later change may verify it.
func (x *entry) fulfils(step *Step) bool {
	return x.state == entryPresent && !x.open && (x.verified || step.Verify == nil) && x.digest == step.Digest && x.objectType == step.Object
}

// removable are the entries that have to go: those one too many, those no step of the plan makes, and all of them when
// the resource is being deleted.
func (s *situation) removable() []*entry {
	var out []*entry
	for _, x := range s.ledger.entries {
		if !x.live() || s.resource.Deleting || s.step(x.step) == nil {
			out = append(out, x)
		}
	}
	return out
}

// removalRow is the progress of an entry's removal. An entry without an object goes without a call: its row is not kept.
func (s *situation) removalRow(x *entry) *stepRow {
	name := removePrefix + x.step
	r := s.rows[name]
	if r == nil {
		r = &stepRow{
			StepStatus: StepStatus{Name: name, Title: removalTitle(s.plan, x), State: StepPending},
			ordinal:    removeOrdinal - min(x.ordinal, maxPlan),
		}
		if x.objectType != "" {
			s.rows[name] = r
		}
	}
	if r.settled() {
		r.State, r.EndTime, r.dirty = StepPending, time.Time{}, true
	}
	if r.ObjectType != x.objectType || r.ObjectID != x.ID {
		r.ObjectType, r.ObjectID, r.dirty = x.objectType, x.ID, true
	}
	return r
}

// complete reports whether nothing is left to do.
func (s *situation) complete() bool {
	if len(s.running) > 0 || len(s.removable()) > 0 {
		return false
	}
	if s.resource.Deleting {
		return true
	}
	if s.looksPending() {
		return false
	}
	for i := range s.plan {
		if !s.rows[s.plan[i].Name].settled() {
			return false
		}
	}
	return true
}

// ready are the tasks that can start now.
func (s *situation) ready() []*task {
	s.looked = s.now()
	for {
		s.changed = false
		if out := s.readyOnce(); len(out) > 0 || !s.changed {
			return out
		}
		// Entries that need no call are gone already, and others may go now.
	}
}

func (s *situation) readyOnce() []*task {
	var out []*task
	room := s.rules.parallel - len(s.running)
	add := func(t *task) {
		if t != nil && len(out) < room {
			out = append(out, t)
		}
	}
	if !s.resource.Deleting {
		for i := range s.plan {
			add(s.readyStep(&s.plan[i]))
		}
	}
	for _, t := range s.readyLooks() {
		add(t)
	}
	for _, t := range s.readyRemovals() {
		add(t)
	}
	if len(out) == 0 && len(s.running) == 0 {
		add(s.breakCircle())
	}
	return out
}

func (s *situation) waits(r *stepRow) bool { return r.retryAt.After(s.looked) }

func (s *situation) readyStep(step *Step) *task {
	r := s.rows[step.Name]
	if r.settled() || s.running[step.Name] != nil || s.waits(r) {
		return nil
	}
	for _, need := range step.Needs {
		if !s.rows[need].settled() {
			return nil
		}
	}
	if slices.ContainsFunc(step.After, s.unmade) {
		return nil
	}
	t := &task{key: step.Name, step: step, row: r, entry: s.ledger.of(step.Name), deadline: cmp.Or(step.Deadline, defaultDeadline)}
	switch x := t.entry; {
	case x == nil:
		t.action = actDo
	case x.fulfils(step):
		// Only the last look for it is still to come.
		return nil
	case x.objectType != step.Object && x.ID != "":
		// The step makes another type of object than it did: the old one is surplus, and then this starts anew.
		x.state = entrySurplus
		s.keep(x)
		t.entry, t.action = nil, actDo
	case x.open && s.observer(t) != nil:
		t.action = actObserve
	case x.state == entryPresent && !x.open && x.digest == step.Digest:
		t.action = actVerify
	default:
		t.action = actDo
	}
	return t
}
