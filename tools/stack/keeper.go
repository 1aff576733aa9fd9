package stack

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const keeperName = "keeper"

// keeper is the process that keeps the stack running, where one was started.
func (s *Stack) keeper() *process {
	return &process{name: keeperName, dir: filepath.Join(s.opts.Dir, "log"), env: os.Environ(), stop: syscall.SIGTERM, grace: serviceGrace}
}

// StartKeeper has a program call Keep in a process of its own, which Stop ends first. The one of before ends.
func (s *Stack) StartKeeper(ctx context.Context, program string, args ...string) error {
	if err := s.StopKeeper(ctx); err != nil {
		return err
	}
	k := s.keeper()
	k.path, k.args = program, args
	return k.start()
}

// StopKeeper has nothing be started again that ends from here on.
func (s *Stack) StopKeeper(ctx context.Context) error { return s.keeper().end(ctx) }

// Kept is true while a keeper runs.
func (s *Stack) Kept() bool {
	_, alive := s.keeper().pid()
	return alive
}

// Keep restarts every part that ended, until ctx ends or the stack's folder goes. A part that ends again soon waits
// longer each time, so that a broken part does not keep the machine busy. No other process may start parts meanwhile.
func (s *Stack) Keep(ctx context.Context, log *slog.Logger) {
	k := &keeping{log: log, look: 500 * time.Millisecond, first: 500 * time.Millisecond, longest: 30 * time.Second, calm: time.Minute}
	for _, p := range append(s.foundations(), s.services()...) {
		k.parts = append(k.parts, &keptPart{process: p.process})
	}
	k.run(ctx)
}

// keeping is the work of a keeper.
type keeping struct {
	parts []*keptPart
	log   *slog.Logger
	// look is how often parts are looked at, first and longest how long one that ended waits, calm how long it must run to wait
	// for the first time again.
	look, first, longest, calm time.Duration
}

// keptPart is one part and its next start.
type keptPart struct {
	*process
	// wait was the last pause before a start, due is when the next is, begun when the last was.
	wait       time.Duration
	due, begun time.Time
}

func (k *keeping) run(ctx context.Context) {
	tick := time.NewTicker(k.look)
	defer tick.Stop()
	for {
		for _, p := range k.parts {
			if _, err := os.Stat(p.dir); errors.Is(err, os.ErrNotExist) {
				k.log.WarnContext(ctx, "the folder of the stack is gone, so there is nothing to keep", "folder", p.dir)
				return
			}
			k.mind(ctx, p, time.Now())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// mind looks after one part.
func (k *keeping) mind(ctx context.Context, p *keptPart, now time.Time) {
	if _, alive := p.pid(); alive || ctx.Err() != nil {
		return
	}
	if p.due.IsZero() {
		p.wait = k.pause(p.wait, now.Sub(p.begun))
		p.due = now.Add(p.wait)
		k.log.WarnContext(ctx, "it ended and is started again", "program", p.name, "in", p.wait.String(), "log", p.logFile())
	}
	if now.Before(p.due) {
		return
	}
	p.due, p.begun = time.Time{}, now
	if err := p.start(); err != nil {
		k.log.ErrorContext(ctx, "it could not be started again", "program", p.name, "error", err)
		return
	}
	pid, _ := p.pid()
	k.log.InfoContext(ctx, "it is started again", "program", p.name, "pid", pid)
}

// pause is how long a part that ran so long waits, after it waited so long the last time.
func (k *keeping) pause(last, ran time.Duration) time.Duration {
	if last == 0 || ran >= k.calm {
		return k.first
	}
	return min(2*last, k.longest)
}
