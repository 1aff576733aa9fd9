//go:build chaos

package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// monkey disturbs a platform.
type monkey struct {
	t      testing.TB
	p      *stacktest.Platform
	random *rand.Rand
	// deeds counts what it did, by kind.
	deeds map[string]int
}

// within waits a random time of at most so long, or until ctx ends.
func (m *monkey) within(ctx context.Context, most time.Duration) {
	timer := time.NewTimer(time.Duration(m.random.Int64N(int64(most))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// rage disturbs until stop ends, and leaves everything running and telling the truth.
func (m *monkey) rage(ctx, stop context.Context) error {
	for stop.Err() == nil {
		m.within(stop, 2*time.Second)
		if err := m.deed(ctx, stop); err != nil {
			return err
		}
	}
	return m.heal(ctx)
}

func (m *monkey) deed(ctx, stop context.Context) error {
	ours := registry.Names(registry.All())
	victim := ours[m.random.IntN(len(ours))]
	switch n := m.random.IntN(100); {
	case n < 45:
		return m.kill(ctx, stop, victim)
	case n < 55:
		return m.kill(ctx, stop, registry.Names(registry.Public())...)
	case n < 65:
		return m.hold(stop, victim)
	case n < 72:
		return m.kill(ctx, stop, "redis")
	case n < 79:
		return m.kill(ctx, stop, "postgres")
	case n < 85:
		return m.lie(ctx, "answers lost", map[string]any{"method": "POST|PUT|DELETE", "executed": true, "status": http.StatusGatewayTimeout, "count": 1 + m.random.IntN(5)})
	case n < 90:
		return m.lie(ctx, "connections cut", map[string]any{"drop": true, "count": 1 + m.random.IntN(5)})
	case n < 95:
		return m.lie(ctx, "errors", map[string]any{"status": http.StatusServiceUnavailable, "count": 1 + m.random.IntN(10)})
	default:
		return m.lie(ctx, "old lists", map[string]any{"method": http.MethodGet, "stale": "2s", "count": 1 + m.random.IntN(10)})
	}
}

// kill ends parts as a crash does, and starts them again a moment later.
func (m *monkey) kill(ctx, stop context.Context, parts ...string) error {
	var all []error
	for _, part := range parts {
		m.deeds["killed "+part]++
		all = append(all, m.p.Kill(ctx, part))
	}
	m.within(stop, time.Second)
	for _, part := range parts {
		all = append(all, m.revive(ctx, part))
	}
	return errors.Join(all...)
}

// revive starts a part. A database may need more than one try: its former processes end on their own.
func (m *monkey) revive(ctx context.Context, part string) error {
	var err error
	for range 20 {
		if err = m.p.Restart(ctx, part); err == nil {
			return nil
		}
		m.within(ctx, 500*time.Millisecond)
	}
	return fmt.Errorf("start %s again: %w", part, err)
}

// hold stops a service in the middle of whatever it does, for longer than its leases last, and lets it go on.
func (m *monkey) hold(stop context.Context, part string) error {
	m.deeds["held "+part]++
	if err := m.p.Signal(part, syscall.SIGSTOP); err != nil {
		return err
	}
	m.within(stop, 3*time.Second)
	return m.p.Signal(part, syscall.SIGCONT)
}

func (m *monkey) lie(ctx context.Context, kind string, fault map[string]any) error {
	m.deeds[kind]++
	if method, _ := fault["method"].(string); len(method) > 0 && method != http.MethodGet { // a fault is of one method
		fault["method"] = []string{http.MethodPost, http.MethodPut, http.MethodDelete}[m.random.IntN(3)]
	}
	body, err := json.Marshal(fault)
	if err != nil {
		return err
	}
	return m.simulator(ctx, http.MethodPost, body)
}

func (m *monkey) simulator(ctx context.Context, method string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+m.p.Addresses().Simulator+"/_sim/faults", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("the simulator answers %s to a fault %s", resp.Status, body) //nolint:err113 // for the test's log
	}
	return errors.Join(err, resp.Body.Close())
}

// heal has everything run again.
func (m *monkey) heal(ctx context.Context) error {
	err := m.simulator(ctx, http.MethodDelete, nil)
	for part, runs := range m.p.Running() {
		if !runs {
			err = errors.Join(err, fmt.Errorf("%s ended by itself; its log: %s", part, m.p.Log(part))) //nolint:err113 // for the test's log
		}
	}
	return err
}
