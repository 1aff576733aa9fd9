package sim

import (
	"context"
	"sync"
)

// gate holds calls until enough of them are there at once. It shows that a caller makes them side by side, whatever the
// pace of the machine: one that makes them one after the other never gets past the first.
type gate struct {
	mu    sync.Mutex
	short int // how many are still missing
	open  chan struct{}
}

func newGate(calls int) *gate {
	if calls == 0 {
		return nil
	}
	return &gate{short: calls, open: make(chan struct{})}
}

// pass waits for the others; false means that the caller went away.
func (g *gate) pass(ctx context.Context) bool {
	if g == nil {
		return true
	}
	g.count(-1)
	select {
	case <-g.open:
		return true
	case <-ctx.Done():
		g.count(1) // any caller who left does not count any more
		return false
	}
}

func (g *gate) count(by int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.short += by
	if g.short <= 0 {
		g.unlockHeld()
	}
}

// unlock lets everybody go, now and later.
func (g *gate) unlock() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unlockHeld()
}

func (g *gate) unlockHeld() {
	select {
	case <-g.open:
	default:
		close(g.open)
	}
}
