package sim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/applicationcredentials"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/catalog"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/domains"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/endpoints"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/regions"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/roles"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/services"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/users"

	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// tenant is a domain with a project and a user who is member of it.
type tenant struct {
	*clients
	domainID, projectID, userID, password string
}

func (l *lab) roleID(name string) string {
	l.t.Helper()
	pages, err := roles.List(l.admin.identity, roles.ListOpts{Name: name}).AllPages(l.t.Context())
	must(l.t, err)
	found, err := roles.ExtractRoles(pages)
	must(l.t, err)
	if len(found) != 1 {
		l.t.Fatalf("role %s: found %d", name, len(found))
	}
	return found[0].ID
}

func (l *lab) tenant(name string) *tenant {
	l.t.Helper()
	ctx, id := l.t.Context(), l.admin.identity
	d, err := domains.Create(ctx, id, domains.CreateOpts{Name: name}).Extract()
	must(l.t, err)
	pr, err := projects.Create(ctx, id, projects.CreateOpts{Name: "org-" + name, DomainID: d.ID}).Extract()
	must(l.t, err)
	t := &tenant{domainID: d.ID, projectID: pr.ID, password: "pw-" + name}
	u, err := users.Create(ctx, id, users.CreateOpts{
		Name: "op-" + name, DomainID: d.ID, Password: t.password, DefaultProjectID: pr.ID,
	}).Extract()
	must(l.t, err)
	t.userID = u.ID
	must(l.t, roles.Assign(ctx, id, l.roleID("member"), roles.AssignOpts{UserID: u.ID, ProjectID: pr.ID}).ExtractErr())
	t.clients = l.login(t.auth())
	return t
}

