package app_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

// TestProtectionHolds tries every way to delete what is protected: itself, and from above, with force and purge.
func TestProtectionHolds(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	r.tenant("acme")
	name := r.organisation("acme", "core", "dev").GetName()
	vpc := name + "/vpcs/dev"
	refuses := func(what, protected string, err error) {
		t.Helper()
		e := refusal(t, err, "DELETION_PROTECTED")
		if e.Metadata["resource"] != protected || !strings.Contains(e.Message, "deletion_protection = false") {
			t.Errorf("%s: %v", what, e)
		}
	}
	fromAbove := func(protected string) {
		t.Helper()
		for _, purge := range []bool{false, true} {
			_, err := r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true, Purge: purge})
			refuses("the tenant", protected, err)
		}
	}

	r.network.Protect(vpc, true)
	for _, purge := range []bool{false, true} {
		_, err := r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: name, Force: true, Purge: purge})
		refuses("the organisation", vpc, err)
	}
	fromAbove(vpc)
	r.network.Protect(vpc, false)

	protect := func(on bool) {
		t.Helper()
		r.done(r.UpdateOrganisation(ctx, &tenantv1.UpdateOrganisationRequest{
			Organisation: &tenantv1.Organisation{Name: name, DeletionProtection: on},
			UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"deletion_protection"}},
		}))
		if o := r.getOrganisation(name); o.GetDeletionProtection() != on {
			t.Fatalf("protection is %t", !on)
		}
	}
	protect(true)
	for _, req := range []*tenantv1.DeleteOrganisationRequest{{Name: name}, {Name: name, Force: true}, {Name: name, Force: true, Purge: true}} {
		if _, err := r.DeleteOrganisation(ctx, req); req.GetForce() {
			refuses("the organisation", name, err)
		} else {
			refused(t, err, "ORGANISATION_NOT_EMPTY")
		}
	}
	fromAbove(name)
	protect(false)

	r.done(r.UpdateTenant(ctx, &tenantv1.UpdateTenantRequest{Tenant: &tenantv1.Tenant{Name: "tenants/acme", DeletionProtection: true}}))
	fromAbove("tenants/acme")
	_, err := r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme"})
	refuses("the tenant", "tenants/acme", err)
	r.done(r.UpdateTenant(ctx, &tenantv1.UpdateTenantRequest{
		Tenant: &tenantv1.Tenant{Name: "tenants/acme"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"deletion_protection"}},
	}))
	op := r.done(r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true, Purge: true}))
	if r.metadata(op).GetReceipt() == "" {
		t.Error("the purge names no receipt")
	}
}
