// Package reconcile is what the service does without being asked: it looks after deadlines (purges, credentials) and
// after what people change in Keystone by hand.
//
// It promises that a pass takes no arguments, bears repeating and may run in several replicas at once. A pass that fails
// is logged and taken up again at the next turn; nothing a pass does can stop the service.
package reconcile

import (
	"context"
	"log/slog"
	"time"

	"github.com/low-layer/platform/libs/clock"
)

// Loop runs one kind of pass for ever.
type Loop struct {
	Name   string
	Every  time.Duration
	Clock  clock.Clock
	Logger *slog.Logger
	// Pass does what is to be done now and answers how much that was.
	Pass func(ctx context.Context) (int, error)
}

// Run makes a pass at once and then at every turn, until ctx ends.
func (l Loop) Run(ctx context.Context) {
	for {
		l.once(ctx)
		timer := l.Clock.NewTimer(l.Every)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
}

func (l Loop) once(ctx context.Context) {
	done, err := l.Pass(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		l.Logger.WarnContext(ctx, "a periodic pass failed and is taken up again", "loop", l.Name, "done", done, "error", err)
	case done > 0:
		l.Logger.InfoContext(ctx, "a periodic pass found work", "loop", l.Name, "done", done)
	}
}
