// Package conformance is what the control plane relies on in Keystone, Neutron, Nova,
// Placement, Glance and Cinder, written as tests that the simulator and a real cloud both have to pass.
//
// It promises to state only behaviour that a client can see, to use names of its own, and
// to take away what it made even when a check fails. It needs an administrator. Where a
// real cloud and this suite disagree, the suite and the simulator are what has to change.
package conformance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/domains"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/roles"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/users"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
)

// cleanupTime bounds the removal of one object on a slow cloud.
const cleanupTime = 30 * time.Second

// Target is the cloud under test.
type Target struct {
	Admin     *gophercloud.ProviderClient // scoped to a project, with the role admin
	AuthURL   string
	Endpoints gophercloud.EndpointOpts
	// Volumes is that the cloud has Cinder.
	Volumes bool
}

// Run runs all checks against a cloud.
func Run(t *testing.T, target Target) {
	t.Helper()
	for _, c := range []struct {
		name  string
		check func(*testing.T, *env)
	}{
		{"domain", checkDomain},
		{"project", checkProject},
		{"application credential", checkApplicationCredential},
		{"disabled domain", checkDisabledDomain},
		{"disabled project", checkDisabledProject},
		{"network", checkNetwork},
		{"request id", checkRequestID},
		{"tags", checkTags},
		{"paging", checkPaging},
		{"subnet", checkSubnet},
		{"subnet pool", checkSubnetPool},
		{"port", checkPort},
		{"router interface", checkRouterInterface},
		{"routes", checkRoutes},
		{"security group", checkSecurityGroup},
		{"security group rules in bulk", checkRulesInBulk},
		{"quota", checkQuota},
		{"sharing", checkSharing},
		{"isolation", checkIsolation},
		{"revision", checkRevision},
		{"delete conflicts", checkDeleteConflicts},
		{"bulk network create", checkBulkNetworks},
		{"server", checkServer},
		{"failed server", checkFailedServer},
		{"server group", checkServerGroup},
		{"user data", checkUserData},
		{"volume", checkVolume},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, newEnv(t, target)) })
	}
}

// env is one check's view of the cloud.
type env struct {
	t        *testing.T
	target   Target
	identity *gophercloud.ServiceClient
	network  *gophercloud.ServiceClient
	suffix   string
}

func newEnv(t *testing.T, target Target) *env {
	t.Helper()
	e := &env{t: t, target: target}
	var err error
	e.identity, err = openstack.NewIdentityV3(target.Admin, target.Endpoints)
	e.must("identity client", err)
	e.network, err = openstack.NewNetworkV2(target.Admin, target.Endpoints)
	e.must("network client", err)
	b := make([]byte, 4)
	_, err = rand.Read(b)
	e.must("random name", err)
	e.suffix = hex.EncodeToString(b)
	return e
}

func (e *env) ctx() context.Context { return e.t.Context() }

func (e *env) name(what string) string { return "llconf-" + what + "-" + e.suffix }

func (e *env) must(what string, err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatalf("%s: %v", what, err)
	}
}

// wants checks the status of a refusal and a word of its body.
func (e *env) wants(what string, err error, status int, word string) {
	e.t.Helper()
	if !gophercloud.ResponseCodeIs(err, status) {
		e.t.Fatalf("%s: want status %d, got: %v", what, status, err)
	}
	if !strings.Contains(err.Error(), word) {
		e.t.Fatalf("%s: want %q in: %v", what, word, err)
	}
}

func (e *env) check(holds bool, format string, args ...any) {
	e.t.Helper()
	if !holds {
		e.t.Fatalf(format, args...)
	}
}

// later removes something when the check ends; that it is gone already is fine.
func (e *env) later(what string, remove func(context.Context) error) {
	e.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
		defer cancel()
		if err := remove(ctx); err != nil && !gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
			e.t.Errorf("clean up %s: %v", what, err)
		}
	})
}