func (tn *tenant) auth() gophercloud.AuthOptions {
	return gophercloud.AuthOptions{UserID: tn.userID, Password: tn.password, TenantID: tn.projectID}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantStatus checks the status of an error and that its body says what is expected.
func wantStatus(t testing.TB, err error, status int, text string) {
	t.Helper()
	if !gophercloud.ResponseCodeIs(err, status) {
		t.Fatalf("want status %d, got: %v", status, err)
	}
	if !strings.Contains(err.Error(), text) {
		t.Fatalf("want %q in: %v", text, err)
	}
}

func TestDomainLifeCycle(t *testing.T) {
	l := start(t, sim.Options{})
	ctx, id := t.Context(), l.admin.identity
	d, err := domains.Create(ctx, id, domains.CreateOpts{Name: "acme", Description: "first"}).Extract()
	must(t, err)
	_, err = domains.Create(ctx, id, domains.CreateOpts{Name: "acme"}).Extract()
	wantStatus(t, err, http.StatusConflict, `two projects acting as domains with the same name: acme`)
	wantStatus(t, domains.Delete(ctx, id, d.ID).ExtractErr(), http.StatusForbidden,
		"Cannot delete a domain that is enabled, please disable it first.")
	got, err := domains.Update(ctx, id, d.ID, domains.UpdateOpts{Name: "acme2", Enabled: p(false)}).Extract()
	must(t, err)
	if got.Name != "acme2" || got.Enabled || got.Description != "first" {
		t.Fatalf("updated domain: %+v", got)
	}
	pages, err := domains.List(id, domains.ListOpts{Name: "acme2"}).AllPages(ctx)
	must(t, err)
	list, err := domains.ExtractDomains(pages)
	must(t, err)
	if len(list) != 1 || list[0].ID != d.ID {
		t.Fatalf("listed domains: %+v", list)
	}
	must(t, domains.Delete(ctx, id, d.ID).ExtractErr())
	_, err = domains.Get(ctx, id, d.ID).Extract()
	wantStatus(t, err, http.StatusNotFound, "Could not find domain: "+d.ID)
}

func TestKeystone_deletedDomain_losesItsContent(t *testing.T) {
	l := start(t, sim.Options{})
	ctx, id := t.Context(), l.admin.identity
	tn := l.tenant("acme")
	_, err := domains.Update(ctx, id, tn.domainID, domains.UpdateOpts{Enabled: p(false)}).Extract()
	must(t, err)
	must(t, domains.Delete(ctx, id, tn.domainID).ExtractErr())
	_, err = projects.Get(ctx, id, tn.projectID).Extract()
	wantStatus(t, err, http.StatusNotFound, "Could not find project")
	_, err = users.Get(ctx, id, tn.userID).Extract()
	wantStatus(t, err, http.StatusNotFound, "Could not find user")
	pages, err := roles.ListAssignments(id, roles.ListAssignmentsOpts{UserID: tn.userID}).AllPages(ctx)
	must(t, err)
	left, err := roles.ExtractRoleAssignments(pages)
	must(t, err)
	if len(left) != 0 {
		t.Fatalf("assignments left: %+v", left)
	}
}

func TestProjects(t *testing.T) {
	l := start(t, sim.Options{})
	ctx, id := t.Context(), l.admin.identity
	tn := l.tenant("acme")
	pr, err := projects.Create(ctx, id, projects.CreateOpts{
		Name: "core", DomainID: tn.domainID, Tags: []string{"low-layer", "a"}, Enabled: p(true),
	}).Extract()
	must(t, err)
	_, err = projects.Create(ctx, id, projects.CreateOpts{Name: "core", DomainID: tn.domainID}).Extract()
	wantStatus(t, err, http.StatusConflict, "name is core, project id "+pr.ID)
	if _, err = projects.Create(ctx, id, projects.CreateOpts{Name: "core"}).Extract(); err != nil {
		t.Fatalf("the same name in another domain: %v", err)
	}
	_, err = projects.Create(ctx, id, projects.CreateOpts{Name: "x", DomainID: "nowhere"}).Extract()
	wantStatus(t, err, http.StatusNotFound, "Could not find domain: nowhere")

	pages, err := projects.List(id, projects.ListOpts{Tags: "low-layer,a", DomainID: tn.domainID}).AllPages(ctx)
	must(t, err)
	list, err := projects.ExtractProjects(pages)
	must(t, err)
	if len(list) != 1 || list[0].ID != pr.ID {
		t.Fatalf("by tags: %+v", list)
	}
	got, err := projects.Update(ctx, id, pr.ID, projects.UpdateOpts{Description: p("d"), Tags: &[]string{"b"}}).Extract()
	must(t, err)
	if got.Description != "d" || len(got.Tags) != 1 || got.Tags[0] != "b" {
		t.Fatalf("updated: %+v", got)
	}
	must(t, projects.Delete(ctx, id, pr.ID).ExtractErr())
	wantStatus(t, projects.Delete(ctx, id, pr.ID).ExtractErr(), http.StatusNotFound, "Could not find project")
}

func TestUsersAndPasswords(t *testing.T) {
	l := start(t, sim.Options{})
	ctx, id := t.Context(), l.admin.identity
	tn := l.tenant("acme")
	_, err := users.Create(ctx, id, users.CreateOpts{Name: "op-acme", DomainID: tn.domainID}).Extract()
	wantStatus(t, err, http.StatusConflict, "Duplicate entry found with name op-acme")
	_, err = l.tryLogin(gophercloud.AuthOptions{UserID: tn.userID, Password: "wrong", TenantID: tn.projectID})
	wantStatus(t, err, http.StatusUnauthorized, "The request you have made requires authentication.")
	must(t, users.ChangePassword(ctx, tn.identity, tn.userID, users.ChangePasswordOpts{
		OriginalPassword: tn.password, Password: "fresh",
	}).ExtractErr())
	_, err = users.Get(ctx, tn.identity, tn.userID).Extract()
	wantStatus(t, err, http.StatusUnauthorized, "requires authentication")
	l.login(gophercloud.AuthOptions{Username: "op-acme", DomainID: tn.domainID, Password: "fresh"})
	must(t, users.Delete(ctx, id, tn.userID).ExtractErr())
	_, err = l.tryLogin(gophercloud.AuthOptions{UserID: tn.userID, Password: "fresh"})
	wantStatus(t, err, http.StatusUnauthorized, "requires authentication")
}

func TestKeystone_member_isNoAdministrator(t *testing.T) {
	l := start(t, sim.Options{})
	ctx := t.Context()
	a, b := l.tenant("a"), l.tenant("b")
	_, err := domains.Create(ctx, a.identity, domains.CreateOpts{Name: "x"}).Extract()
	wantStatus(t, err, http.StatusForbidden, "You are not authorized to perform the requested action: identity:create_domain.")
	_, err = projects.Get(ctx, a.identity, b.projectID).Extract()
	wantStatus(t, err, http.StatusForbidden, "identity:get_project")
	_, err = users.Get(ctx, a.identity, b.userID).Extract()
	wantStatus(t, err, http.StatusForbidden, "identity:get_user")
	own, err := users.Get(ctx, a.identity, a.userID).Extract()
	must(t, err)
	if own.ID != a.userID {
		t.Fatalf("own user: %+v", own)
	}
	pages, err := users.ListProjects(a.identity, a.userID).AllPages(ctx)
	must(t, err)
	list, err := projects.ExtractProjects(pages)
	must(t, err)
	if len(list) != 1 || list[0].ID != a.projectID {
		t.Fatalf("own projects: %+v", list)
	}
}

func TestKeystone_disabled_endsTokensAndLogins(t *testing.T) {
	for _, c := range []struct {
		what    string
		back    bool // the token counts again once enabled
		disable func(*lab, *tenant, bool) error
	}{
		{"domain", true, func(l *lab, tn *tenant, on bool) error {
			_, err := domains.Update(l.t.Context(), l.admin.identity, tn.domainID, domains.UpdateOpts{Enabled: &on}).Extract()
			return err
		}},
		{"project", true, func(l *lab, tn *tenant, on bool) error {
			_, err := projects.Update(l.t.Context(), l.admin.identity, tn.projectID, projects.UpdateOpts{Enabled: &on}).Extract()
			return err
		}},
		{"user", false, func(l *lab, tn *tenant, on bool) error {
			_, err := users.Update(l.t.Context(), l.admin.identity, tn.userID, users.UpdateOpts{Enabled: &on}).Extract()
			return err
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			l := start(t, sim.Options{})
			tn := l.tenant("acme")
			must(t, c.disable(l, tn, false))
			_, err := l.tryLogin(tn.auth())
			wantStatus(t, err, http.StatusUnauthorized, "requires authentication")
			_, err = users.Get(t.Context(), tn.identity, tn.userID).Extract()
			wantStatus(t, err, http.StatusUnauthorized, "requires authentication")
			must(t, c.disable(l, tn, true))
			l.login(tn.auth())
			_, err = users.Get(t.Context(), tn.identity, tn.userID).Extract()
			if c.back {
				must(t, err)
				return
			}
			wantStatus(t, err, http.StatusUnauthorized, "requires authentication")
		})
	}
}

func TestRoleAssignments(t *testing.T) {
	l := start(t, sim.Options{})
	ctx, id := t.Context(), l.admin.identity
	tn := l.tenant("acme")
	reader := l.roleID("reader")
	opts := roles.AssignOpts{UserID: tn.userID, DomainID: tn.domainID}
	must(t, roles.Assign(ctx, id, reader, opts).ExtractErr())
	must(t, roles.Assign(ctx, id, reader, opts).ExtractErr())
	pages, err := roles.ListAssignmentsOnResource(id, roles.ListAssignmentsOnResourceOpts{
		UserID: tn.userID, DomainID: tn.domainID,
	}).AllPages(ctx)
	must(t, err)
	on, err := roles.ExtractRoles(pages)
	must(t, err)
	if len(on) != 1 || on[0].Name != "reader" {
		t.Fatalf("on the domain: %+v", on)
	}
	pages, err = roles.ListAssignments(id, roles.ListAssignmentsOpts{
		UserID: tn.userID, Effective: p(true), IncludeNames: p(true), ScopeProjectID: tn.projectID,
	}).AllPages(ctx)
	must(t, err)
	all, err := roles.ExtractRoleAssignments(pages)
	must(t, err)
	if len(all) != 2 { // member and the reader it implies
		t.Fatalf("effective: %+v", all)
	}
	must(t, roles.Unassign(ctx, id, reader, roles.UnassignOpts(opts)).ExtractErr())
	wantStatus(t, roles.Unassign(ctx, id, reader, roles.UnassignOpts(opts)).ExtractErr(),
		http.StatusNotFound, "Could not find role assignment")
	wantStatus(t, roles.Assign(ctx, id, "nosuch", opts).ExtractErr(), http.StatusNotFound, "Could not find role: nosuch")

	_, err = roles.Create(ctx, id, roles.CreateOpts{Name: "member"}).Extract()
	wantStatus(t, err, http.StatusConflict, "Duplicate entry found with name member")
	extra, err := roles.Create(ctx, id, roles.CreateOpts{Name: "auditor"}).Extract()
	must(t, err)
	must(t, roles.Delete(ctx, id, extra.ID).ExtractErr())
}

func TestKeystone_lostRole_endsTheToken(t *testing.T) {
	l := start(t, sim.Options{})
	tn := l.tenant("acme")
	must(t, roles.Unassign(t.Context(), l.admin.identity, l.roleID("member"), roles.UnassignOpts{
		UserID: tn.userID, ProjectID: tn.projectID,
	}).ExtractErr())
	_, err := users.Get(t.Context(), tn.identity, tn.userID).Extract()
	wantStatus(t, err, http.StatusUnauthorized, "requires authentication")
}

func TestApplicationCredentials(t *testing.T) {
	clock := newClock()
	l := start(t, sim.Options{Clock: clock})
	ctx := t.Context()
	tn := l.tenant("acme")
	opts := applicationcredentials.CreateOpts{
		Name: "cluster", Roles: []applicationcredentials.Role{{ID: l.roleID("member")}}, ExpiresAt: p(clock.Now().Add(30 * time.Minute)),
	}
	cred, err := applicationcredentials.Create(ctx, tn.identity, tn.userID, opts).Extract()
	must(t, err)
	if cred.Secret == "" || cred.ProjectID != tn.projectID || cred.Unrestricted {
		t.Fatalf("credential: %+v", cred)
	}
	_, err = applicationcredentials.Create(ctx, tn.identity, tn.userID, opts).Extract()
	wantStatus(t, err, http.StatusConflict, "Duplicate entry found with name cluster")
	_, err = applicationcredentials.Create(ctx, l.admin.identity, tn.userID, applicationcredentials.CreateOpts{Name: "x"}).Extract()
	wantStatus(t, err, http.StatusForbidden, "identity:create_application_credential")
	_, err = applicationcredentials.Create(ctx, tn.identity, tn.userID, applicationcredentials.CreateOpts{
		Name: "too-much", Roles: []applicationcredentials.Role{{ID: l.roleID("admin")}},
	}).Extract()
	wantStatus(t, err, http.StatusBadRequest, "Invalid application credential")

	ao := gophercloud.AuthOptions{ApplicationCredentialID: cred.ID, ApplicationCredentialSecret: cred.Secret}
	as := l.login(ao)
	_, err = applicationcredentials.Create(ctx, as.identity, tn.userID, applicationcredentials.CreateOpts{Name: "y"}).Extract()
	wantStatus(t, err, http.StatusForbidden, "not allowed for managing additional application credentials")
	got, err := applicationcredentials.Get(ctx, tn.identity, tn.userID, cred.ID).Extract()
	must(t, err)
	if got.Secret != "" || got.Roles[0].Name != "member" {
		t.Fatalf("the secret is shown once: %+v", got)
	}
	clock.advance(31 * time.Minute)
	_, err = l.tryLogin(ao)
	wantStatus(t, err, http.StatusUnauthorized, "requires authentication")
	must(t, applicationcredentials.Delete(ctx, tn.identity, tn.userID, cred.ID).ExtractErr())
	pages, err := applicationcredentials.List(tn.identity, tn.userID, nil).AllPages(ctx)
	must(t, err)
	list, err := applicationcredentials.ExtractApplicationCredentials(pages)
	must(t, err)
	if len(list) != 0 {
		t.Fatalf("credentials left: %+v", list)
	}
}

func TestKeystone_accessRules_limitAToken(t *testing.T) {
	l := start(t, sim.Options{})
	ctx := t.Context()
	tn := l.tenant("acme")
	cred, err := applicationcredentials.Create(ctx, tn.identity, tn.userID, applicationcredentials.CreateOpts{
		Name: "ro", AccessRules: []applicationcredentials.AccessRule{{Path: "/v2.0/networks", Method: "GET", Service: "network"}},
	}).Extract()
	must(t, err)
	as := l.login(gophercloud.AuthOptions{ApplicationCredentialID: cred.ID, ApplicationCredentialSecret: cred.Secret})
	_, err = as.network.Get(ctx, as.network.ServiceURL("networks"), nil, nil)
	must(t, err)
	_, err = as.network.Get(ctx, as.network.ServiceURL("ports"), nil, nil)
	wantStatus(t, err, http.StatusUnauthorized, "requires authentication")
	pages, err := applicationcredentials.ListAccessRules(tn.identity, tn.userID).AllPages(ctx)
	must(t, err)
	rules, err := applicationcredentials.ExtractAccessRules(pages)
	must(t, err)
	if len(rules) != 1 || rules[0].ID == "" {
		t.Fatalf("rules: %+v", rules)
	}
}

func TestTokens(t *testing.T) {
	clock := newClock()
	l := start(t, sim.Options{Clock: clock, TokenTTL: 10 * time.Minute})
	ctx, id := t.Context(), l.admin.identity
	tn := l.tenant("acme")
	token := tn.provider.Token()
	valid, err := tokens.Validate(ctx, id, token)
	must(t, err)
	got := tokens.Get(ctx, id, token)
	tok, err := got.ExtractToken()
	must(t, err)
	if !valid || !tok.ExpiresAt.Equal(clock.Now().Add(10*time.Minute)) {
		t.Fatalf("token: valid %v, %+v", valid, tok)
	}
	rs, err := got.ExtractRoles()
	must(t, err)
	if len(rs) != 2 || rs[0].Name != "member" || rs[1].Name != "reader" {
		t.Fatalf("roles: %+v", rs)
	}
	clock.advance(6 * time.Minute)
	again := l.login(gophercloud.AuthOptions{TokenID: token, TenantID: tn.projectID})
	again2, err := tokens.Get(ctx, id, again.provider.Token()).ExtractToken()
	must(t, err)
	if !again2.ExpiresAt.Equal(tok.ExpiresAt) {
		t.Fatalf("a rescoped token lives until %v, the first until %v", again2.ExpiresAt, tok.ExpiresAt)
	}
	must(t, tokens.Revoke(ctx, id, again.provider.Token()).Err)
	valid, err = tokens.Validate(ctx, id, again.provider.Token())
	must(t, err)
	if valid {
		t.Fatal("a revoked token is valid")
	}
	clock.advance(4 * time.Minute)
	_, err = users.Get(ctx, tn.identity, tn.userID).Extract()
	wantStatus(t, err, http.StatusUnauthorized, "requires authentication")
	if _, err := domains.Get(ctx, id, "default").Extract(); err != nil {
		t.Fatalf("a client that may log in again: %v", err)
	}
}

func TestScopes(t *testing.T) {
	l := start(t, sim.Options{})
	sys := l.login(gophercloud.AuthOptions{
		Username: "admin", Password: "labpass", DomainID: "default", Scope: &gophercloud.AuthScope{System: true},
	})
	if _, err := domains.Get(t.Context(), sys.identity, "default").Extract(); err != nil {
		t.Fatal(err)
	}
	dom := l.login(gophercloud.AuthOptions{
		Username: "admin", Password: "labpass", DomainName: "Default", Scope: &gophercloud.AuthScope{DomainName: "Default"},
	})
	if _, err := domains.Get(t.Context(), dom.identity, "default").Extract(); err != nil {
		t.Fatal(err)
	}
	_, err := l.tryLogin(gophercloud.AuthOptions{
		Username: "admin", Password: "labpass", DomainID: "default", TenantName: "nosuch",
	})
	wantStatus(t, err, http.StatusUnauthorized, "requires authentication")
}

func TestCatalogue(t *testing.T) {
	l := start(t, sim.Options{})
	ctx, id := t.Context(), l.admin.identity
	pages, err := catalog.List(id).AllPages(ctx)
	must(t, err)
	entries, err := catalog.ExtractServiceCatalog(pages)
	must(t, err)
	if len(entries) != 6 {
		t.Fatalf("catalogue: %+v", entries)
	}
	for _, e := range entries {
		for _, ep := range e.Endpoints {
			if !strings.HasPrefix(ep.URL, l.URL) {
				t.Fatalf("%s points to %s", e.Type, ep.URL)
			}
		}
	}
	sp, err := services.List(id, services.ListOpts{ServiceType: "network"}).AllPages(ctx)
	must(t, err)
	svc, err := services.ExtractServices(sp)
	must(t, err)
	ep, err := endpoints.List(id, endpoints.ListOpts{ServiceID: svc[0].ID}).AllPages(ctx)
	must(t, err)
	eps, err := endpoints.ExtractEndpoints(ep)
	must(t, err)
	if len(eps) != 3 {
		t.Fatalf("endpoints of %s: %+v", svc[0].Type, eps)
	}
	rg, err := regions.Get(ctx, id, "RegionOne").Extract()
	must(t, err)
	if rg.ID != "RegionOne" {
		t.Fatalf("region: %+v", rg)
	}
}
