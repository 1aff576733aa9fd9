// Package e2e_test runs the whole platform, as the processes it is made of, and uses it as people do: by the CLI, over REST
// and over gRPC. The OpenStack is the simulator.
package e2e_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

var shared struct {
	once sync.Once
	p    *stacktest.Platform
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.p != nil {
		if err := shared.p.Close(code != 0); err != nil {
			fmt.Fprintln(os.Stderr, "stop the platform:", err)
			code = 1
		}
		if code != 0 {
			fmt.Fprintln(os.Stderr, "logs are kept in", shared.p.Dir())
		}
	}
	os.Exit(code)
}

// platform is what most tests of this package share.
func platform(t *testing.T) *stacktest.Platform {
	t.Helper()
	shared.once.Do(func() {
		if shared.p, shared.err = stacktest.Open(stack.Options{}); shared.err == nil {
			shared.err = shared.p.Start(context.WithoutCancel(t.Context()))
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.p
}
