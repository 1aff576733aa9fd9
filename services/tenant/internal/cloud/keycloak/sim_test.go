package keycloak_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/cloud/directorytest"
	"github.com/low-layer/platform/services/tenant/internal/cloud/keycloak"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
	"github.com/low-layer/platform/tools/identitysim/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func simulator(t *testing.T) *sim.Server {
	t.Helper()
	srv, err := sim.Start(t.Context(), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Errorf("close the simulator: %v", err)
		}
	})
	return srv
}

func TestSimulatorConforms(t *testing.T) {
	srv := simulator(t)
	directorytest.Run(t, directorytest.Realm(t, srv.URL, "admin", "labpass"))
}

// TestAway names what is away, and goes on when it is back.
func TestAway(t *testing.T) {
	srv := simulator(t)
	d := keycloak.New(directorytest.Realm(t, srv.URL, "admin", "labpass"))
	t.Cleanup(d.Close)
	srv.SetDown(true)
	_, err := d.PersonByEmail(t.Context(), "ada@lldir.test")
	if e, ok := errs.As(err); !ok || e.Code != errs.Unavailable || e.Reason != directory.ReasonUnavailable || e.Retry == 0 {
		t.Errorf("while it is away: %v", err)
	}
	srv.SetDown(false)
	if _, err := d.PersonByEmail(t.Context(), "ada@lldir.test"); errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("once it is back: %v", err)
	}
}
