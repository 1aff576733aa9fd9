package app_test

import (
	"maps"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

const mutualized = typev1.ResourceMode_MUTUALIZED

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLife goes through what a client does: a tenant, an organisation with two VPCs as one operation, and the end of it
// all, after which nothing is left anywhere.
func TestLife(t *testing.T) {
	r := start(t)
	before := r.inventory()
	ten := r.tenant("acme")
	if ten.GetState() != typev1.State_ACTIVE || ten.GetOpenstackDomainId() == "" || ten.GetNetworkCidr() != "10.64.0.0/12" {
		t.Fatalf("made tenant %v", ten)
	}
	op := r.done(r.CreateOrganisation(t.Context(), &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "core",
		Organisation: &tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{
			{VpcId: "dev", Cidr: "10.64.0.0/20"}, {VpcId: "prod", Mode: typev1.ResourceMode_DEDICATED},
		}},
	}))
	steps := map[string]*operationv1.Step{}
	for _, s := range r.metadata(op).GetSteps() {
		if s.GetState() != operationv1.Step_DONE {
			t.Errorf("step %s is %s", s.GetName(), s.GetState())
		}
		steps[s.GetName()] = s
	}
	for _, name := range []string{"hub", "vpc-dev", "vpc-prod"} {
		if steps[name].GetOperation() == "" {
			t.Errorf("step %s shows no operation of the network service", name)
		}
	}
	if len(steps["project"].GetCloudRequestIds()) == 0 {
		t.Error("step project shows no request of the cloud")
	}
	var answer tenantv1.Organisation
	if err := op.GetResponse().UnmarshalTo(&answer); err != nil || answer.GetState() != typev1.State_ACTIVE {
		t.Errorf("the operation answers %v, %v", &answer, err)
	}
	o := r.getOrganisation("tenants/acme/organisations/core")
	if o.GetOpenstackProjectId() == "" || o.GetCredential().GetId() == "" || o.GetCredential().GetExpireTime() == nil {
		t.Errorf("organisation lacks its project or credential: %v", o)
	}
	if b, h, v, _ := r.network.Counts(); b != 1 || h != 1 || v != 2 {
		t.Errorf("the network service has %d boundaries, %d hubs, %d VPCs", b, h, v)
	}
	if hub := r.network.Hub(o.GetName()); hub.GetProjectId() != o.GetOpenstackProjectId() {
		t.Errorf("the hub was ordered for project %q", hub.GetProjectId())
	}
	r.done(r.DeleteTenant(t.Context(), &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true, Purge: true}))
	if after := r.inventory(); !maps.Equal(before, after) {
		t.Errorf("the cloud held %v and holds %v", before, after)
	}
	if b, h, v, _ := r.network.Counts(); b+h+v != 0 {
		t.Errorf("the network service still has %d boundaries, %d hubs, %d VPCs", b, h, v)
	}
	_, err := r.GetTenant(t.Context(), &tenantv1.GetTenantRequest{Name: "tenants/acme"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("the purged tenant: %v", err)
	}
	r.tenant("acme") // its id is free again
}
