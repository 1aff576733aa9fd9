package app_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/openstack/neutron"
)

// wiring is how a VPC is tied to others: the routes of its router and the ingress rules of its group.
func (w *world) wiring(v *networkv1.Vpc) []string {
	w.t.Helper()
	routers, err := w.cloud.Routers(w.t.Context(), neutron.Filter{IDs: []string{v.GetCloud().GetRouterId()}})
	must(w.t, err)
	rules, err := w.cloud.Rules(w.t.Context(), neutron.Filter{GroupID: v.GetCloud().GetSecurityGroupId()})
	must(w.t, err)
	var out []string
	for _, r := range routers[0].Routes {
		out = append(out, "to "+r.Destination.String()+" via "+r.NextHop.String())
	}
	for _, r := range rules {
		if r.Direction == neutron.Ingress {
			out = append(out, "from "+r.Remote.String()+" "+r.Protocol)
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) peer(id string, a, b *networkv1.Vpc) *networkv1.Peering {
	w.t.Helper()
	op := w.done(w.peers.CreatePeering(w.t.Context(), &networkv1.CreatePeeringRequest{
		Parent: tenant, PeeringId: id, Peering: &networkv1.Peering{Vpc: a.GetName(), PeerVpc: b.GetName()},
	}))
	return response(w, op, &networkv1.Peering{})
}

func TestPeeringAcrossOrganisations(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	other := tenant + "/organisations/labs"
	w.hub(other, "proj-labs")
	a := w.vpc("dev", &networkv1.Vpc{})
	b := response(w, w.done(w.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{Parent: other, VpcId: "lab", Vpc: &networkv1.Vpc{}})), &networkv1.Vpc{})
	apartA, apartB := w.wiring(a), w.wiring(b)
	before := len(w.objects(""))

	p := w.peer("dev-lab", a, b)
	if p.GetState() != typev1.State_ACTIVE || p.GetAcceptance() != networkv1.Peering_PENDING || p.GetLinkCidr() != "100.65.0.0/30" {
		t.Errorf("got %v", p)
	}
	if !slices.Equal(w.wiring(a), apartA) || len(w.objects("")) != before {
		t.Error("something was routed before the peer accepted")
	}
	p = response(w, w.done(w.peers.AcceptPeering(t.Context(), &networkv1.AcceptPeeringRequest{Name: p.GetName()})), &networkv1.Peering{})
	if p.GetState() != typev1.State_ACTIVE || p.GetAcceptance() != networkv1.Peering_ACCEPTED {
		t.Errorf("got %v", p)
	}
	joinedA := append([]string{"to " + b.GetCidr() + " via 100.65.0.2", "from " + b.GetCidr() + " "}, apartA...)
	joinedB := append([]string{"to " + a.GetCidr() + " via 100.65.0.1", "from " + a.GetCidr() + " "}, apartB...)
	slices.Sort(joinedA)
	slices.Sort(joinedB)
	if got := w.wiring(a); !slices.Equal(got, joinedA) {
		t.Errorf("got %q, want %q", got, joinedA)
	}
	if got := w.wiring(b); !slices.Equal(got, joinedB) {
		t.Errorf("got %q, want %q", got, joinedB)
	}
	_, err := w.peers.AcceptPeering(t.Context(), &networkv1.AcceptPeeringRequest{Name: p.GetName()})
	refused(t, err, codes.FailedPrecondition, "PEERING_NOT_PENDING")
	_, err = w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: b.GetName()})
	if e := refusal(t, err, codes.FailedPrecondition, "VPC_PEERED"); e.Metadata["resource"] != p.GetName() {
		t.Errorf("got %v", e)
	}
	// The VPC's own rules change, the peering's stay.
	w.done(w.vpcs.UpdateVpc(t.Context(), &networkv1.UpdateVpcRequest{Vpc: &networkv1.Vpc{Name: a.GetName(), IngressRules: []*networkv1.IngressRule{
		{Name: "web", Protocol: networkv1.IngressRule_TCP, PortMin: 443, SourceCidr: "0.0.0.0/0"},
	}}}))
	if got := w.wiring(a); !slices.Contains(got, "from "+b.GetCidr()+" ") {
		t.Errorf("the update of the VPC took the peering's rule: %q", got)
	}
	_, err = w.peers.DeletePeering(t.Context(), &networkv1.DeletePeeringRequest{Name: p.GetName(), Etag: "stale"})
	refused(t, err, codes.Aborted, "ETAG_MISMATCH")
	w.done(w.peers.DeletePeering(t.Context(), &networkv1.DeletePeeringRequest{Name: p.GetName(), Etag: p.GetEtag()}))
	if got := w.wiring(b); !slices.Equal(got, apartB) {
		t.Errorf("after the peering: %q, want %q", got, apartB)
	}
	if after := len(w.objects("")); after != before {
		t.Errorf("the peering left %d objects behind", after-before)
	}
	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: b.GetName()}))
}

