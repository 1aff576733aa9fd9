// Package networkfake is the network service in memory: peertest with the rules that tenants and organisations meet.
package networkfake

import (
	"net/netip"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	internalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/peer/peertest"
)

// Fake is a network service, with a client of it.
type Fake struct {
	*peertest.Fake
	networkv1.VpcServiceClient
}

// Fault is a failure on request.
type Fault = peertest.Fault

// Start serves the fake until the test ends.
func Start(t testing.TB) *Fake {
	t.Helper()
	boundary, hub := peertest.Field("tenant", "/boundary"), peertest.Field("organisation", "/hub")
	f := peertest.Start(t, "network", map[string]peertest.Rule{
		"EnsureBoundary": {Name: boundary, UID: peertest.Field("tenant_uid", "")},
		"DeleteBoundary": {Name: boundary, Check: unused("Hub", "BOUNDARY_IN_USE", "/boundary", boundary)},
		"EnsureHub": {Name: hub, UID: peertest.Field("organisation_uid", "/hub"), Check: func(s *peertest.State, req proto.Message) error {
			return bounded(s, hub(req.ProtoReflect()))
		}},
		"DeleteHub":  {Name: hub, Check: unused("Vpc", "HUB_IN_USE", "/hub", hub)},
		"SetQuota":   {Check: peertest.Check(func(s *peertest.State, r *internalv1.SetQuotaRequest) error { return bounded(s, r.GetOrganisation()) })},
		"CheckOrder": {Check: peertest.Check(checkOrder)},
		"CreateVpc": {Check: peertest.Check(func(s *peertest.State, r *networkv1.CreateVpcRequest) error {
			return known(s, "organisation", r.GetParent(), "/hub")
		})},
		"DeleteVpc": {Check: peertest.Check(unpeered)},
		"ListVpcs": {Check: peertest.Check(func(s *peertest.State, r *networkv1.ListVpcsRequest) error {
			if strings.HasSuffix(r.GetParent(), "/-") {
				return nil
			}
			return known(s, "organisation", r.GetParent(), "/hub")
		})},
		"ListPeerings": {Check: peertest.Check(func(s *peertest.State, r *networkv1.ListPeeringsRequest) error {
			return known(s, "tenant", r.GetParent(), "/boundary")
		})},
		"PreviewRemoval": {Respond: peertest.Respond(previewRemoval)},
	}, name(internalv1.FoundationService_ServiceDesc.ServiceName), name(networkv1.VpcService_ServiceDesc.ServiceName),
		name(networkv1.PeeringService_ServiceDesc.ServiceName))
	return &Fake{f, networkv1.NewVpcServiceClient(f.Dial(t))}
}

func name(service string) protoreflect.FullName { return protoreflect.FullName(service) }

func known(s *peertest.State, kind, parent, base string) error {
	if s.Has(parent + base) {
		return nil
	}
	return errs.NotFound(kind, parent)
}

// bounded refuses what lies in a tenant without a boundary.
func bounded(s *peertest.State, below string) error {
	return known(s, "tenant", strings.Join(strings.Split(below, "/")[:2], "/"), "/boundary")
}

// unused refuses to delete a base that resources of a kind stand on.
func unused(
	kind, reason, suffix string, base func(protoreflect.Message) string,
) func(*peertest.State, proto.Message) error {
	return func(s *peertest.State, req proto.Message) error {
		left := s.Names(kind, strings.TrimSuffix(base(req.ProtoReflect()), suffix))
		if len(left) == 0 {
			return nil
		}
		return errs.New(errs.FailedPrecondition, reason, "%s remains; delete it first", left[0])
	}
}

// checkOrder refuses networks that overlap those there are.
func checkOrder(s *peertest.State, req *internalv1.CheckOrderRequest) error {
	for _, n := range req.GetNetworks() {
		for _, name := range s.Names("Vpc", req.GetTenant()) {
			have := (*s)[name].Message.(*networkv1.Vpc).GetCidr()
			if n.GetCidr() != "" && have != "" && netip.MustParsePrefix(n.GetCidr()).Overlaps(netip.MustParsePrefix(have)) {
				return errs.InvalidAs("CIDR_OVERLAP", errs.Field(n.GetField(), "%s overlaps %s of %s; choose another", n.GetCidr(), have, name))
			}
		}
	}
	return nil
}

func unpeered(s *peertest.State, req *networkv1.DeleteVpcRequest) error {
	for _, name := range s.Names("Peering", "") {
		if p := (*s)[name].Message.(*networkv1.Peering); p.GetVpc() == req.GetName() || p.GetPeerVpc() == req.GetName() {
			return errs.Failed("VPC_PEERED", "%s is peered by %s; delete that first", req.GetName(), name)
		}
	}
	return nil
}

// previewRemoval responds with one object for each resource below the name.
func previewRemoval(s *peertest.State, req *internalv1.PreviewRemovalRequest) (*internalv1.PreviewRemovalResponse, error) {
	out := &internalv1.PreviewRemovalResponse{}
	for _, kind := range [][2]string{{"Vpc", "router"}, {"Hub", "network"}, {"Boundary", "address_scope"}} {
		for _, name := range s.Names(kind[0], req.GetName()) {
			out.Objects = append(out.Objects, &operationv1.PlannedObject{
				Action: operationv1.PlannedObject_DELETE, Step: kind[1], Type: "neutron." + kind[1], Id: "id of " + name, Resource: name, Service: "network",
			})
		}
	}
	for _, name := range s.Names("Vpc", req.GetName()) {
		out.Usage = append(out.Usage, &typev1.UsageEffect{Resource: name, Meter: "router", Mode: typev1.ResourceMode_MUTUALIZED, QuantityBefore: 1})
	}
	return out, nil
}

// Counts are how many boundaries, hubs, VPCs and peerings there are.
func (f *Fake) Counts() (boundaries, hubs, vpcs, peerings int) {
	return f.Count("Boundary"), f.Count("Hub"), f.Count("Vpc"), f.Count("Peering")
}

// Hub is the order for an organisation's hub, nil when there is none.
func (f *Fake) Hub(organisation string) *internalv1.EnsureHubRequest {
	h, _ := f.Resource(organisation + "/hub").(*internalv1.EnsureHubRequest)
	return h
}

// Quota is the last quota that was set for an organisation's project, nil when none was.
func (f *Fake) Quota(organisation string) (q *internalv1.ProjectQuota) {
	for _, req := range f.Calls("SetQuota") {
		if r := req.(*internalv1.SetQuotaRequest); r.GetOrganisation() == organisation {
			q = r.GetQuota()
		}
	}
	return q
}

// Protect protects a VPC against deletion, or lifts that, as its owner does.
func (f *Fake) Protect(name string, on bool) {
	v := f.Resource(name).(*networkv1.Vpc)
	v.DeletionProtection = on
	f.Put("Vpc", name, v)
}

// Peer makes a peering between two VPCs, as their owner does.
func (f *Fake) Peer(name, vpc, peer string) {
	f.Put("Peering", name, &networkv1.Peering{Name: name, Vpc: vpc, PeerVpc: peer, State: typev1.State_ACTIVE})
}
