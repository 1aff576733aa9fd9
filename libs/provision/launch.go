package provision

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// callTimeout bounds one function of a step: a longer wait is a NotYet.
const callTimeout = time.Minute

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
		return func(ctx context.Context, r *result) { r.err = t.remove(ctx, external) }
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
