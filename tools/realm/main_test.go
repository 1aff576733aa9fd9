package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/realm"
	"github.com/low-layer/platform/tools/identitysim/sim"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const operator = "ops@lowlayer.test"

// keycloak is a simulated one with the realm in it.
type keycloak struct {
	t      *testing.T
	url    string
	client *http.Client
	token  string
}

func newKeycloak(t *testing.T) *keycloak {
	t.Helper()
	srv, err := sim.Start(t.Context(), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k := &keycloak{t: t, url: srv.URL, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := k.run(); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	k.call(http.MethodPost, "/realms/master/protocol/openid-connect/token", "application/x-www-form-urlencoded", url.Values{
		"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"admin"}, "password": {"labpass"},
	}.Encode(), &answer)
	k.token = answer.AccessToken
	return k
}

// run is the program.
func (k *keycloak) run(args ...string) error {
	env := map[string]string{
		"KEYCLOAK_ADMIN": "admin", "KEYCLOAK_ADMIN_PASSWORD": "labpass", "KEYCLOAK_TENANT_SECRET": "secret", "OPERATOR_PASSWORD": "correct horse battery",
	}
	return run(k.t.Context(), append([]string{"--url", k.url}, args...), func(name string) string { return env[name] })
}

func (k *keycloak) call(method, path, kind, body string, out any) {
	k.t.Helper()
	req, err := http.NewRequestWithContext(k.t.Context(), method, k.url+path, strings.NewReader(body))
	if err != nil {
		k.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", "Bearer "+k.token)
	resp, err := k.client.Do(req)
	if err != nil {
		k.t.Fatal(err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		k.t.Errorf("%s %s: %s", method, path, resp.Status)
	}
	if out != nil {
		err = json.NewDecoder(resp.Body).Decode(out)
	}
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		k.t.Fatal(err)
	}
}

func (k *keycloak) admin(method, path, body string, out any) {
	k.t.Helper()
	k.call(method, "/admin/realms/"+realm.Name+path, "application/json", body, out)
}

// account is the id of the operator's account, whether its e-mail is verified, and its groups.
func (k *keycloak) account() (id string, verified bool, groups []string) {
	k.t.Helper()
	var found []struct {
		ID            string
		EmailVerified bool
	}
	k.admin(http.MethodGet, "/users?exact=true&username="+operator, "", &found)
	if len(found) != 1 {
		k.t.Fatalf("%d accounts of %s", len(found), operator)
	}
	var in []struct{ Path string }
	k.admin(http.MethodGet, "/users/"+found[0].ID+"/groups", "", &in)
	for _, g := range in {
		groups = append(groups, g.Path)
	}
	return found[0].ID, found[0].EmailVerified, groups
}

// A caller who may invite members can make an account for the address of an operator who has none yet.
func TestRealm_foreignAccount_becomesNoOperator(t *testing.T) {
	k := newKeycloak(t)
	k.admin(http.MethodPost, "/users", `{"username":"`+operator+`","email":"`+operator+`","enabled":true}`, nil)
	err := k.run("--operator", operator)
	if err == nil || !strings.Contains(err.Error(), "was there before") || !strings.Contains(err.Error(), "verify its e-mail or remove the account") {
		t.Errorf("want a refusal that says what to do, got %v", err)
	}
	id, _, groups := k.account()
	if len(groups) > 0 {
		t.Fatalf("the account of another is in %v", groups)
	}
	k.admin(http.MethodPut, "/users/"+id, `{"emailVerified":true}`, nil)
	if err := k.run("--operator", operator); err != nil {
		t.Errorf("once it is verified: %v", err)
	}
	if _, _, groups := k.account(); !slices.Equal(groups, []string{"/platform/operator"}) {
		t.Errorf("the verified account is in %v", groups)
	}
}

func TestRealm_newOperator_isVerified(t *testing.T) {
	k := newKeycloak(t)
	for range 2 { // the second finds what the first made
		if err := k.run("--operator", operator); err != nil {
			t.Fatal(err)
		}
		if _, verified, groups := k.account(); !verified || !slices.Equal(groups, []string{"/platform/operator"}) {
			t.Errorf("verified %v, in %v", verified, groups)
		}
	}
}

func TestArguments(t *testing.T) {
	none := func(string) string { return "" }
	for _, args := range [][]string{{}, {"--colour"}, {"--url", "http://127.0.0.1:1", "extra"}} {
		if err := run(t.Context(), args, none); err == nil {
			t.Errorf("%q are taken", args)
		}
	}
}
