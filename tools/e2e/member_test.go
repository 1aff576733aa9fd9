package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/low-layer/platform/tools/identitysim/person"
	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/persona"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// people are those of a platform with the tenants acme and hooli, and the platform as each of them uses it.
type people struct {
	*stacktest.Platform

	operator, ada     *persona.Persona
	asOperator, asAda *stacktest.Platform
}

// Exit codes of the CLI.
const (
	exitNotFound = 3
	exitLogin    = 9
)

// TestMembers_peopleAndPrograms_haveTheirRoles has an operator, the owner of a tenant and a program log in and do what their roles give them.
func TestMembers_peopleAndPrograms_haveTheirRoles(t *testing.T) {
	w := &people{Platform: logins.use(t)}
	w.operator, w.asOperator = w.Meet(t, person.Person{Email: stack.OperatorEmail, Password: stack.Password})
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"who is not logged in is told how", w.nobody},
		{"an operator gives a role, with a second factor", w.invite},
		{"the owner sees her tenant only", w.sees},
		{"a deletion asks for a second factor", w.deletes},
		{"the owner manages members", w.manages},
		{"over REST with a token", w.rest},
		{"a program does what its role gives it", w.program},
		{"a logout ends a login", w.logout},
		{"a purged tenant leaves no members", w.purge},
	} {
		if !t.Run(part.name, part.run) {
			return // the parts build on one another
		}
	}
}

// refused runs what must be refused with a code and these words.
func refused(t *testing.T, p *stacktest.Platform, code int, words string, args ...string) {
	t.Helper()
	if r := p.Lowlayer(t, args...); r.Code != code || !strings.Contains(r.Err, words) {
		t.Errorf("lowlayer %s: %+v, want %d and %q", strings.Join(args, " "), r, code, words)
	}
}

func logIn(t *testing.T, who *persona.Persona, more ...string) {
	t.Helper()
	if err := who.LogIn(t.Context(), t.Output(), more...); err != nil {
		t.Fatal(err)
	}
}

func (w *people) nobody(t *testing.T) {
	for _, args := range [][]string{
		{"whoami"},
		{"token"},
		{"tenant", "list"},
		{"tree"},
		{"apply", "-f", "deploy/blueprints/startup.yaml"},
		{"vpc", "delete", "acme/core/dev", "--yes"},
		{"isolation", "report", "acme"},
		{"receipt", "keys"},
		{"operation", "list", "acme"},
	} {
		refused(t, w.asOperator, exitLogin, "`lowlayer login`", args...)
	}
}

func (w *people) invite(t *testing.T) {
	logIn(t, w.operator)
	w.asOperator.Must(t, "tenant", "create", "acme")
	w.asOperator.Must(t, "tenant", "create", "hooli")
	add := []string{"member", "add", "acme", "ada@acme.test", "--role", "owner"}
	refused(t, w.asOperator, exitLogin, "`lowlayer login --mfa`", add...)
	refused(t, w.asOperator, exitLogin, "STEP_UP_REQUIRED", add...)
	if out := w.asOperator.Must(t, append(add, "--plan")...); !strings.Contains(out, "Plan: add ada@acme.test to tenants/acme; nothing was changed") {
		t.Errorf("planned: %s", out)
	}
	logIn(t, w.operator, "--mfa")
	if out := w.asOperator.Must(t, "-o", "name", "member", "list", "acme"); out != "" {
		t.Errorf("the plan and what was refused made members: %s", out)
	}
	r := w.asOperator.Lowlayer(t, add...)
	first := persona.FirstPassword(r.Err)
	if r.Code != 0 || !strings.Contains(r.Out, "owner") || first == "" {
		t.Fatalf("added: %+v", r)
	}
	w.ada, w.asAda = w.Meet(t, person.Person{Email: "ada@acme.test", Password: first, NewPassword: "a better password"})
}

func (w *people) sees(t *testing.T) {
	logIn(t, w.ada)
	if out := w.asAda.Must(t, "tenant", "list", "-o", "name"); out != "tenants/acme\n" {
		t.Errorf("ada sees %s", out)
	}
	refused(t, w.asAda, exitNotFound, `there is no tenant "tenants/hooli"`, "tenant", "get", "hooli")
	refused(t, w.asAda, exitNotFound, `there is no tenant "tenants/nowhere"`, "tenant", "get", "nowhere")
	refused(t, w.asAda, exitLogin, "operator of the platform", "tenant", "create", "another")
	if out := w.asAda.Must(t, "whoami"); !strings.Contains(out, "ada@acme.test") || !strings.Contains(out, "/tenants/acme/owner") {
		t.Errorf("whoami: %s", out)
	}
}

