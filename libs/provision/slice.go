package provision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/low-layer/platform/libs/receipt"
)

// stopReason is why a slice starts no further steps.
type stopReason int

const (
	goOn stopReason = iota
	stopSuperseded
	stopCancelled
	stopTime     // others want the worker
	stopDraining // the process is to end
)

// verdict is how a pass over one operation ended.
type verdict int

const (
	parked verdict = iota // to be looked at again later
	again                 // there is another operation to work on
	ended
)

// slice is one bounded piece of work on one resource, under its lease. All of its state belongs to the goroutine that
// runs it; steps run in their own and hand their results over the channel.
type slice struct {
	e   *Engine
	log *slog.Logger
	res *held
	op  head
	situation
	stop    stopReason
	started bool // a slice gets something done, however short it is
	began   time.Time
	// inventory is the last look of a deletion.
	inventory receipt.Inventory

	results chan result
	steps   sync.WaitGroup

	writes writes
}

// work runs one slice of a resource.
func (e *Engine) work(ctx context.Context, h *held) {
	s := &slice{e: e, res: h, log: e.log.With("resource", h.name, "uid", h.uid), began: e.now()}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stopRenewing := e.renew(ctx, h, cancel)
	err := s.run(ctx, cancel)
	stopRenewing()
	if err != nil {
		s.abandon(ctx, err)
	}
}

// run works on the resource's operation, and on the next one when that is superseded meanwhile.
func (s *slice) run(ctx context.Context, cancel context.CancelCauseFunc) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case Crash:
			s.e.die()
			err = ErrCrashed
		default:
			err = fmt.Errorf("the engine panicked: %v\n%s", v, debug.Stack())
		}
		// Nothing of this slice outlives it: whoever goes on must not meet our calls.
		if err != nil {
			cancel(err)
		}
		s.steps.Wait()
	}()
	for {
		v, err := s.pass(ctx)
		if err != nil || v != again {
			return err
		}
		if err := s.reload(ctx); err != nil {
			return err
		}
	}
}

// pass works on one operation.
func (s *slice) pass(ctx context.Context) (verdict, error) {
	kind := s.e.kinds[s.res.kind]
	if kind == nil {
		return parked, fmt.Errorf("this engine does not know the kind %q", s.res.kind)
	}
	s.situation = newSituation(kind, Resource{
		Kind: s.res.kind, UID: s.res.uid, Name: s.res.name, Tenant: s.res.tenant, Verb: s.res.verb,
		Generation: s.res.generation, Deleting: s.res.deleting,
	}, s.res.operation, s.e.rules(), s.e.now)
	if err := s.load(ctx); err != nil {
		return parked, err
	}
	ctx, err := onBehalf(resume(ctx, s.op.traceparent), s.op.orderedBy)
	if err != nil {
		return parked, err
	}
	ctx, span := s.e.tracer.Start(ctx, "provision.slice", trace.WithAttributes(
		attribute.String("lowlayer.resource", s.res.name), attribute.String("lowlayer.operation", s.op.id)))
	defer span.End()
	if s.op.cancel {
		return s.cancelled(ctx)
	}
	if err := s.prepare(ctx); err != nil {
		return s.stumble(ctx, stumblePlan, err)
	}
	if err := s.loop(ctx); err != nil {
		return parked, err
	}
	return s.conclude(ctx)
}

// loop starts what is ready and takes in what is finished, one commit for both, until nothing is under way.
func (s *slice) loop(ctx context.Context) error {
	for {
		if s.complete() {
			// The end is written with the last results.
			return nil
		}
		s.mindTime()
		var tasks []*task
		if s.stop == goOn {
			tasks = s.ready()
			for _, t := range tasks {
				s.intend(t)
			}
		}
		if err := s.commit(ctx); err != nil {
			return err
		}
		if s.stop != goOn {
			withdraw(tasks)
			tasks = nil
		}
		for _, t := range tasks {
			s.launch(ctx, t)
		}
		if more, err := s.await(ctx); err != nil || !more {
			return err
		}
	}
}

