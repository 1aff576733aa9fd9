package provisiontest

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
)

// wrap lets a fault change every step of the kind's plans.
func (l *life) wrap(change func(*provision.Step)) { l.intercept(change, nil) }

// fails has the step answer an error instead of doing anything, the first n times; for ever when n is negative.
func (l *life) fails(step string, n int64, fault func() error) *atomic.Int64 {
	left := &atomic.Int64{}
	left.Store(n)
	l.wrap(func(s *provision.Step) {
		if s.Name != step {
			return
		}
		do := s.Do
		s.Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
			if left.Load() < 0 || left.Add(-1) >= 0 {
				return provision.External{}, fault()
			}
			left.Store(0)
			return do(ctx, run)
		}
	})
	return left
}

// losesAnswer has the step do its work and lose the answer, once, and hides what it made from as many looks as told.
func (l *life) losesAnswer(step string, blind int) *atomic.Bool {
	lost := &atomic.Bool{}
	var mu sync.Mutex
	l.wrap(func(s *provision.Step) {
		if s.Name != step {
			return
		}
		do, observe := s.Do, s.Find
		s.Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
			made, err := do(ctx, run)
			if err == nil && lost.CompareAndSwap(false, true) {
				e := errs.New(errs.DeadlineExceeded, "CLOUD_TIMEOUT", "the answer got lost; it is tried again")
				e.Ambiguous = true
				return provision.External{}, e
			}
			return made, err
		}
		if observe == nil {
			return
		}
		s.Find = func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
			mu.Lock()
			hidden := lost.Load() && blind > 0
			if hidden {
				blind--
			}
			mu.Unlock()
			if hidden {
				return nil, nil
			}
			return observe(ctx, run)
		}
	})
	return lost
}

// removesTwice has every object asked to go twice in a row.
func (l *life) removesTwice() {
	l.intercept(nil, func(o *provision.Object) {
		end := o.Delete
		o.Delete = func(ctx context.Context, run *provision.Run, x provision.External) error {
			if err := end(ctx, run, x); err != nil {
				return err
			}
			return end(ctx, run, x)
		}
	})
}

func unavailable() error {
	return errs.New(errs.Unavailable, "CLOUD_UNAVAILABLE", "the cloud does not answer; it is tried again")
}

func overQuota() error {
	return errs.New(errs.ResourceExhausted, "CLOUD_QUOTA_EXCEEDED", "the quota is used up; raise it")
}

func panics() error { panic("a defect in the step") }
