package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Cloud is one simulated OpenStack. It is safe for use by many goroutines.
type Cloud struct {
	opts Options

	mu      sync.RWMutex
	st      *state
	nextDue atomic.Int64 // unix nanoseconds of the next thing the clock will finish; 0: nothing

	faults *faultSet
	calls  *callLog
	mux    *http.ServeMux
	closed atomic.Bool
}

// New makes a cloud with an administrator, the standard roles and empty hypervisors.
func New(opts Options) *Cloud {
	c := &Cloud{
		opts:   opts.withDefaults(),
		faults: &faultSet{},
		calls:  &callLog{counts: map[callKey]int{}},
		mux:    http.NewServeMux(),
	}
	c.st = c.bootstrap()
	c.routes()
	return c
}

// Handler serves every API of the cloud under its path prefix, and /_sim.
func (c *Cloud) Handler() http.Handler { return c.mux }

// Close makes the cloud answer 503 to everything from now on.
func (c *Cloud) Close() { c.closed.Store(true) }

// Reset forgets every object, fault and recorded call.
func (c *Cloud) Reset() {
	c.mu.Lock()
	c.st = c.bootstrap()
	c.nextDue.Store(0)
	c.mu.Unlock()
	c.faults.clear()
	c.calls.clear()
}

func (c *Cloud) now() time.Time { return c.opts.Clock.Now() }

func (c *Cloud) bootstrap() *state {
	st := emptyState()
	now := c.now()
	c.bootstrapIdentity(st, now)
	c.bootstrapCompute(st, now)
	return st
}

const snapshotFormat = 1

type snapshot struct {
	Format int
	State  *state
}

// Snapshot writes the cloud as it stands. Tokens are part of it, so a client that holds
// one goes on after Restore.
func (c *Cloud) Snapshot(w io.Writer) error {
	c.mu.RLock()
	data, err := json.Marshal(snapshot{Format: snapshotFormat, State: c.st})
	c.mu.RUnlock()
	if err != nil {
		return fmt.Errorf("encode snapshot: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// Restore replaces everything by what Snapshot wrote.
func (c *Cloud) Restore(r io.Reader) error {
	snap := snapshot{State: emptyState()}
	if err := json.NewDecoder(r).Decode(&snap); err != nil {
		return fmt.Errorf("decode snapshot: %w", err)
	}
	if snap.Format != snapshotFormat {
		return fmt.Errorf("decode snapshot: format %d is not %d", snap.Format, snapshotFormat)
	}
	if len(snap.State.Roles) == 0 {
		return errors.New("decode snapshot: it holds no cloud")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.st = snap.State
	c.nextDue.Store(1) // look once at what came due meanwhile
	return nil
}