// tenant is a domain with one project and a member of it.
type tenant struct {
	name, domainID, projectID, userID, password string
	provider                                    *gophercloud.ProviderClient
	identity, network                           *gophercloud.ServiceClient
}

func (e *env) tenant(what string) *tenant {
	e.t.Helper()
	tn := &tenant{name: e.name(what), password: "pw-" + e.suffix}
	d, err := domains.Create(e.ctx(), e.identity, domains.CreateOpts{Name: tn.name}).Extract()
	e.must("create domain", err)
	tn.domainID = d.ID
	e.later("domain", func(ctx context.Context) error { return dropDomain(ctx, e.identity, d.ID) })
	p, err := projects.Create(e.ctx(), e.identity, projects.CreateOpts{Name: tn.name, DomainID: d.ID}).Extract()
	e.must("create project", err)
	tn.projectID = p.ID
	e.later("default group", func(ctx context.Context) error { return dropDefaultGroup(ctx, e.network, p.ID) })
	u, err := users.Create(e.ctx(), e.identity, users.CreateOpts{Name: tn.name, DomainID: d.ID, Password: tn.password}).Extract()
	e.must("create user", err)
	tn.userID = u.ID
	e.must("assign role", roles.Assign(e.ctx(), e.identity, e.role("member"), roles.AssignOpts{
		UserID: u.ID, ProjectID: p.ID,
	}).ExtractErr())
	tn.provider, err = e.login(tn.auth())
	e.must("login as tenant", err)
	tn.identity, err = openstack.NewIdentityV3(tn.provider, e.target.Endpoints)
	e.must("identity client of the tenant", err)
	tn.network, err = openstack.NewNetworkV2(tn.provider, e.target.Endpoints)
	e.must("network client of the tenant", err)
	return tn
}

func (tn *tenant) auth() gophercloud.AuthOptions {
	return gophercloud.AuthOptions{UserID: tn.userID, Password: tn.password, TenantID: tn.projectID}
}

func (e *env) login(ao gophercloud.AuthOptions) (*gophercloud.ProviderClient, error) {
	ao.IdentityEndpoint = e.target.AuthURL
	p, err := openstack.NewClient(e.target.AuthURL)
	if err != nil {
		return nil, err
	}
	p.HTTPClient = e.target.Admin.HTTPClient
	return p, openstack.Authenticate(e.ctx(), p, ao)
}

func (e *env) role(name string) string {
	e.t.Helper()
	pages, err := roles.List(e.identity, roles.ListOpts{Name: name}).AllPages(e.ctx())
	e.must("list roles", err)
	found, err := roles.ExtractRoles(pages)
	e.must("read roles", err)
	e.check(len(found) == 1, "role %s: found %d", name, len(found))
	return found[0].ID
}

func dropDomain(ctx context.Context, identity *gophercloud.ServiceClient, id string) error {
	off := false
	if _, err := domains.Update(ctx, identity, id, domains.UpdateOpts{Enabled: &off}).Extract(); err != nil {
		return err
	}
	return domains.Delete(ctx, identity, id).ExtractErr()
}

// dropDefaultGroup removes what Neutron made by itself for a project.
func dropDefaultGroup(ctx context.Context, network *gophercloud.ServiceClient, projectID string) error {
	pages, err := groups.List(network, groups.ListOpts{ProjectID: projectID}).AllPages(ctx)
	if err != nil {
		return err
	}
	found, err := groups.ExtractGroups(pages)
	if err != nil {
		return err
	}
	for _, g := range found {
		if err := groups.Delete(ctx, network, g.ID).ExtractErr(); err != nil {
			return err
		}
	}
	return nil
}

// closed ends a bare call whose answer is of no interest.
func closed(resp *http.Response, err error) error {
	if resp != nil {
		err = errors.Join(err, resp.Body.Close())
	}
	return err
}

func ptr[T any](v T) *T { return &v }
