package conformance

import (
	"context"
	"net/http"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/applicationcredentials"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/domains"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
)

func checkDomain(_ *testing.T, e *env) {
	name := e.name("domain")
	d, err := domains.Create(e.ctx(), e.identity, domains.CreateOpts{Name: name}).Extract()
	e.must("create domain", err)
	e.later("domain", func(ctx context.Context) error { return dropDomain(ctx, e.identity, d.ID) })
	e.check(d.Enabled, "a new domain is enabled: %+v", d)
	_, err = domains.Create(e.ctx(), e.identity, domains.CreateOpts{Name: name}).Extract()
	e.wants("a name twice", err, http.StatusConflict, "onflict")
	e.wants("delete an enabled domain", domains.Delete(e.ctx(), e.identity, d.ID).ExtractErr(),
		http.StatusForbidden, "disable it first")
	pages, err := domains.List(e.identity, domains.ListOpts{Name: name}).AllPages(e.ctx())
	e.must("list domains", err)
	found, err := domains.ExtractDomains(pages)
	e.must("read domains", err)
	e.check(len(found) == 1 && found[0].ID == d.ID, "domains by name: %+v", found)
	e.must("drop domain", dropDomain(e.ctx(), e.identity, d.ID))
	_, err = domains.Get(e.ctx(), e.identity, d.ID).Extract()
	e.wants("get a deleted domain", err, http.StatusNotFound, "Could not find domain")
}

func checkProject(_ *testing.T, e *env) {
	tn := e.tenant("project")
	opts := projects.CreateOpts{Name: e.name("core"), DomainID: tn.domainID, Tags: []string{"llconf", "b"}}
	p, err := projects.Create(e.ctx(), e.identity, opts).Extract()
	e.must("create project", err)
	e.later("project", func(ctx context.Context) error { return projects.Delete(ctx, e.identity, p.ID).ExtractErr() })
	_, err = projects.Create(e.ctx(), e.identity, opts).Extract()
	e.wants("a name twice", err, http.StatusConflict, "onflict")
	pages, err := projects.List(e.identity, projects.ListOpts{DomainID: tn.domainID, Tags: "llconf,b"}).AllPages(e.ctx())
	e.must("list projects", err)
	found, err := projects.ExtractProjects(pages)
	e.must("read projects", err)
	e.check(len(found) == 1 && found[0].ID == p.ID, "projects by tags: %+v", found)
	_, err = domains.Create(e.ctx(), tn.identity, domains.CreateOpts{Name: e.name("forbidden")}).Extract()
	e.wants("a member creates a domain", err, http.StatusForbidden, "identity:create_domain")
	e.must("delete project", projects.Delete(e.ctx(), e.identity, p.ID).ExtractErr())
	_, err = projects.Get(e.ctx(), e.identity, p.ID).Extract()
	e.wants("get a deleted project", err, http.StatusNotFound, "Could not find project")
}

func checkApplicationCredential(_ *testing.T, e *env) {
	tn := e.tenant("appcred")
	opts := applicationcredentials.CreateOpts{
		Name: e.name("cred"), Roles: []applicationcredentials.Role{{ID: e.role("member")}},
	}
	cred, err := applicationcredentials.Create(e.ctx(), tn.identity, tn.userID, opts).Extract()
	e.must("create credential", err)
	e.check(cred.Secret != "" && cred.ProjectID == tn.projectID, "credential: %+v", cred)
	_, err = applicationcredentials.Create(e.ctx(), tn.identity, tn.userID, opts).Extract()
	e.wants("a name twice", err, http.StatusConflict, "onflict")
	_, err = applicationcredentials.Create(e.ctx(), e.identity, tn.userID, opts).Extract()
	e.wants("made for somebody else", err, http.StatusForbidden, "not authorized")
	got, err := applicationcredentials.Get(e.ctx(), tn.identity, tn.userID, cred.ID).Extract()
	e.must("get credential", err)
	e.check(got.Secret == "", "the secret is shown once")
	ao := gophercloud.AuthOptions{ApplicationCredentialID: cred.ID, ApplicationCredentialSecret: cred.Secret}
	_, err = e.login(ao)
	e.must("login with the credential", err)
	e.must("delete credential", applicationcredentials.Delete(e.ctx(), tn.identity, tn.userID, cred.ID).ExtractErr())
	_, err = e.login(ao)
	// Keystone responds with 404 or 401 here, by release.
	e.check(err != nil, "a deleted credential still logs in")
}

func checkDisabledDomain(_ *testing.T, e *env) {
	tn := e.tenant("domain-off")
	_, err := domains.Update(e.ctx(), e.identity, tn.domainID, domains.UpdateOpts{Enabled: ptr(false)}).Extract()
	e.must("disable domain", err)
	_, err = e.login(tn.auth())
	e.wants("login into a disabled domain", err, http.StatusUnauthorized, "")
}

func checkDisabledProject(_ *testing.T, e *env) {
	tn := e.tenant("project-off")
	_, err := projects.Update(e.ctx(), e.identity, tn.projectID, projects.UpdateOpts{Enabled: ptr(false)}).Extract()
	e.must("disable project", err)
	_, err = e.login(tn.auth())
	e.wants("login into a disabled project", err, http.StatusUnauthorized, "")
	_, err = networks.List(tn.network, nil).AllPages(e.ctx())
	e.wants("use a token of a disabled project", err, http.StatusUnauthorized, "")
	_, err = projects.Update(e.ctx(), e.identity, tn.projectID, projects.UpdateOpts{Enabled: ptr(true)}).Extract()
	e.must("enable project", err)
	_, err = e.login(tn.auth())
	e.must("login into an enabled project", err)
}
