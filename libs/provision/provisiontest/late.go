package provisiontest

import (
	"context"
	"sync"
	"testing"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
)

// moment is when a call whose answer was lost is carried out after all.
type moment string

const (
	// afterLooks is when two looks found nothing, before the step is done again. A step without a look-up is done again at once.
	afterLooks  moment = "after the looks"
	afterRepeat moment = "after the repeat"
)

// lateness is a call that is carried out late.
type lateness struct {
	mu    sync.Mutex
	when  moment
	looks int
	lost  chan struct{}
	held  func(context.Context)
}

// carriedOutLate has the step's first call do nothing and lose its answer, and do its work at the moment.
func (l *life) carriedOutLate(step string, when moment) *lateness {
	late := &lateness{when: when, lost: make(chan struct{})}
	l.wrap(func(s *provision.Step) {
		if s.Name == step {
			s.Do = late.do(s.Do)
			s.Find = late.observe(s.Find)
			s.Verify = late.verify(s.Verify)
		}
	})
	return late
}

func (l *lateness) do(do func(context.Context, *provision.Run) (provision.External, error)) func(context.Context, *provision.Run) (provision.External, error) {
	return func(ctx context.Context, run *provision.Run) (provision.External, error) {
		if l.lose(func(ctx context.Context) { _, _ = do(ctx, run) }) {
			e := errs.New(errs.DeadlineExceeded, "CLOUD_TIMEOUT", "the answer got lost; it is tried again")
			e.Ambiguous = true
			return provision.External{}, e
		}
		if l.when == afterLooks {
			l.carryOut(ctx)
		}
		made, err := do(ctx, run)
		if l.when == afterRepeat {
			l.carryOut(ctx)
		}
		return made, err
	}
}

func (l *lateness) observe(observe func(context.Context, *provision.Run) ([]provision.External, error)) func(context.Context, *provision.Run) ([]provision.External, error) {
	if observe == nil {
		return nil
	}
	return func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		found, err := observe(ctx, run)
		l.mu.Lock()
		if err == nil && len(found) == 0 {
			l.looks++
		}
		due := l.looks >= 2 && l.when == afterLooks
		l.mu.Unlock()
		if due {
			l.carryOut(ctx)
		}
		return found, err
	}
}

// verify carries the call out for a step whose look-up always finds its object, so that it is never done again.
func (l *lateness) verify(verify func(context.Context, *provision.Run, provision.External) error) func(context.Context, *provision.Run, provision.External) error {
	if verify == nil {
		return nil
	}
	return func(ctx context.Context, run *provision.Run, x provision.External) error {
		l.carryOut(ctx)
		return verify(ctx, run, x)
	}
}

// lose keeps the first call for later.
func (l *lateness) lose(call func(context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.lost:
		return false
	default:
		l.held = call
		close(l.lost)
		return true
	}
}

func (l *lateness) carryOut(ctx context.Context) {
	l.mu.Lock()
	call := l.held
	l.held = nil
	l.mu.Unlock()
	if call != nil {
		call(ctx)
	}
}

// carriedOut is true when the call was lost and then carried out.
func (l *lateness) carriedOut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.lost:
		return l.held == nil
	default:
		return false
	}
}

// late has every step carried out long after its answer was lost and nothing was found of it.
func (s Suite) late(t *testing.T, o outline) {
	s.each(t, o.steps, func(t *testing.T, step string) {
		for _, when := range []moment{afterLooks, afterRepeat} {
			t.Run(string(when), func(t *testing.T) {
				t.Parallel()
				l := s.begin(t)
				late := l.carriedOutLate(step, when)
				l.through(o, nil)
				if !late.carriedOut() {
					t.Error("the late call was never carried out")
				}
			})
		}
		t.Run("deleted meanwhile", func(t *testing.T) {
			t.Parallel()
			l := s.begin(t)
			late := l.carriedOutLate(step, afterLooks)
			e, _ := l.engine()
			op := l.change(e, l.world.Create)
			select {
			case <-late.lost:
			case <-t.Context().Done():
				t.Fatalf("%s never came to the step", op.Verb)
			}
			l.end(e)
		})
	})
}
