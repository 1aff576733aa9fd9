package nameform_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/nameform"
)

func TestCheck_malformedField_isNamedWithItsForm(t *testing.T) {
	t.Parallel()
	const organisation, vpc = "tenants/acme/organisations/core", "tenants/acme/organisations/core/vpcs/dev"
	for name, c := range map[string]struct {
		request      proto.Message
		field, words string
	}{
		"good":             {&networkv1.CreateVpcRequest{Parent: organisation, VpcId: "dev"}, "", ""},
		"parent":           {&networkv1.CreateVpcRequest{Parent: "acme/core", VpcId: "dev"}, "parent", "must be tenants/{tenant}/organisations/{organisation}; ids"},
		"required":         {&networkv1.CreateVpcRequest{VpcId: "dev"}, "parent", "must be tenants/"},
		"id":               {&networkv1.CreateVpcRequest{Parent: organisation, VpcId: "Dev"}, "vpc_id", "must be 2 to 40 lower-case letters"},
		"tenant id":        {&tenantv1.CreateTenantRequest{TenantId: "ab"}, "tenant_id", "must be 3 to 40 lower-case letters"},
		"default id":       {&networkv1.CreateVpcRequest{Parent: organisation, VpcId: "dev", Vpc: &networkv1.Vpc{IngressRules: []*networkv1.IngressRule{{Name: "web"}, {Name: "-"}}}}, "vpc.ingress_rules[1].name", "must be 2 to 40"},
		"nested id":        {&tenantv1.CreateOrganisationRequest{Parent: "tenants/acme", OrganisationId: "core", Organisation: &tenantv1.Organisation{Vpcs: []*tenantv1.VpcOrder{{VpcId: "D"}}}}, "organisation.vpcs[0].vpc_id", "must be 2 to 40"},
		"reference":        {&networkv1.CreatePeeringRequest{Parent: "tenants/acme", PeeringId: "ab", Peering: &networkv1.Peering{Vpc: vpc, PeerVpc: organisation}}, "peering.peer_vpc", "must be tenants/{tenant}/organisations/{organisation}/vpcs/{vpc};"},
		"wildcard":         {&networkv1.ListVpcsRequest{Parent: "tenants/acme/organisations/-"}, "", ""},
		"wildcard, tenant": {&networkv1.ListVpcsRequest{Parent: "tenants/-/organisations/-"}, "parent", "must be tenants/{tenant}/organisations/{organisation}, or end in - for all"},
		"no wildcard":      {&networkv1.GetVpcRequest{Name: "tenants/acme/organisations/core/vpcs/-"}, "name", "must be tenants/"},
		"one of parents":   {&tenantv1.ListMembersRequest{Parent: vpc}, "", ""},
		"any of":           {&networkinternalv1.PreviewRemovalRequest{Name: organisation}, "", ""},
		"none of":          {&networkinternalv1.PreviewRemovalRequest{Name: vpc}, "name", "must be tenants/{tenant} or tenants/{tenant}/organisations/{organisation};"},
		"made ids":         {&tenantv1.GetMemberRequest{Name: "tenants/acme/members/x"}, "name", "must be tenants/{tenant}/members/{member} or "},
		"output only":      {&networkv1.IsolationReport{Tenants: []*networkv1.TenantIsolation{{Tenant: "x"}}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := nameform.Check(c.request)
			if c.field == "" {
				if len(got) > 0 {
					t.Errorf("refused: %v", got)
				}
				return
			}
			if len(got) != 1 || got[0].Field != c.field || !strings.HasPrefix(got[0].Description, c.words) {
				t.Errorf("got %v", got)
			}
		})
	}
}
