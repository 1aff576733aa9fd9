package app_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	openstackclient "github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/services/tenant/internal/cloud/cloudtest"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func blocked(_ *longrunningpb.Operation, m *operationv1.OperationMetadata) bool {
	return m.GetBlockage() != nil
}

// TestKeystoneDown shows that a tenant ordered while Keystone is away says so, and is made once it is back.
func TestKeystoneDown(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	id, err := r.cloud.AddFault(sim.Fault{Path: "^/identity/", Status: 503, RetryAfter: 1})
	if err != nil {
		t.Fatal(err)
	}
	op, err := r.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: "acme", Tenant: &tenantv1.Tenant{}})
	if err != nil {
		t.Fatal(err)
	}
	op = r.until(op, "blocked", blocked)
	if b := r.metadata(op).GetBlockage(); b.GetOwner() != typev1.Blockage_PROVIDER || b.GetStep() != "domain" || b.GetRemedy() == "" {
		t.Errorf("the operation is blocked by %v", b)
	}
	ten, err := r.GetTenant(ctx, &tenantv1.GetTenantRequest{Name: "tenants/acme"})
	if err != nil || ten.GetState() != typev1.State_BLOCKED || ten.GetBlockage() == nil {
		t.Errorf("the tenant is %v, %v", ten, err)
	}
	if !r.cloud.RemoveFault(id) {
		t.Fatal("the fault was gone")
	}
	r.done(op, nil)
	ten, err = r.GetTenant(ctx, &tenantv1.GetTenantRequest{Name: "tenants/acme"})
	if err != nil || ten.GetState() != typev1.State_ACTIVE || ten.GetBlockage() != nil {
		t.Errorf("the tenant is %v, %v", ten, err)
	}
	if n := r.named("domain"); n != 1 {
		t.Errorf("the cloud holds %d domains of ours", n)
	}
}

// TestKeystone_responsesLost_makesNothingTwice : Keystone does its work and loses the responses, while its lists lag.
func TestKeystone_responsesLost_makesNothingTwice(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, f := range []sim.Fault{
		{Method: "POST", Path: "/identity/v3/(domains|projects|users)", Executed: true, Status: 504, RetryAfter: 1, Nth: 1},
		{Method: "POST", Path: "/identity/v3/projects", Executed: true, Status: 504, RetryAfter: 1, Nth: 1},
		{Method: "POST", Path: "/application_credentials$", Executed: true, Status: 502, RetryAfter: 1, Nth: 1},
		{Method: "GET", Path: "/identity/v3/(domains|projects|users)$", Stale: sim.Duration(100 * time.Millisecond), Count: 4},
	} {
		if _, err := r.cloud.AddFault(f); err != nil {
			t.Fatal(err)
		}
	}
	r.tenant("acme")
	o := r.organisation("acme", "core", "dev")
	for typ, want := range map[string]int{"domain": 1, "project": 1, "user": 1, "application_credential": 1} {
		if n := r.named(typ); n != want {
			t.Errorf("the cloud holds %d × %s, want %d", n, typ, want)
		}
	}
	c := openstackclient.NewKeystone(cloudtest.Client(t, r.clouds, "sim"))
	if err := c.TryCredential(t.Context(), o.GetCredential().GetId(), r.secret(o)); err != nil {
		t.Errorf("use the credential: %v", err)
	}
}