func TestCreatePeeringRefuses(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	a, b := w.vpc("dev", &networkv1.Vpc{}), w.vpc("prod", &networkv1.Vpc{})
	w.peer("first", a, b)
	create := func(id, one, two string) error {
		_, err := w.peers.CreatePeering(t.Context(), &networkv1.CreatePeeringRequest{
			Parent: tenant, PeeringId: id, Peering: &networkv1.Peering{Vpc: one, PeerVpc: two},
		})
		return err
	}
	if e := refusal(t, create("second", b.GetName(), a.GetName()), codes.AlreadyExists, "PEERING_EXISTS"); e.Metadata["resource"] != tenant+"/peerings/first" {
		t.Errorf("got %v", e)
	}
	refused(t, create("first", a.GetName(), b.GetName()), codes.AlreadyExists, "PEERING_EXISTS")
	refused(t, create("self", a.GetName(), a.GetName()), codes.InvalidArgument, "INVALID_FIELDS")
	refused(t, create("ghost", a.GetName(), org+"/vpcs/ghost"), codes.NotFound, "VPC_NOT_FOUND")
	refused(t, create("abroad", a.GetName(), "tenants/other/organisations/core/vpcs/dev"), codes.InvalidArgument, "INVALID_FIELDS")

	page, err := w.peers.ListPeerings(t.Context(), &networkv1.ListPeeringsRequest{Parent: tenant, Filter: "acceptance = PENDING"})
	must(t, err)
	if len(page.GetPeerings()) != 1 || page.GetPeerings()[0].GetVpc() != a.GetName() {
		t.Errorf("got %v", page)
	}
	w.done(w.peers.DeletePeering(t.Context(), &networkv1.DeletePeeringRequest{Name: tenant + "/peerings/first"}))
	_, err = w.peers.GetPeering(t.Context(), &networkv1.GetPeeringRequest{Name: tenant + "/peerings/first"})
	refused(t, err, codes.NotFound, "PEERING_NOT_FOUND")
	w.peer("second", b, a)
}

func TestFoundations(t *testing.T) {
	w := newWorld(t, setup{})
	hubRequest := &networkinternalv1.EnsureHubRequest{
		Organisation: org, OrganisationUid: "org_1", ProjectId: "proj-core", Mode: typev1.ResourceMode_DEDICATED, Cidr: "10.64.4.0/22",
	}
	_, err := w.base.EnsureHub(t.Context(), hubRequest)
	refused(t, err, codes.NotFound, "TENANT_NOT_FOUND")
	boundaryRequest := &networkinternalv1.EnsureBoundaryRequest{Tenant: tenant, TenantUid: "ten_1", NetworkCidr: space}
	first := w.done(w.base.EnsureBoundary(t.Context(), boundaryRequest))
	again, err := w.base.EnsureBoundary(t.Context(), boundaryRequest)
	must(t, err)
	if again.GetName() != first.GetName() {
		t.Errorf("asking again answered %s, want %s", again.GetName(), first.GetName())
	}
	_, err = w.base.EnsureBoundary(t.Context(), &networkinternalv1.EnsureBoundaryRequest{Tenant: tenant, TenantUid: "ten_1", NetworkCidr: "10.0.0.0/12"})
	refused(t, err, codes.AlreadyExists, "BOUNDARY_EXISTS")
	_, err = w.base.EnsureBoundary(t.Context(), &networkinternalv1.EnsureBoundaryRequest{Tenant: "tenants/bad", TenantUid: "ten_2", NetworkCidr: "100.64.0.0/12"})
	refused(t, err, codes.InvalidArgument, "CIDR_RESERVED")

	hub := w.done(w.base.EnsureHub(t.Context(), hubRequest))
	hubAgain, err := w.base.EnsureHub(t.Context(), hubRequest)
	must(t, err)
	if hubAgain.GetName() != hub.GetName() {
		t.Errorf("asking again answered %s, want %s", hubAgain.GetName(), hub.GetName())
	}
	check := func(networks ...*networkinternalv1.NetworkOrder) error {
		_, err := w.base.CheckOrder(t.Context(), &networkinternalv1.CheckOrderRequest{Tenant: tenant, Networks: networks})
		return err
	}
	must(t, check(&networkinternalv1.NetworkOrder{Field: "hub_cidr", Hub: true}, &networkinternalv1.NetworkOrder{Field: "vpcs[0].cidr", Cidr: "10.65.0.0/20"}))
	e := refusal(t, check(
		&networkinternalv1.NetworkOrder{Field: "vpcs[0].cidr", Cidr: "10.65.0.0/20"},
		&networkinternalv1.NetworkOrder{Field: "vpcs[1].cidr", Cidr: "10.65.8.0/24"},
		&networkinternalv1.NetworkOrder{Field: "vpcs[2].cidr", Cidr: "10.64.4.0/24"},
	), codes.InvalidArgument, "CIDR_OVERLAP")
	if len(e.Fields) != 2 || e.Fields[0].Field != "vpcs[1].cidr" || e.Fields[1].Field != "vpcs[2].cidr" || !strings.Contains(e.Fields[0].Description, "vpcs[0].cidr") {
		t.Errorf("got %v", e)
	}
	_, err = w.base.DeleteBoundary(t.Context(), &networkinternalv1.DeleteBoundaryRequest{Tenant: tenant})
	refused(t, err, codes.FailedPrecondition, "BOUNDARY_IN_USE")
	w.vpc("dev", &networkv1.Vpc{})
	_, err = w.base.DeleteHub(t.Context(), &networkinternalv1.DeleteHubRequest{Organisation: org})
	refused(t, err, codes.FailedPrecondition, "HUB_IN_USE")
	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: org + "/vpcs/dev"}))
	w.done(w.base.DeleteHub(t.Context(), &networkinternalv1.DeleteHubRequest{Organisation: org}))
	_, err = w.hubs.GetHub(t.Context(), &networkv1.GetHubRequest{Name: org + "/hub"})
	refused(t, err, codes.NotFound, "HUB_NOT_FOUND")
	w.done(w.base.DeleteBoundary(t.Context(), &networkinternalv1.DeleteBoundaryRequest{Tenant: tenant}))
	_, err = w.base.DeleteBoundary(t.Context(), &networkinternalv1.DeleteBoundaryRequest{Tenant: tenant})
	if status := asError(err); status.Reason != "TENANT_NOT_FOUND" {
		t.Errorf("got %v", err)
	}
	if left := w.objects("proj-core"); len(left) != 0 {
		t.Errorf("the cloud still holds %v", left)
	}
}
