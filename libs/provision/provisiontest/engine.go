package provisiontest

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/provision"
)

// Times of an engine under test: as short as a busy machine lets them be.
const (
	sweep = 50 * time.Millisecond
	pace  = 0.01
)

// engine starts one that runs until stopped is called, or until the world's kill says so.
func (l *life) engine() (e *provision.Engine, stop func() error) {
	l.t.Helper()
	var dead atomic.Bool
	signer := l.receipts()
	e, err := provision.New(provision.Config{
		Service: l.world.Service, Pool: l.world.Pool, Kinds: l.world.Kinds, StepContext: l.world.StepContext,
		Sweep: sweep, Settle: l.suite.Settle, Pace: pace, Workers: 4, Receipts: signer,
		Logger: slog.New(slog.NewTextHandler(testWriter{l.t}, &slog.HandlerOptions{Level: slog.LevelError})),
		Failpoint: func(p provision.Point) {
			// A dead process does nothing more, so only the first death counts.
			if dead.Load() || (l.kill != nil && l.kill(p)) {
				dead.Store(true)
				panic(provision.Crash{Point: p})
			}
		},
	})
	if err != nil {
		l.t.Fatalf("build engine: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	l.t.Cleanup(func() {
		if err := stop(); err != nil && !errors.Is(err, provision.ErrCrashed) {
			l.t.Errorf("engine: %v", err)
		}
	})
	return e, stop
}

// dies waits for an engine's death at a failpoint; false when it ended its work without coming by.
func (l *life) dies(e *provision.Engine, op *provision.Operation, died <-chan struct{}) bool {
	l.t.Helper()
	ctx, cancel := context.WithCancel(l.t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			got, err := e.Wait(ctx, op.Tenant, op.ID, l.suite.Patience)
			if err != nil || got.Done() {
				return
			}
		}
	}()
	defer func() { cancel(); <-done }()
	select {
	case <-died:
		return true
	case <-done:
		select {
		case <-died:
			return true
		default:
			return false
		}
	case <-time.After(l.suite.Patience):
		l.t.Fatalf("%s neither ended nor came to the point of death", op.Verb)
		return false
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	// A log line may come after the test's end, when a step was cut off.
	defer func() { _ = recover() }()
	w.t.Log(string(p))
	return len(p), nil
}