// TestBlockedChild shows the network service's blockage as the organisation's own.
func TestBlockedChild(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.tenant("acme")
	r.network.Hold("CreateVpc")
	r.network.Block(&typev1.Blockage{
		Owner: typev1.Blockage_PROVIDER, Reason: "CLOUD_QUOTA_EXCEEDED", Message: "the quota of routers is used up",
		Remedy: "raise it", Step: "router",
	})
	op, err := r.CreateOrganisation(t.Context(), &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "core",
		Organisation: &tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{{VpcId: "dev"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	op = r.until(op, "blocked", blocked)
	b := r.metadata(op).GetBlockage()
	if b.GetOwner() != typev1.Blockage_PROVIDER || b.GetReason() != "CLOUD_QUOTA_EXCEEDED" || b.GetStep() != "vpc-dev" ||
		!strings.Contains(b.GetMessage(), "routers") {
		t.Errorf("the operation is blocked by %v", b)
	}
	r.network.Release()
	r.done(op, nil)
	if n := len(r.network.Calls("EnsureHub")); n != 1 {
		t.Errorf("the hub was ordered %d times", n)
	}
}

// TestDeleteWhileBlocked soft-deletes an organisation whose creation hangs, and brings it back complete.
func TestDeleteWhileBlocked(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	r.tenant("acme")
	id, err := r.cloud.AddFault(sim.Fault{Method: "PUT", Path: "/os-quota-sets/", Status: 403})
	if err != nil {
		t.Fatal(err)
	}
	op, err := r.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "core",
		Organisation: &tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{{VpcId: "dev"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.until(op, "blocked", blocked)
	name := "tenants/acme/organisations/core"
	r.done(r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: name, Force: true}))
	if s := r.getOrganisation(name).GetState(); s != typev1.State_DELETED {
		t.Errorf("organisation is %s", s)
	}
	r.cloud.RemoveFault(id)
	r.done(r.UndeleteOrganisation(ctx, &tenantv1.UndeleteOrganisationRequest{Name: name}))
	if o := r.getOrganisation(name); o.GetState() != typev1.State_ACTIVE || o.GetCredential().GetId() == "" {
		t.Errorf("organisation is %v", o)
	}
	if _, hubs, vpcs, _ := r.network.Counts(); hubs != 1 || vpcs != 1 {
		t.Errorf("the network service has %d hubs and %d VPCs", hubs, vpcs)
	}
}

// TestDrift puts right what somebody did in Keystone by hand, and leaves what is not ours alone.
func TestDrift(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	ten := r.tenant("acme")
	o := r.organisation("acme", "core")
	c := openstackclient.NewKeystone(cloudtest.Client(t, r.clouds, "sim"))
	foreign, err := c.CreateDomain(ctx, keystone.Domain{Name: "somebody-else", Enabled: false})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.app.Drift.Pass(ctx); n != 0 || err != nil {
		t.Fatalf("nothing drifted, yet the pass answers %d, %v", n, err)
	}
	d, err := c.Domain(ctx, ten.GetOpenstackDomainId())
	if err != nil {
		t.Fatal(err)
	}
	d.Name, d.Enabled = "renamed-by-hand", false
	if _, err := c.UpdateDomain(ctx, d); err != nil {
		t.Fatal(err)
	}
	p, err := c.Project(ctx, o.GetOpenstackProjectId())
	if err != nil {
		t.Fatal(err)
	}
	p.Enabled = false
	if _, err := c.UpdateProject(ctx, p); err != nil {
		t.Fatal(err)
	}
	users, err := c.ListUsers(ctx, "ll-")
	if err != nil || len(users) != 1 {
		t.Fatalf("users of ours: %v, %v", users, err)
	}
	if err := c.DeleteUser(ctx, users[0].ID); err != nil {
		t.Fatal(err)
	}
	if n, err := r.app.Drift.Pass(ctx); n != 2 || err != nil {
		t.Fatalf("tenant and organisation drifted; the pass answers %d, %v", n, err)
	}
	r.eventually("everything is as it was", func() bool {
		d, err := c.Domain(ctx, ten.GetOpenstackDomainId())
		if err != nil || !d.Enabled || d.Name == "renamed-by-hand" {
			return false
		}
		p, err := c.Project(ctx, o.GetOpenstackProjectId())
		now := r.getOrganisation(o.GetName())
		return err == nil && p.Enabled && now.GetState() == typev1.State_ACTIVE && !now.GetReconciling()
	})
	now := r.getOrganisation(o.GetName())
	if err := c.TryCredential(ctx, now.GetCredential().GetId(), r.secret(now)); err != nil {
		t.Errorf("use the credential of the repaired organisation: %v", err)
	}
	if n, err := r.app.Drift.Pass(ctx); n != 0 || err != nil {
		t.Errorf("after the repair the pass answers %d, %v", n, err)
	}
	if f, err := c.Domain(ctx, foreign.ID); err != nil || f.Enabled {
		t.Errorf("the foreign domain is %+v, %v", f, err)
	}
	// A suspended tenant that somebody switches on again is switched off again.
	r.done(r.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: ten.GetName()}))
	d, err = c.Domain(ctx, ten.GetOpenstackDomainId())
	if err != nil {
		t.Fatal(err)
	}
	d.Enabled = true
	if _, err := c.UpdateDomain(ctx, d); err != nil {
		t.Fatal(err)
	}
	if n, err := r.app.Drift.Pass(ctx); n != 1 || err != nil {
		t.Fatalf("the suspended tenant drifted; the pass answers %d, %v", n, err)
	}
	r.eventually("the domain is off again", func() bool {
		d, err := c.Domain(ctx, ten.GetOpenstackDomainId())
		return err == nil && !d.Enabled
	})
}
