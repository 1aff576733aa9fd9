//go:build acceptance

package acceptance

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

// lab is the real cloud's clouds.yaml and the cloud in it.
func lab(t *testing.T) (file, cloud string) {
	t.Helper()
	file, cloud = os.Getenv("LOWLAYER_TEST_CLOUDS_FILE"), os.Getenv("LOWLAYER_TEST_CLOUD")
	if file == "" || cloud == "" {
		t.Fatal("there is no cloud to test on: run `make acceptance`, or set LOWLAYER_TEST_CLOUDS_FILE and LOWLAYER_TEST_CLOUD")
	}
	return file, cloud
}

// platform runs on the real cloud; the tests of this package share it.
func platform(t *testing.T) *stacktest.Platform {
	t.Helper()
	shared.once.Do(func() {
		file, cloud := lab(t)
		opts := stack.Options{
			CloudsFile: file, Cloud: cloud,
			Programs: map[string]string{"network": stacktest.WithFailpoints(t, "network")},
			// The breach that a test makes by hand must stay until the test has seen it: drift is proven elsewhere.
			Env: []string{"LOWLAYER_NETWORK_DRIFT_INTERVAL=1h"},
		}
		if shared.p, shared.err = stacktest.Open(opts); shared.err == nil {
			shared.err = shared.p.Start(context.WithoutCancel(t.Context()))
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.p
}
