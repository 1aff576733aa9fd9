// Package conformance is the suite that the identity simulator and a real Keycloak both pass: what the platform relies on, and
// the traps it has to know. It makes a realm of its own and removes it at the end, so it may run beside others.
package conformance

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/realm"
	"github.com/low-layer/platform/tools/identitysim/person"
)

// Target is the provider to test.
type Target struct {
	URL                      string
	AdminUser, AdminPassword string
	HTTP                     *http.Client
}

const (
	tenantSecret = "conformance-secret"
	password     = "correct horse battery"
	otpSecret    = "SEEDEDSECRET12345678"
	// patience bounds what has to be waited for.
	patience = 30 * time.Second
)

// Run puts a provider through the suite.
func Run(t *testing.T, target Target) {
	t.Helper()
	e := &env{Target: target, name: "llconf-" + strings.ToLower(suffix()), t: t, root: &held{}}
	e.cfg = realm.Config{
		URL: target.URL, Realm: e.name, AdminUser: target.AdminUser, AdminPassword: target.AdminPassword, TenantSecret: tenantSecret,
		PollInterval: time.Second, HTTP: target.HTTP,
	}
	e.must("set up the realm", realm.Setup(e.ctx(), e.cfg))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := realm.Delete(ctx, e.cfg); err != nil {
			t.Errorf("remove the realm: %v", err)
		}
	})
	e.must("set up the realm again", realm.Setup(e.ctx(), e.cfg))
	e.prepare()
	for _, c := range []struct {
		name string
		run  func(*env)
	}{
		{"discovery and keys", checkDiscovery},
		{"claims of a person", checkPerson},
		{"claims of a service account", checkServiceAccount},
		{"refused credentials", checkRefused},
		{"logout", checkLogout},
		{"groups", checkGroups},
		{"users", checkUsers},
		{"clients", checkClients},
		{"least privilege", checkPrivilege},
		{"events", checkEvents},
		{"device flow", checkDevice},
		{"device flow without a proof", checkDevicePKCE},
		{"device flow with a second factor", checkDeviceOTP},
		{"first login with a temporary password", checkTemporary},
		{"step up", checkStepUp},
		{"login flow", checkFlow},
		{"rotation of keys", checkRotation},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(e.in(t)) })
	}
}

// env is one run.
type env struct {
	Target
	name string
	cfg  realm.Config
	t    *testing.T
	root *held
}

// held is a token in use, and since when.
type held struct {
	token string
	got   time.Time
}

func (e *env) in(t *testing.T) *env {
	t.Helper()
	sub := *e
	sub.t = t
	return &sub
}

func (e *env) ctx() context.Context { return e.t.Context() }

func (e *env) must(what string, err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatalf("%s: %v", what, err)
	}
}

func (e *env) check(ok bool, format string, args ...any) {
	e.t.Helper()
	if !ok {
		e.t.Errorf(format, args...)
	}
}

// prepare makes a client that may use passwords, which the platform's own may not.
func (e *env) prepare() {
	e.t.Helper()
	e.wants(http.StatusCreated, e.admin(http.MethodPost, "/clients", object{
		"clientId": "llconf-password", "publicClient": true, "directAccessGrantsEnabled": true, "standardFlowEnabled": false, "enabled": true,
	}))
}

// user makes a person and returns its id.
func (e *env) user(name string, change func(*realm.User)) (id, email string) {
	e.t.Helper()
	u := realm.User{Email: name + "@llconf.test", FirstName: "Otto", LastName: "Test", Password: password}
	if change != nil {
		change(&u)
	}
	id, err := realm.EnsureUser(e.ctx(), e.cfg, u)
	e.must("make user "+name, err)
	return id, u.Email
}

// pause waits for a moment that only the clock brings, such as the interval between two polls.
func (e *env) pause(d time.Duration) {
	e.t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.ctx().Done():
		e.t.Fatal(e.ctx().Err())
	}
}

// browser keeps cookies and stops at addresses that are not the provider's.
func (e *env) browser() *http.Client {
	e.t.Helper()
	b, err := person.Browser(e.URL, e.HTTP.Transport)
	e.must("make a browser", err)
	return b
}
