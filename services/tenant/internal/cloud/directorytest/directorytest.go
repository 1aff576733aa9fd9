// Package directorytest is the conformance suite of core/directory: what every implementation must do, whether the simulator
// or a real Keycloak is behind it. It makes a realm of its own and removes it.
package directorytest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/realm"
	"github.com/low-layer/platform/services/tenant/internal/cloud/keycloak"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
)

const secret = "directory-secret"

// Realm makes a realm at a Keycloak or simulator, and returns the settings of the tenant service for it.
func Realm(t *testing.T, base, admin, password string) keycloak.Config {
	t.Helper()
	transport := &http.Transport{}
	cfg := realm.Config{
		URL: base, Realm: "lldir-" + ids.New("r")[2:], AdminUser: admin, AdminPassword: password, TenantSecret: secret,
		HTTP: &http.Client{Transport: transport},
	}
	if err := realm.Setup(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := realm.Delete(context.WithoutCancel(t.Context()), cfg); err != nil {
			t.Errorf("remove the realm: %v", err)
		}
		transport.CloseIdleConnections()
	})
	return keycloak.Config{URL: base, Realm: cfg.Realm, ClientID: realm.TenantClient, ClientSecret: secret}
}

// Login reports whether a client's secret is accepted.
func Login(t *testing.T, cfg keycloak.Config, clientID, clientSecret string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, realm.Issuer(cfg.URL, cfg.Realm)+"/protocol/openid-connect/token",
		strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {clientSecret}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode == http.StatusOK
}

// Run puts a directory through the suite.
func Run(t *testing.T, cfg keycloak.Config) {
	t.Helper()
	d := keycloak.New(cfg)
	t.Cleanup(d.Close)
	later := cfg
	later.Clock = clock.NewFake(time.Now().Add(time.Hour))
	old := keycloak.New(later)
	t.Cleanup(old.Close)
	t.Run("people", func(t *testing.T) { people(t, d, old) })
	t.Run("groups", func(t *testing.T) { groups(t, d) })
	t.Run("clients", func(t *testing.T) { clients(t, d, cfg) })
	t.Run("refused", func(t *testing.T) {
		bad := cfg
		bad.ClientSecret = "wrong"
		b := keycloak.New(bad)
		t.Cleanup(b.Close)
		_, err := b.Seats(t.Context(), "tenants")
		is(t, "a wrong secret", err, errs.FailedPrecondition)
	})
	// Were it taken for an absence, everybody's roles would count as gone.
	t.Run("no such realm", func(t *testing.T) {
		nowhere := cfg
		nowhere.Realm = "lldir-nowhere"
		n := keycloak.New(nowhere)
		t.Cleanup(n.Close)
		_, err := n.Seats(t.Context(), "tenants")
		is(t, "the groups of a realm that is not there", err, errs.Unavailable)
		is(t, "the end of a client there", n.DeleteClient(t.Context(), "none"), errs.Unavailable)
	})
}

func is(t *testing.T, what string, err error, code errs.Code) {
	t.Helper()
	if errs.CodeOf(err) != code {
		t.Errorf("%s: %v, want code %d", what, err, code)
	}
}

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func person(t *testing.T, d usecase.Directory, name string) directory.Person {
	t.Helper()
	p, fresh, err := d.CreatePerson(t.Context(), directory.Person{Email: name + "@lldir.test", Name: "Ada Byron King"})
	ok(t, "make a person", err)
	if !fresh || p.ID == "" {
		t.Fatalf("made %+v, fresh %t", p, fresh)
	}
	return p
}

// people takes two directories of the same realm: one is an hour ahead.
func people(t *testing.T, d, later usecase.Directory) {
	ctx := t.Context()
	_, err := d.PersonByEmail(ctx, "ada@lldir.test")
	is(t, "an absent person", err, errs.CodeNotFound)
	p := person(t, d, "ada")
	again, fresh, err := d.CreatePerson(ctx, directory.Person{Email: "ada@lldir.test", Name: "Other"})
	ok(t, "make them again", err)
	if fresh || again.ID != p.ID {
		t.Errorf("made again: %+v, fresh %t", again, fresh)
	}
	got, err := d.PersonByEmail(ctx, "ADA@lldir.test")
	ok(t, "find them", err)
	if got.ID != p.ID || got.Email != "ada@lldir.test" || got.Name != "Ada Byron King" {
		t.Errorf("found %+v", got)
	}
	for _, x := range []struct {
		usecase.Directory
		want bool
	}{{d, false}, {later, true}} {
		if got, err := x.Abandoned(ctx, p.ID); err != nil || got != x.want {
			t.Errorf("not invited yet: abandoned %t, %v, want %t", got, err, x.want)
		}
	}
	password, err := d.Invite(ctx, p.ID)
	ok(t, "invite them", err)
	if len(password) < 12 {
		t.Errorf("the first password is %q", password)
	}
	if got, err := later.Abandoned(ctx, p.ID); err != nil || got {
		t.Errorf("invited: abandoned %t, %v", got, err)
	}
	for range 2 {
		ok(t, "end the account", d.DeletePerson(ctx, p.ID))
	}
	_, err = d.PersonByEmail(ctx, "ada@lldir.test")
	is(t, "a person that is gone", err, errs.CodeNotFound)
}

