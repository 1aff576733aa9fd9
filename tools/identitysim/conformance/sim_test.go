package conformance_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/low-layer/platform/tools/identitysim/conformance"
	"github.com/low-layer/platform/tools/identitysim/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSimulator(t *testing.T) {
	srv, err := sim.Start(t.Context(), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	conformance.Run(t, conformance.Target{
		URL: srv.URL, AdminUser: "admin", AdminPassword: "labpass", HTTP: &http.Client{Transport: transport},
	})
}
