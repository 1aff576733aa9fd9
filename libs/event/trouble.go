package event

import (
	"context"
	"log/slog"
)

// trouble logs the beginning and the end of a disturbance, not each second of it.
type trouble struct {
	logger       *slog.Logger
	begins, over string
	on           bool
}

func newTrouble(logger *slog.Logger, begins, over string) *trouble {
	return &trouble{logger: logger, begins: begins, over: over}
}

func (t *trouble) note(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil: // we are being stopped, and every error comes from that
	case err != nil && !t.on:
		t.on = true
		t.logger.WarnContext(ctx, t.begins, "error", err)
	case err == nil && t.on:
		t.on = false
		t.logger.InfoContext(ctx, t.over)
	}
}