func (w *people) deletes(t *testing.T) {
	w.asAda.Must(t, "organisation", "create", "acme/core", "--mode", "MUTUALIZED")
	w.asAda.Must(t, "vpc", "create", "acme/core/dev")
	refused(t, w.asAda, exitLogin, "`lowlayer login --mfa`", "vpc", "delete", "acme/core/dev", "--yes")
	refused(t, w.asAda, exitLogin, "STEP_UP_REQUIRED", "vpc", "delete", "acme/core/dev", "--yes")
	w.asAda.Must(t, "vpc", "delete", "acme/core/dev", "--plan") // changes nothing, so it needs none
	w.asAda.Must(t, "vpc", "get", "acme/core/dev")
	logIn(t, w.ada, "--mfa")
	w.asAda.Must(t, "vpc", "delete", "acme/core/dev", "--yes")
	refused(t, w.asAda, exitNotFound, "VPC_NOT_FOUND", "vpc", "get", "acme/core/dev")
}

func (w *people) manages(t *testing.T) {
	w.asAda.Must(t, "member", "add", "acme/core", "bob@acme.test", "--role", "viewer")
	w.asAda.Must(t, "member", "update", "acme/core", "bob@acme.test", "--role", "operator", "--plan")
	if out := w.asAda.Must(t, "member", "get", "acme/core", "bob@acme.test"); !strings.Contains(out, "viewer") {
		t.Errorf("a plan has changed bob: %s", out)
	}
	w.asAda.Must(t, "member", "update", "acme/core", "bob@acme.test", "--role", "operator")
	w.asAda.Must(t, "member", "remove", "acme/core", "bob@acme.test", "--plan")
	if out := w.asAda.Must(t, "member", "list", "acme/core"); !strings.Contains(out, "bob@acme.test") || !strings.Contains(out, "operator") {
		t.Errorf("members: %s", out)
	}
	w.asAda.Must(t, "member", "remove", "acme/core", "bob@acme.test", "--yes")
	if out := w.asAda.Must(t, "-o", "name", "member", "list", "acme/core"); out != "" {
		t.Errorf("members after the last has gone: %s", out)
	}
	refused(t, w.asAda, 6, "LAST_OWNER", "member", "remove", "acme", "ada@acme.test", "--yes")
	refused(t, w.asAda, exitNotFound, "tenants/hooli", "member", "add", "hooli", "ada@acme.test", "--role", "viewer")
}

func (w *people) rest(t *testing.T) {
	ada := w.WithToken(strings.TrimSpace(w.asAda.Must(t, "token")))
	status, _, made := ada.REST(t, http.MethodPost, "/v1/tenants/acme/members", `{"email":"cyd@acme.test","roles":["VIEWER"]}`)
	if status != http.StatusOK || made["initialPassword"] == "" {
		t.Fatalf("a member over REST: %d %v", status, made)
	}
	name, _ := made["name"].(string)
	status, header, read := ada.REST(t, http.MethodGet, "/v1/"+name, "")
	if status != http.StatusOK || read["initialPassword"] != "" || header.Get("ETag") == "" {
		t.Errorf("read: %d %v", status, read)
	}
	if status, _, _ := w.REST(t, http.MethodGet, "/v1/"+name, ""); status != http.StatusUnauthorized {
		t.Errorf("read without a token: %d", status)
	}
}

func (w *people) program(t *testing.T) {
	create := []string{"service-account", "create", "acme", "ci", "--role", "operator"}
	if out := w.asAda.Must(t, append(create, "--plan")...); !strings.Contains(out, "nothing was changed") {
		t.Errorf("planned: %s", out)
	}
	var account struct{ ClientID, Secret string }
	if err := json.Unmarshal([]byte(w.asAda.Must(t, append(create, "-o", "json")...)), &account); err != nil {
		t.Fatal(err)
	}
	ci := w.WithEnv("LOWLAYER_ISSUER="+w.Issuer(), "LOWLAYER_CLIENT_ID="+account.ClientID, "LOWLAYER_CLIENT_SECRET="+account.Secret)
	if out := ci.Must(t, "whoami"); !strings.Contains(out, account.ClientID) || !strings.Contains(out, "/tenants/acme/operator") {
		t.Errorf("whoami: %s", out)
	}
	ci.Must(t, "vpc", "create", "acme/core/built")
	refused(t, ci, exitLogin, "STEP_UP_REQUIRED", "vpc", "delete", "acme/core/built", "--yes") // a person's to do
	refused(t, ci, exitLogin, "PERMISSION_DENIED", "member", "list", "acme")
	refused(t, ci, exitNotFound, "TENANT_NOT_FOUND", "tenant", "get", "hooli")
}

func (w *people) logout(t *testing.T) {
	if r := w.asAda.Lowlayer(t, "logout"); r.Code != 0 || !strings.Contains(r.Err, "Logged out.") {
		t.Errorf("logout: %+v", r)
	}
	refused(t, w.asAda, exitLogin, "`lowlayer login`", "tenant", "list")
	refused(t, w.asAda, exitLogin, "`lowlayer login`", "whoami")
	w.asOperator.Must(t, "tenant", "get", "acme") // other logins stay
}

func (w *people) purge(t *testing.T) {
	w.asOperator.Must(t, "tenant", "delete", "acme", "--force", "--purge", "--yes")
	if out := w.asOperator.Must(t, "tenant", "create", "acme"); out == "" {
		t.Error("the id is not free")
	}
	if out := w.asOperator.Must(t, "-o", "name", "member", "list", "acme"); out != "" {
		t.Errorf("members of the tenant before: %s", out)
	}
}
