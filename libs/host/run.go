package host

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/pg"
)

const (
	readyPause = 2 * time.Second
	workPause  = time.Second
)

// part is work that lasts as long as the service.
type part struct {
	name string
	run  func(context.Context) error
}

// Part adds work that Run starts. It returns nil when its context ends; an error ends the service.
func (h *Host) Part(name string, run func(context.Context) error) {
	h.parts = append(h.parts, part{name, run})
}

// OnClose adds what Close does, last added first.
func (h *Host) OnClose(f func() error) { h.closers = append(h.closers, f) }

// Close ends every connection.
func (h *Host) Close() error {
	var all []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		all = append(all, h.closers[i]())
	}
	h.closers = nil
	return errors.Join(all...)
}

// Ready returns nil while the service takes calls.
func (h *Host) Ready() error { return h.Server.Ready() }

// Run serves and works until ctx ends, then drains. The first part that fails ends the others.
func (h *Host) Run(ctx context.Context) error {
	return runAll(ctx, append(h.standardParts(), h.parts...))
}

func runAll(ctx context.Context, parts []part) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var running sync.WaitGroup
	for _, p := range parts {
		running.Go(func() {
			if err := p.run(ctx); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("%s: %w", p.name, err))
			}
		})
	}
	running.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// work runs the engine once the database responds.
func (h *Host) work(ctx context.Context) error {
	for pg.Ready(ctx, h.Pool) != nil {
		if !pause(ctx, h.Clock, workPause) {
			return nil
		}
	}
	return h.Engine.Run(ctx)
}

// watchReadiness keeps readiness true to the database, without which the service does nothing. Redis, the cloud and peers may be
// away: reads go on, and accepted changes wait.
func (h *Host) watchReadiness(ctx context.Context) error {
	h.Server.SetReady("database", false)
	for {
		h.Server.SetReady("database", pg.Ready(ctx, h.Pool) == nil)
		if !pause(ctx, h.Clock, readyPause) {
			return nil
		}
	}
}

// Loop is one kind of pass, made again and again. A pass takes no arguments, bears repeating and may run in several replicas at
// once. A pass that fails is logged, and the next one tries again.
type Loop struct {
	Name  string
	Every time.Duration
	// Late skips the pass at the start of the service.
	Late bool
	// Pass does what is due and returns how much that was.
	Pass func(ctx context.Context) (int, error)
}

// Loop adds a loop that Run starts. Its interval is spread by a quarter, so that replicas do not pass at once.
func (h *Host) Loop(l Loop) {
	h.Part(l.Name, func(ctx context.Context) error {
		for waits := l.Late; ; waits = true {
			if waits && !pause(ctx, h.Clock, l.Every*3/4+rand.N(l.Every/2+1)) {
				return nil
			}
			h.pass(ctx, l)
		}
	})
}

func (h *Host) pass(ctx context.Context, l Loop) {
	done, err := l.Pass(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		h.Logger.WarnContext(ctx, "a periodic pass failed; the next one tries again", "loop", l.Name, "done", done, "error", err)
	case done > 0:
		h.Logger.InfoContext(ctx, "a periodic pass found work", "loop", l.Name, "done", done)
	}
}

// pause returns false when ctx ends first.
func pause(ctx context.Context, c clock.Clock, d time.Duration) bool {
	t := c.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C():
		return true
	}
}