func (s *slice) mindTime() {
	switch {
	case s.stop != goOn:
	case s.e.draining.Load():
		s.stop = stopDraining
	case s.started && s.e.now().Sub(s.began) > s.e.cfg.Slice:
		s.stop = stopTime
	}
}

// shortWait is how long a slice waits inside the worker rather than to give it up and come back.
const shortWait = 250 * time.Millisecond

// await takes in results: at least one, and all that are there by then. False when nothing is under way or soon due.
func (s *slice) await(ctx context.Context) (bool, error) {
	due, waiting := s.nextDue()
	wait := due.Sub(s.e.now())
	if len(s.running) == 0 && (s.stop != goOn || !waiting || wait > shortWait) {
		return false, nil
	}
	var timer <-chan time.Time
	if waiting && s.stop == goOn {
		t := s.e.cfg.Clock.NewTimer(wait)
		defer t.Stop()
		timer = t.C()
	}
	select {
	case r := <-s.results:
		if err := s.receive(r); err != nil {
			return false, err
		}
	case <-timer:
		return true, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	for {
		select {
		case r := <-s.results:
			if err := s.receive(r); err != nil {
				return false, err
			}
		default:
			return true, nil
		}
	}
}

// receive takes a result, or ends the engine with the task that crashed.
func (s *slice) receive(r result) error {
	if r.crash != nil {
		s.e.die()
		return ErrCrashed
	}
	s.take(r)
	return nil
}

// nextDue is when the next waiting step is to be looked at. A step that was due at the last look and did not start
// waits for something else than time.
func (s *situation) nextDue() (time.Time, bool) {
	var due time.Time
	for _, r := range s.rows {
		if r.settled() || !s.waits(r) || s.busy(r) {
			continue
		}
		if due.IsZero() || r.retryAt.Before(due) {
			due = r.retryAt
		}
	}
	return due, !due.IsZero()
}

func (s *situation) busy(r *stepRow) bool {
	for _, t := range s.running {
		if t.row == r {
			return true
		}
	}
	return false
}

// idlePause is when a resource is looked at again that is not done and waits for nothing.
const idlePause = 5 * time.Second

// conclude ends the operation, or leaves the resource to whoever looks at it next.
func (s *slice) conclude(ctx context.Context) (verdict, error) {
	switch {
	case s.stop == stopSuperseded:
		return again, s.commit(ctx)
	case s.complete():
		return s.finished(ctx)
	case s.stop == stopCancelled:
		return s.cancelled(ctx)
	}
	wake := s.e.now()
	if s.stop == goOn {
		due, ok := s.nextDue()
		if !ok {
			// No plan leads here; looking again is better than to lie still.
			due = wake.Add(idlePause)
		}
		wake = due
	}
	return s.park(ctx, wake)
}

// park gives the lease back with all that is queued.
func (s *slice) park(ctx context.Context, wake time.Time) (verdict, error) {
	pause := max(wake.Sub(s.e.now()), 0)
	s.writes.Queue(release, s.res.uid, s.res.fence, s.res.wake, pause)
	if s.stop == stopDraining {
		s.writes.Queue(ringWork)
	}
	if err := s.commit(ctx); err != nil {
		return parked, err
	}
	s.e.ringIn(pause)
	return parked, nil
}

// abandon drops a slice that cannot write. Its results are found again by looking.
func (s *slice) abandon(ctx context.Context, err error) {
	switch {
	case errors.Is(err, ErrCrashed):
	case errors.Is(err, errLost):
		s.e.metrics.losses.Add(context.WithoutCancel(ctx), 1)
		s.log.WarnContext(ctx, "another worker took over the resource; this one stopped without writing")
	default:
		s.log.ErrorContext(ctx, "work was broken off and is taken up again by looking what is there", "error", err)
		s.e.giveBack(ctx, s.res, abandonPause)
	}
}

// die plays the end of the process for a Failpoint.
func (e *Engine) die() { e.crash.Do(func() { close(e.crashed) }) }

func (e *Engine) failpoint(p Point) {
	if e.cfg.Failpoint != nil {
		e.cfg.Failpoint(p)
	}
}
