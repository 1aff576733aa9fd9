package app_test

import (
	"maps"
	"slices"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/client/networkfake"
)

// TestPurgeTenant_purgesOfOrganisations_areJoined purges a tenant while an organisation of it is being purged: the tenant waits for the
// purge there is, whose operation ends as what it is, and nothing is done or told twice.
func TestPurgeTenant_purgesOfOrganisations_areJoined(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	before := r.inventory()
	r.tenant("acme")
	o := r.organisation("acme", "core", "dev")
	r.organisation("acme", "other")
	r.network.Hold("DeleteHub")
	purge := &tenantv1.DeleteOrganisationRequest{Name: o.GetName(), Force: true, Purge: true}
	first, err := r.DeleteOrganisation(ctx, purge)
	if err != nil {
		t.Fatal(err)
	}
	r.follows(first, "remove-hub", "")
	if again, err := r.DeleteOrganisation(ctx, purge); err != nil || again.GetName() != first.GetName() {
		t.Errorf("another purge answers %s, %v; want the one that is under way, %s", again.GetName(), err, first.GetName())
	}
	if again, err := r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: o.GetName(), Purge: true}); err != nil || again.GetName() != first.GetName() {
		t.Errorf("another purge without force answers %s, %v", again.GetName(), err)
	}
	_, err = r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Purge: true})
	refused(t, err, "TENANT_NOT_EMPTY")
	whole, err := r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true, Purge: true})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Purge: true}); err != nil || again.GetName() != whole.GetName() {
		t.Errorf("another purge of the tenant answers %s, %v; want %s", again.GetName(), err, whole.GetName())
	}
	r.network.Release()
	r.done(first, nil)
	r.done(whole, nil)
	if after := r.inventory(); !maps.Equal(before, after) {
		t.Errorf("the cloud held %v and holds %v", before, after)
	}
	if n := len(r.network.Calls("DeleteHub")); n != 2 {
		t.Errorf("two hubs were deleted with %d calls", n)
	}
	if got, want := r.events(o.GetName()), []string{"organisation.created", "usage.changed", "usage.changed", "organisation.deleted", "organisation.purged"}; !slices.Equal(got, want) {
		t.Errorf("events: %v, want %v", got, want)
	}
}

// TestPurgeTenant_force_isAddedToRunningPurges frees a purge that waits for VPCs made by their owners, when the tenant goes with force.
func TestPurgeTenant_force_isAddedToRunningPurges(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	r.tenant("acme")
	o := r.organisation("acme", "core")
	if _, err := r.network.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: o.GetName(), VpcId: "own", Vpc: &networkv1.Vpc{}}); err != nil {
		t.Fatal(err)
	}
	// The check before the purge does not hear of the VPC, the purge then does.
	r.network.Fail(networkfake.Fault{Method: "ListVpcs", Err: errs.NotFound("organisation", o.GetName())})
	purge, err := r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: o.GetName(), Purge: true})
	if err != nil {
		t.Fatal(err)
	}
	r.until(purge, "blocked", func(_ *longrunningpb.Operation, m *operationv1.OperationMetadata) bool {
		return m.GetBlockage().GetReason() == "ORGANISATION_NOT_EMPTY"
	})
	whole, err := r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true, Purge: true})
	if err != nil {
		t.Fatal(err)
	}
	r.done(purge, nil)
	r.done(whole, nil)
	if _, hubs, vpcs, _ := r.network.Counts(); hubs+vpcs != 0 {
		t.Errorf("left with the network service: %d hubs, %d VPCs", hubs, vpcs)
	}
}
