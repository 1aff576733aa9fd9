package app_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	openstackclient "github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/services/tenant/internal/app"
	"github.com/low-layer/platform/services/tenant/internal/cloud/cloudtest"
)

// TestSoftDelete deletes an organisation, brings it back with all it had, and purges it in the end.
func TestSoftDelete(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	r.tenant("acme")
	before := r.inventory()
	o := r.organisation("acme", "core", "dev")
	name := o.GetName()
	cloud := openstackclient.NewKeystone(cloudtest.Client(t, r.clouds, "sim"))

	_, err := r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: name})
	if e := refusal(t, err, "ORGANISATION_NOT_EMPTY"); !strings.Contains(e.Message, name+"/vpcs/dev") {
		t.Errorf("the error does not name what is in the way: %s", e.Message)
	}
	_, err = r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: name, Etag: "stale", Force: true})
	refused(t, err, "ETAG_MISMATCH")
	_, err = r.UndeleteOrganisation(ctx, &tenantv1.UndeleteOrganisationRequest{Name: name})
	refused(t, err, "ORGANISATION_NOT_DELETED")

	r.done(r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: name, Etag: o.GetEtag(), Force: true}))
	gone := r.getOrganisation(name)
	if gone.GetState() != typev1.State_DELETED || gone.GetDeleteTime() == nil || !gone.GetPurgeTime().AsTime().After(time.Now()) {
		t.Fatalf("deleted organisation: %v", gone)
	}
	if p, err := cloud.Project(ctx, o.GetOpenstackProjectId()); err != nil || p.Enabled {
		t.Errorf("the project of the deleted organisation: %+v, %v", p, err)
	}
	if _, _, vpcs, _ := r.network.Counts(); vpcs != 1 {
		t.Errorf("the network service has %d VPCs; a deleted organisation keeps its own", vpcs)
	}
	for shown, want := range map[bool]int{false: 0, true: 1} {
		page, err := r.ListOrganisations(ctx, &tenantv1.ListOrganisationsRequest{Parent: "tenants/acme", ShowDeleted: shown})
		if err != nil || len(page.GetOrganisations()) != want {
			t.Errorf("list with show_deleted %t: %d organisations, %v", shown, len(page.GetOrganisations()), err)
		}
	}
	_, err = r.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "core", Organisation: &tenantv1.Organisation{Mode: mutualized},
	})
	refused(t, err, "ORGANISATION_EXISTS")
	_, err = r.RotateOrganisationCredential(ctx, &tenantv1.RotateOrganisationCredentialRequest{Name: name})
	refused(t, err, "ORGANISATION_DELETED")

	r.done(r.UndeleteOrganisation(ctx, &tenantv1.UndeleteOrganisationRequest{Name: name}))
	back := r.getOrganisation(name)
	if back.GetState() != typev1.State_ACTIVE || back.GetDeleteTime() != nil || back.GetUid() != o.GetUid() {
		t.Errorf("undeleted organisation: %v", back)
	}
	if err := cloud.TryCredential(ctx, back.GetCredential().GetId(), r.secret(back)); err != nil {
		t.Errorf("use the credential of the undeleted organisation: %v", err)
	}
	// A VPC made by its owner and a peering go too, by force.
	r.network.Peer("tenants/acme/peerings/p", name+"/vpcs/dev", "tenants/acme/organisations/x/vpcs/y")
	r.done(r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: name, Force: true, Purge: true}))
	if after := r.inventory(); !maps.Equal(before, after) {
		t.Errorf("the cloud held %v and holds %v", before, after)
	}
	if _, hubs, vpcs, peerings := r.network.Counts(); hubs+vpcs+peerings != 0 {
		t.Errorf("left with the network service: %d hubs, %d VPCs, %d peerings", hubs, vpcs, peerings)
	}
	want := []string{
		"organisation.created", "usage.changed", "organisation.deleted", "usage.changed", "organisation.undeleted", "usage.changed",
		"usage.changed", "organisation.deleted", "organisation.purged",
	}
	if got := r.events(name); !slices.Equal(got, want) {
		t.Errorf("events: %v, want %v", got, want)
	}
}

