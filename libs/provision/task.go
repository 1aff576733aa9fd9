package provision

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// callTimeout bounds one function of a step: what takes longer answers NotYet and is asked again.
const callTimeout = time.Minute

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
func (s *slice) observer(t *task) func(context.Context, *Run) ([]External, error) {
	step := t.step
	if step == nil && t.entry != nil {
		step = s.knownStep(t.entry.step)
	}
	ghost := t.entry != nil && t.entry.state == entryDoubt
	if step != nil && step.Find != nil && (!ghost || step.Object == t.entry.objectType) {
		return step.Find
	}
	if step == nil && s.unplanned != nil {
		return func(context.Context, *Run) ([]External, error) { return nil, s.unplanned }
	}
	return nil
}

// knownStep is a step of the plan, or one that an earlier plan had.
func (s *slice) knownStep(name string) *Step {
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

// intend queues what must be on record before the task starts.
func (s *slice) intend(t *task) error {
	now := s.e.now()
	row := *t.row
	if t.row.StartTime.IsZero() {
		t.row.StartTime = now
	}
	t.row.State, t.row.retryAt, t.row.dirty = StepRunning, time.Time{}, true
	t.withdrawn = func() { *t.row = row; t.row.dirty = true }
	t.run = s.newRun(t)
	if t.action != actDo {
		return nil
	}
	t.row.Attempts++
	return s.intendDo(t, now)
}

func (s *slice) intendDo(t *task, now time.Time) error {
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
		// Whoever reads this without a result does not know what came of the attempt.
		x.doubted = now
	}
	s.keep(x)
	return nil
}

// withdraw takes back what was recorded of tasks that are not started.
func (s *slice) withdraw(tasks []*task) error {
	for _, t := range tasks {
		t.withdrawn()
	}
	return nil
}

func (s *slice) newRun(t *task) *Run {
	r := &Run{Resource: s.resource, operation: s.op.id, step: t.row.Name, objects: s.ledger.objects(), followed: t.row.Operation}
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

// launch runs the task in a goroutine of its own.
func (s *slice) launch(ctx context.Context, t *task) {
	s.running[t.key] = t
	s.started = true
	// The goroutine must not touch what belongs to the slice: it gets all it needs here.
	call := s.call(t)
	point := Point{Kind: s.res.kind, Verb: s.op.verb, Step: t.run.step, UID: s.res.uid}
	e, results, log := s.e, s.results, s.log
	s.steps.Go(func() {
		r := result{task: t}
		defer func() {
			if v := recover(); v != nil {
				if c, ok := v.(Crash); ok {
					e.die() // here and now, as a process would, whether the slice still hears of it or not
					r.crash = &c
				} else {
					log.Error("a step panicked", "step", t.run.step, "panic", v, "stack", string(debug.Stack()))
					r.err = panicked(v)
				}
			}
			results <- r
		}()
		switch t.action {
		case actDo:
			e.failpoint(at(point, BeforeDo))
			e.observed(ctx, t, &r, call, log)
			e.failpoint(at(point, AfterDo))
		case actDelete:
			e.failpoint(at(point, BeforeDelete))
			e.observed(ctx, t, &r, call, log)
			e.failpoint(at(point, AfterDelete))
		default:
			e.observed(ctx, t, &r, call, log)
		}
	})
}

func at(p Point, w When) Point {
	p.When = w
	return p
}

// call is the function to call, with its arguments.
func (s *slice) call(t *task) func(context.Context, *result) {
	var external External
	if t.entry != nil {
		external = External{ID: t.entry.ID, Name: t.entry.Name, Attributes: t.entry.Attributes}
	}
	switch t.action {
	case actDo:
		return func(ctx context.Context, r *result) { r.made, r.err = t.step.Do(ctx, t.run) }
	case actVerify:
		return func(ctx context.Context, r *result) {
			if t.step.Verify != nil {
				r.err = t.step.Verify(ctx, t.run, external)
			}
		}
	case actObserve, actLook:
		observe := s.observer(t)
		return func(ctx context.Context, r *result) { r.found, r.err = observe(ctx, t.run) }
	case actDelete:
		return func(ctx context.Context, r *result) { r.err = t.object.Delete(ctx, t.run, external) }
	default:
		group := make([]External, len(t.group))
		for i, x := range t.group {
			group[i] = x.External
		}
		return func(ctx context.Context, r *result) { r.found, r.err = t.object.Gone(ctx, t.run, group) }
	}
}

// observed calls the function within its span, its timeout and its measurement. A panic is an error like any other.
func (e *Engine) observed(ctx context.Context, t *task, r *result, call func(context.Context, *result), log *slog.Logger) {
	ctx, span := e.tracer.Start(ctx, "provision."+t.run.Kind+"/"+t.run.step, trace.WithAttributes(
		attribute.String("lowlayer.step.action", string(t.action)), attribute.Int("lowlayer.step.attempt", t.row.Attempts)))
	defer span.End()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if e.cfg.StepContext != nil {
		ctx = e.cfg.StepContext(ctx, t.run)
	}
	begun := time.Now()
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(Crash); ok {
				panic(v)
			}
			log.ErrorContext(ctx, "a step panicked", "step", t.run.step, "panic", v, "stack", string(debug.Stack()))
			r.err = panicked(v)
		}
		outcome := "ok"
		if _, waits := asNotYet(r.err); waits {
			outcome = "waits"
		} else if r.err != nil {
			c, _ := classify(r.err)
			outcome = c.name
			span.SetStatus(codes.Error, c.name)
			span.RecordError(r.err)
			log.WarnContext(ctx, "a step failed", "step", t.run.step, "action", t.action, "class", c.name, "error", r.err)
		}
		e.metrics.steps.Record(ctx, time.Since(begun).Seconds(), metric.WithAttributes(attribute.String("kind", t.run.Kind),
			attribute.String("step", t.run.step), attribute.String("action", string(t.action)), attribute.String("outcome", outcome)))
	}()
	call(ctx, r)
}

// keep queues the entry's row as it is now.
func (s *slice) keep(x *entry) {
	if err := x.save(&s.writes, s.res.uid, s.e.now()); err != nil {
		// Attributes are strings: they always marshal.
		panic(fmt.Sprintf("keep ledger of %s: %v", s.res.name, err))
	}
}
