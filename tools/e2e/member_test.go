package e2e_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// TestMembersAndServiceAccounts gives people and a program roles by CLI and REST, and finds them in a token.
func TestMembersAndServiceAccounts(t *testing.T) {
	p := stacktest.Start(t, stack.Options{Identity: true, Env: []string{"LOWLAYER_GATEWAY_ISSUER=", "LOWLAYER_TENANT_ISSUER=", "LOWLAYER_NETWORK_ISSUER="}, Users: []string{"ada@acme.test"}})
	p.Must(t, "tenant", "create", "acme")
	if out := p.Must(t, "member", "add", "acme", "ada@acme.test", "--role", "owner"); !strings.Contains(out, "owner") {
		t.Errorf("added: %s", out)
	}
	status, _, made := p.REST(t, http.MethodPost, "/v1/tenants/acme/members", `{"email":"bob@acme.test","roles":["VIEWER"]}`)
	if status != http.StatusOK || made["initialPassword"] == "" {
		t.Fatalf("a member over REST: %d %v", status, made)
	}
	name, _ := made["name"].(string)
	status, header, read := p.REST(t, http.MethodGet, "/v1/"+name, "")
	if status != http.StatusOK || read["initialPassword"] != "" || header.Get("ETag") == "" {
		t.Errorf("read: %d %v", status, read)
	}
	if r := p.Lowlayer(t, "member", "remove", "acme", "ada@acme.test", "--yes"); r.Code == 0 || !strings.Contains(r.Err, "LAST_OWNER") {
		t.Errorf("the last owner went: %+v", r)
	}

	var account struct{ ClientID, Secret string }
	if err := json.Unmarshal([]byte(p.Must(t, "-o", "json", "service-account", "create", "acme", "ci", "--role", "operator")), &account); err != nil {
		t.Fatal(err)
	}
	token := clientToken(t, p.Issuer(), account.ClientID, account.Secret)
	t.Setenv("LOWLAYER_TOKEN", token)
	if out := p.Must(t, "whoami"); !strings.Contains(out, account.ClientID) || !strings.Contains(out, "/tenants/acme/operator") {
		t.Errorf("whoami: %s", out)
	}
	p.Must(t, "tenant", "delete", "acme", "--purge", "--yes")
	if out := p.Must(t, "tenant", "create", "acme"); out == "" {
		t.Error("the id is not free")
	}
	if out := p.Must(t, "-o", "name", "member", "list", "acme"); out != "" {
		t.Errorf("members of the tenant before: %s", out)
	}
}

// clientToken is what a program does with a service account.
func clientToken(t *testing.T, issuer, id, secret string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer+"/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := errors.Join(json.NewDecoder(resp.Body).Decode(&answer), resp.Body.Close()); err != nil || answer.Token == "" {
		t.Fatalf("log the service account in: %s, %v", resp.Status, err)
	}
	return answer.Token
}
