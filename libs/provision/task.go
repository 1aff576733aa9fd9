package provision

import (
	"context"
	"slices"
	"time"
)

type action string

const (
	actDo      action = "do"
	actObserve action = "observe"
	actVerify  action = "verify"
	actDelete  action = "delete"
	actGone    action = "gone"
	actLook    action = "look"
)

// task is one function of a step or object, to be called once.
type task struct {
	action   action
	key      string // of what may not run twice at once
	step     *Step  // nil for what the plan does not have
	object   *Object
	entry    *entry
	group    []*entry // of actGone
	row      *stepRow
	run      *Run
	deadline time.Duration
	removal  bool
	last     bool      // of actLook: nothing else is left
	doubted  time.Time // of actDo: the doubt there was before
	// restores put the objects right that the entry of actDelete needs.
	restores []func(context.Context, *Run) error
	// withdrawn puts the entry back to what it was when the task is not started after all.
	withdrawn func()
}

// result is what came of a task.
type result struct {
	*task
	made  External
	found []External
	err   error
	crash *Crash
}

// observer is what looks for the objects of a task's step; nil when nothing can.
func (s *situation) observer(t *task) func(context.Context, *Run) ([]External, error) {
	step := t.step
	if step == nil && t.entry != nil {
		step = s.knownStep(t.entry.step)
	}
	ghost := t.entry != nil && t.entry.state == entryDoubt
	if step != nil && step.Find != nil && (!ghost || step.Object == t.entry.objectType) {
		return step.Find
	}
	if err := s.unplanned; step == nil && err != nil {
		return func(context.Context, *Run) ([]External, error) { return nil, err }
	}
	return nil
}

// knownStep is a step of the plan, or one that an earlier plan had.
func (s *situation) knownStep(name string) *Step {
	if step := s.step(name); step != nil || s.kind.Past == nil || s.unplanned != nil {
		return step
	}
	var past *Step
	err := guarded(func() error {
		if step, ok := s.kind.Past(s.resource, name); ok {
			past = &step
		}
		return nil
	})
	if err != nil {
		s.unplanned = err
	}
	return past
}

// intend notes what must be on record before the task starts.
func (s *situation) intend(t *task) {
	now := s.now()
	row := *t.row
	if t.row.StartTime.IsZero() {
		t.row.StartTime = now
	}
	t.row.State, t.row.retryAt, t.row.dirty = StepRunning, time.Time{}, true
	t.withdrawn = func() { *t.row = row; t.row.dirty = true }
	t.run = s.newRun(t)
	if t.action == actDelete {
		t.row.Attempts++
	}
	if t.action == actDo {
		t.row.Attempts++
		s.intendDo(t, now)
	}
}

func (s *situation) intendDo(t *task, now time.Time) {
	x := t.entry
	if x == nil {
		x = &entry{step: t.step.Name, state: entryIntent}
		s.absorb(x, t.step.Object)
		s.ledger.add(x)
		t.entry = x
	}
	before, restore := *x, t.withdrawn
	t.withdrawn = func() {
		restore()
		x.open, x.digest, x.needs, x.missed, x.verified = before.open, before.digest, before.needs, before.missed, before.verified
		x.doubted = before.doubted
		s.keep(x)
	}
	if x.state == entryIntent {
		x.digest, x.objectType, x.ordinal = t.step.Digest, t.step.Object, slices.IndexFunc(s.plan, func(p Step) bool { return p.Name == x.step })
	} else {
		// From now on it may be as it was, as it is to be, or in between.
		x.digest = digestUnknown
		if x.ID != "" {
			t.run.existing = &External{ID: x.ID, Name: x.Name, Attributes: x.Attributes}
		}
	}
	x.needs, x.open, x.missed, x.verified = slices.Clone(t.step.Needs), true, time.Time{}, false
	t.doubted = x.doubted
	if t.step.Object != "" {
		// Without a result beside it, the outcome of the attempt is unknown.
		x.doubted = now
	}
	s.keep(x)
}

// withdraw takes back what was recorded of tasks that are not started.
func withdraw(tasks []*task) {
	for _, t := range tasks {
		t.withdrawn()
	}
}

func (s *situation) newRun(t *task) *Run {
	r := &Run{Resource: s.resource, operation: s.operation, step: t.row.Name, objects: s.ledger.objects(), followed: t.row.Operation}
	if t.entry != nil {
		r.step = t.entry.step
	} else if t.step != nil {
		r.step = t.step.Name
	}
	if t.removal {
		r.undo = "undo"
	}
	return r
}