func groups(t *testing.T, d usecase.Directory) {
	ctx := t.Context()
	p := person(t, d, "grace")
	owner, vpc := "tenants/acme/owner", "tenants/acme/organisations/core/vpcs/dev/viewer"
	for range 2 {
		ok(t, "join", d.Join(ctx, p.ID, owner))
		ok(t, "join", d.Join(ctx, p.ID, vpc))
	}
	seats, err := d.Seats(ctx, "tenants/acme")
	ok(t, "read the seats", err)
	var found []string
	for _, s := range seats {
		if s.ID != p.ID || s.Email != "grace@lldir.test" || s.Program {
			t.Errorf("seat %+v", s)
		}
		found = append(found, s.Group)
	}
	slices.Sort(found)
	if !slices.Equal(found, []string{vpc, owner}) {
		t.Errorf("groups %v", found)
	}
	for range 2 {
		ok(t, "leave", d.Leave(ctx, p.ID, owner))
	}
	ok(t, "leave a group that is not there", d.Leave(ctx, p.ID, "tenants/none/owner"))
	for range 2 {
		ok(t, "remove the groups", d.RemoveGroup(ctx, "tenants/acme/organisations/core"))
	}
	seats, err = d.Seats(ctx, "tenants/acme")
	if err != nil || len(seats) != 0 {
		t.Errorf("seats %v, %v", seats, err)
	}
	seats, err = d.Seats(ctx, "tenants/none")
	if err != nil || len(seats) != 0 {
		t.Errorf("seats of nothing %v, %v", seats, err)
	}
	is(t, "a person who is not there joins", d.Join(ctx, "00000000-0000-0000-0000-000000000000", owner), errs.CodeNotFound)
}

func clients(t *testing.T, d usecase.Directory, cfg keycloak.Config) {
	ctx := t.Context()
	before := time.Now().Add(-time.Minute)
	c, err := d.EnsureClient(ctx, "ll-sac_test", "tenants/acme/serviceAccounts/ci")
	ok(t, "make a client", err)
	again, err := d.EnsureClient(ctx, "ll-sac_test", "x")
	ok(t, "make it again", err)
	if again != c || c.Subject == "" || !c.Enabled {
		t.Errorf("made %+v, then %+v", c, again)
	}
	first, err := d.RenewSecret(ctx, c.ID)
	ok(t, "make a secret", err)
	second, err := d.RenewSecret(ctx, c.ID)
	ok(t, "make another", err)
	if first == second || Login(t, cfg, c.ClientID, first) || !Login(t, cfg, c.ClientID, second) {
		t.Errorf("the secrets do not follow one another")
	}
	ok(t, "join", d.Join(ctx, c.Subject, "tenants/prog/viewer"))
	seats, err := d.Seats(ctx, "tenants/prog")
	if err != nil || len(seats) != 1 || !seats[0].Program {
		t.Errorf("seats %+v, %v", seats, err)
	}
	// A name proves nothing: this person has that of a program.
	ada := person(t, d, "service-account-ada")
	ok(t, "join", d.Join(ctx, ada.ID, "tenants/human/owner"))
	seats, err = d.Seats(ctx, "tenants/human")
	if err != nil || len(seats) != 1 || seats[0].Program {
		t.Errorf("seats of a person with the name of a program: %+v, %v", seats, err)
	}
	logins, err := d.ClientLogins(ctx, before)
	ok(t, "read the logins", err)
	if at := logins[c.ClientID]; at.Before(before) {
		t.Errorf("the last login is %v", at)
	}
	ok(t, "shut it", d.EnableClient(ctx, c.ID, false))
	if Login(t, cfg, c.ClientID, second) {
		t.Error("a shut client logs in")
	}
	ok(t, "open it", d.EnableClient(ctx, c.ID, true))
	if !Login(t, cfg, c.ClientID, second) {
		t.Error("an open client does not log in")
	}
	for range 2 {
		ok(t, "end it", d.DeleteClient(ctx, c.ID))
	}
	is(t, "a client that is gone", d.EnableClient(ctx, c.ID, true), errs.CodeNotFound)
}
