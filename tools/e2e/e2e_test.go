// Package e2e_test runs the whole platform as the processes it is made of, and uses it by the CLI, over REST and over gRPC. The
// OpenStack is the simulator.
//
// Tests share platforms: those of one platform run one after the other, platforms run at the same time.
package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// atOnce lets all tests wait for their platforms: go test would let as many run as there are cores.
const atOnce = "64"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	for _, s := range []*sharedPlatform{&plain, &logins, &mortal} {
		if err := s.close(code != 0); err != nil {
			fmt.Fprintln(os.Stderr, "stop the platform:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// A sharedPlatform starts with its first test and ends with the process.
type sharedPlatform struct {
	turn sync.Mutex
	opts func(*testing.T) stack.Options
	p    *stacktest.Platform
	err  error
}

var (
	// plain has no identity: every caller may do everything.
	plain = sharedPlatform{opts: func(*testing.T) stack.Options {
		// The loops that look at the cloud stand still, so that a test can count the calls of reads.
		return stack.Options{Env: []string{
			"LOWLAYER_NETWORK_DRIFT_INTERVAL=24h", "LOWLAYER_NETWORK_ISOLATION_INTERVAL=0s", "LOWLAYER_TENANT_DRIFT_INTERVAL=24h", "LOWLAYER_TENANT_PERIODIC_INTERVAL=24h",
		}}
	}}
	// logins has the identity simulator, where people log in.
	logins = sharedPlatform{opts: func(*testing.T) stack.Options { return stack.Options{Identity: true} }}
	// mortal has services that die at failpoints and are given up soon.
	mortal = sharedPlatform{opts: func(t *testing.T) stack.Options {
		return stack.Options{
			Programs: map[string]string{"network": stacktest.WithFailpoints(t, "network"), "tenant": stacktest.WithFailpoints(t, "tenant")},
			Env: []string{
				"LOWLAYER_NETWORK_LEASE=1s", "LOWLAYER_NETWORK_SWEEP=200ms", "LOWLAYER_NETWORK_SETTLE=200ms",
				"LOWLAYER_TENANT_LEASE=1s", "LOWLAYER_TENANT_SWEEP=200ms", "LOWLAYER_TENANT_SETTLE=200ms",
			},
		}
	}}
	// alone is the turn of tests that need a platform of their own, one at a time.
	alone sync.Mutex
)

// use returns the platform when no other test uses it.
func (s *sharedPlatform) use(t *testing.T) *stacktest.Platform {
	t.Helper()
	turn(t, &s.turn)
	if s.p == nil && s.err == nil {
		s.p, s.err = stacktest.Launch(context.WithoutCancel(t.Context()), s.opts(t))
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.p
}

func (s *sharedPlatform) close(keep bool) error {
	if s.p == nil {
		return nil
	}
	if keep {
		fmt.Fprintln(os.Stderr, "logs are kept in", s.p.Dir())
	}
	return s.p.Close(keep)
}

// turn waits for the turn of a test among others that run in parallel.
func turn(t *testing.T, m *sync.Mutex) {
	t.Helper()
	t.Parallel()
	m.Lock()
	t.Cleanup(m.Unlock)
}

// platform is the plain one.
func platform(t *testing.T) *stacktest.Platform {
	t.Helper()
	return plain.use(t)
}

// purged removes a tenant when the test ends, so that the next test may take its name.
func purged(t *testing.T, p *stacktest.Platform, tenant string) {
	t.Helper()
	t.Cleanup(func() {
		if r := p.Lowlayer(t, "tenant", "get", tenant); r.Code == exitNotFound {
			return
		}
		p.Must(t, "tenant", "delete", tenant, "--yes", "--force", "--purge")
	})
}