// TestDeleteTenant_force_takesOrganisationsAlong deletes a tenant with force, brings both back, and purges both.
func TestDeleteTenant_force_takesOrganisationsAlong(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	before := r.inventory()
	r.tenant("acme")
	r.organisation("acme", "core", "dev")
	left := r.organisation("acme", "left")
	r.done(r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: left.GetName()}))

	_, err := r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme"})
	if e := refusal(t, err, "TENANT_NOT_EMPTY"); !strings.Contains(e.Message, "organisations/core") || strings.Contains(e.Message, "organisations/left") {
		t.Errorf("the error names the wrong children: %s", e.Message)
	}
	op := r.done(r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true}))
	followed := 0
	for _, s := range r.metadata(op).GetSteps() {
		if strings.HasPrefix(s.GetName(), "organisation-") && s.GetOperation() != "" {
			followed++
		}
	}
	if followed != 1 {
		t.Errorf("the operation followed %d organisations, want the one that was not deleted yet", followed)
	}
	if s := r.getOrganisation("tenants/acme/organisations/core").GetState(); s != typev1.State_DELETED {
		t.Errorf("organisation is %s", s)
	}
	_, err = r.UndeleteOrganisation(ctx, &tenantv1.UndeleteOrganisationRequest{Name: "tenants/acme/organisations/core"})
	refused(t, err, "TENANT_DELETED")

	r.done(r.UndeleteTenant(ctx, &tenantv1.UndeleteTenantRequest{Name: "tenants/acme"}))
	if s := r.getOrganisation("tenants/acme/organisations/core").GetState(); s != typev1.State_ACTIVE {
		t.Errorf("organisation deleted with its tenant is %s after its undelete", s)
	}
	if s := r.getOrganisation(left.GetName()).GetState(); s != typev1.State_DELETED {
		t.Errorf("organisation deleted on its own is %s after the tenant's undelete", s)
	}
	_, err = r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Purge: true})
	if e := refusal(t, err, "TENANT_NOT_EMPTY"); !strings.Contains(e.Message, "organisations/left") {
		t.Errorf("a purge must name deleted organisations too: %s", e.Message)
	}
	r.done(r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true}))
	r.done(r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true, Purge: true, RequestId: "p"}))
	again, err := r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true, Purge: true, RequestId: "p"})
	if err != nil || !again.GetDone() {
		t.Errorf("the repeated purge answers %v, %v", again, err)
	}
	if after := r.inventory(); !maps.Equal(before, after) {
		t.Errorf("the cloud held %v and holds %v", before, after)
	}
}

// TestPurgeWhenDue shows that what was deleted goes for good by itself.
func TestPurgeWhenDue(t *testing.T) {
	r := start(t, func(c *app.Config) {
		c.Retention, c.PeriodicInterval = 100*time.Millisecond, 50*time.Millisecond
	})
	ctx := t.Context()
	before := r.inventory()
	r.tenant("acme")
	r.organisation("acme", "core", "dev")
	r.tenant("other")
	r.organisation("other", "only", "dev")
	// The purge may come before the deletion has ended; then it takes its place.
	r.ended(r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true}))
	r.ended(r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: "tenants/other/organisations/only", Force: true}))
	r.eventually("the deleted are purged", func() bool {
		page, err := r.ListTenants(ctx, &tenantv1.ListTenantsRequest{ShowDeleted: true})
		if err != nil {
			t.Fatalf("list tenants: %v", err)
		}
		orgs, err := r.ListOrganisations(ctx, &tenantv1.ListOrganisationsRequest{Parent: "tenants/other", ShowDeleted: true})
		if err != nil {
			t.Fatalf("list organisations: %v", err)
		}
		return len(page.GetTenants()) == 1 && len(orgs.GetOrganisations()) == 0
	})
	after := r.inventory()
	after["domain"]-- // that of the tenant that stayed
	if !maps.Equal(before, after) {
		t.Errorf("the cloud held %v and holds %v beside the other tenant", before, after)
	}
}
