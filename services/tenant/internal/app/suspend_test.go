package app_test

import (
	"slices"
	"testing"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	openstackclient "github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/services/tenant/internal/cloud/cloudtest"
)

// TestSuspend switches a tenant off and on again: in Keystone, in the events, and for changes below it.
func TestSuspend(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	ten := r.tenant("acme")
	o := r.organisation("acme", "core")
	cloud := openstackclient.NewKeystone(cloudtest.Client(t, r.clouds, "sim"))
	secret := r.secret(o)
	if err := cloud.TryCredential(ctx, o.GetCredential().GetId(), secret); err != nil {
		t.Fatalf("use the organisation's credential: %v", err)
	}
	_, err := r.ResumeTenant(ctx, &tenantv1.ResumeTenantRequest{Name: ten.GetName()})
	refused(t, err, "TENANT_NOT_SUSPENDED")

	op := r.done(r.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: ten.GetName(), Reason: "unpaid", RequestId: "s1"}))
	ten, err = r.GetTenant(ctx, &tenantv1.GetTenantRequest{Name: ten.GetName()})
	if err != nil || ten.GetState() != typev1.State_SUSPENDED {
		t.Fatalf("suspended tenant is %s, %v", ten.GetState(), err)
	}
	if !slices.ContainsFunc(ten.GetConditions(), func(c *typev1.Condition) bool { return c.GetMessage() == "unpaid" }) {
		t.Errorf("the reason is not among the conditions: %v", ten.GetConditions())
	}
	if err := cloud.TryCredential(ctx, o.GetCredential().GetId(), secret); err == nil {
		t.Error("the organisation's credential works although its tenant is suspended")
	}
	again, err := r.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: ten.GetName(), Reason: "unpaid", RequestId: "s1"})
	if err != nil || again.GetName() != op.GetName() {
		t.Errorf("the repeated call answers %s, %v; want %s", again.GetName(), err, op.GetName())
	}
	_, err = r.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: ten.GetName(), Reason: "other", RequestId: "s1"})
	refused(t, err, "REQUEST_ID_REUSED")

	_, err = r.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
		Parent: ten.GetName(), OrganisationId: "more", Organisation: &tenantv1.Organisation{Mode: mutualized},
	})
	refused(t, err, "TENANT_SUSPENDED")
	_, err = r.UpdateOrganisation(ctx, &tenantv1.UpdateOrganisationRequest{
		Organisation: &tenantv1.Organisation{Name: o.GetName(), DisplayName: "x"},
	})
	refused(t, err, "TENANT_SUSPENDED")
	_, err = r.RotateOrganisationCredential(ctx, &tenantv1.RotateOrganisationCredentialRequest{Name: o.GetName()})
	refused(t, err, "TENANT_SUSPENDED")
	_, err = r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: o.GetName(), Force: true, Purge: true})
	refused(t, err, "TENANT_SUSPENDED")

	// The tenant's own texts may still change, and it stays suspended.
	r.done(r.UpdateTenant(ctx, &tenantv1.UpdateTenantRequest{Tenant: &tenantv1.Tenant{Name: ten.GetName(), DisplayName: "Acme"}}))
	ten, err = r.GetTenant(ctx, &tenantv1.GetTenantRequest{Name: ten.GetName()})
	if err != nil || ten.GetState() != typev1.State_SUSPENDED || ten.GetDisplayName() != "Acme" {
		t.Errorf("updated suspended tenant is %v, %v", ten, err)
	}

	r.done(r.ResumeTenant(ctx, &tenantv1.ResumeTenantRequest{Name: ten.GetName()}))
	if err := cloud.TryCredential(ctx, o.GetCredential().GetId(), secret); err != nil {
		t.Errorf("use the credential after the tenant was resumed: %v", err)
	}
	want := []string{"tenant.created", "tenant.suspended", "tenant.updated", "tenant.resumed"}
	if got := r.events(ten.GetName()); !slices.Equal(got, want) {
		t.Errorf("events of the tenant: %v, want %v", got, want)
	}
}

// secret opens the sealed secret of an organisation's credential, as only the service can.
func (r *rig) secret(o *tenantv1.Organisation) string {
	r.t.Helper()
	return r.secretOf(o.GetUid(), o.GetCredential().GetId())
}
