package keycloak_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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

// TestClassify_notFoundOfAProxy_isUnavailable: a 404 that is not Keycloak's own says nothing about what was asked for.
func TestClassify_notFoundOfAProxy_isUnavailable(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token": "x", "expires_in": 60}`)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(proxy.Close)
	d := keycloak.New(keycloak.Config{URL: proxy.URL, Realm: "lowlayer", ClientID: "c", ClientSecret: "s"})
	t.Cleanup(d.Close)
	ctx := t.Context()
	_, seats := d.Seats(ctx, "tenants/acme")
	for what, err := range map[string]error{
		"seats": seats, "leave": d.Leave(ctx, "ada", "tenants/acme/owner"), "client": d.DeleteClient(ctx, "x"),
		"groups": d.RemoveGroup(ctx, "tenants/acme"), "person": d.DeletePerson(ctx, "ada"),
	} {
		if e, ok := errs.As(err); !ok || e.Reason != directory.ReasonUnavailable || !strings.Contains(e.Message, "KEYCLOAK_URL") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestErrors_addressesOfPeople_areLeftOut: what the log is told of a call that failed holds nobody's e-mail address.
func TestErrors_addressesOfPeople_areLeftOut(t *testing.T) {
	srv := simulator(t)
	d := keycloak.New(directorytest.Realm(t, srv.URL, "admin", "labpass"))
	t.Cleanup(d.Close)
	if _, err := d.PersonByEmail(t.Context(), "grace@lldir.test"); errs.CodeOf(err) != errs.CodeNotFound {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := d.PersonByEmail(ctx, "ada@lldir.test")
	if e, ok := errs.As(err); !ok || strings.Contains(errors.Unwrap(e).Error(), "ada") {
		t.Errorf("got %v", errors.Unwrap(e))
	}
}
