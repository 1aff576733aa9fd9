package networkfake

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	internalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
)

func tenantOf(name string) string { return strings.Split(name, "/")[1] }

// EnsureBoundary makes a boundary, or answers for the one there is.
func (f *Fake) EnsureBoundary(_ context.Context, req *internalv1.EnsureBoundaryRequest) (*longrunningpb.Operation, error) {
	return f.accept(change{
		method: "EnsureBoundary", tenant: tenantOf(req.GetTenant()), requestID: req.GetRequestId(), req: req,
		resource: req.GetTenant(), uid: req.GetTenantUid(), begin: func() { f.boundaries[req.GetTenant()] = req },
	}, func() error { return nil })
}

// DeleteBoundary removes a boundary nothing stands on.
func (f *Fake) DeleteBoundary(_ context.Context, req *internalv1.DeleteBoundaryRequest) (*longrunningpb.Operation, error) {
	return f.accept(change{
		method: "DeleteBoundary", tenant: tenantOf(req.GetTenant()), requestID: req.GetRequestId(), req: req, resource: req.GetTenant(),
		finish: func() { delete(f.boundaries, req.GetTenant()) },
	}, func() error {
		if f.boundaries[req.GetTenant()] == nil {
			return errs.NotFound("boundary", req.GetTenant())
		}
		for organisation := range f.hubs {
			if strings.HasPrefix(organisation, req.GetTenant()+"/") {
				return errs.Failed("BOUNDARY_IN_USE", "the hub of %s remains; delete it first", organisation)
			}
		}
		return nil
	})
}

// EnsureHub makes a hub, or answers for the one there is.
func (f *Fake) EnsureHub(_ context.Context, req *internalv1.EnsureHubRequest) (*longrunningpb.Operation, error) {
	tenant := "tenants/" + tenantOf(req.GetOrganisation())
	return f.accept(change{
		method: "EnsureHub", tenant: tenantOf(req.GetOrganisation()), requestID: req.GetRequestId(), req: req,
		resource: req.GetOrganisation() + "/hub", uid: "hub_" + req.GetOrganisationUid(),
		begin: func() { f.hubs[req.GetOrganisation()] = req },
	}, func() error {
		if f.boundaries[tenant] == nil {
			return errs.NotFound("tenant", tenant)
		}
		return nil
	})
}

// DeleteHub removes a hub nothing stands on.
func (f *Fake) DeleteHub(_ context.Context, req *internalv1.DeleteHubRequest) (*longrunningpb.Operation, error) {
	return f.accept(change{
		method: "DeleteHub", tenant: tenantOf(req.GetOrganisation()), requestID: req.GetRequestId(), req: req,
		resource: req.GetOrganisation() + "/hub", finish: func() { delete(f.hubs, req.GetOrganisation()) },
	}, func() error {
		if f.hubs[req.GetOrganisation()] == nil {
			return errs.NotFound("hub", req.GetOrganisation())
		}
		for name := range f.vpcs {
			if strings.HasPrefix(name, req.GetOrganisation()+"/") {
				return errs.Failed("HUB_IN_USE", "%s remains; delete it first", name)
			}
		}
		return nil
	})
}

// SetQuota notes what a project may hold.
func (f *Fake) SetQuota(_ context.Context, req *internalv1.SetQuotaRequest) (*internalv1.SetQuotaResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls["SetQuota"]++
	if fault := f.strike("SetQuota"); fault != nil {
		return nil, fault.Err
	}
	tenant := "tenants/" + tenantOf(req.GetOrganisation())
	if f.boundaries[tenant] == nil {
		return nil, errs.NotFound("tenant", tenant)
	}
	f.quotas[req.GetOrganisation()] = req.GetQuota()
	return &internalv1.SetQuotaResponse{}, nil
}

// CheckOrder refuses networks that overlap those there are.
func (f *Fake) CheckOrder(_ context.Context, req *internalv1.CheckOrderRequest) (*internalv1.CheckOrderResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls["CheckOrder"]++
	if fault := f.strike("CheckOrder"); fault != nil {
		return nil, fault.Err
	}
	for _, n := range req.GetNetworks() {
		for name, v := range f.vpcs {
			if n.GetCidr() == "" || v.GetCidr() == "" || !strings.HasPrefix(name, req.GetTenant()+"/") {
				continue
			}
			if netip.MustParsePrefix(n.GetCidr()).Overlaps(netip.MustParsePrefix(v.GetCidr())) {
				return nil, errs.InvalidAs("CIDR_OVERLAP", errs.Field(n.GetField(), "%s overlaps %s of %s; choose another",
					n.GetCidr(), v.GetCidr(), name))
			}
		}
	}
	return &internalv1.CheckOrderResponse{}, nil
}

// CreateVpc makes a VPC.
func (f *Fake) CreateVpc(_ context.Context, req *networkv1.CreateVpcRequest) (*longrunningpb.Operation, error) {
	name, uid := req.GetParent()+"/vpcs/"+req.GetVpcId(), ids.New("vpc")
	return f.accept(change{
		method: "CreateVpc", tenant: tenantOf(name), requestID: req.GetRequestId(), req: req, resource: name, uid: uid,
		begin: func() {
			v := proto.CloneOf(req.GetVpc())
			v.Name, v.Uid, v.State = name, uid, typev1.State_CREATING
			f.vpcs[name] = v
			f.created = append(f.created, name)
		},
		finish: func() {
			if v := f.vpcs[name]; v != nil && v.GetUid() == uid {
				v.State = typev1.State_ACTIVE
			}
		},
	}, func() error {
		switch {
		case f.vpcs[name] != nil:
			return errs.Exists("vpc", name)
		case f.hubs[req.GetParent()] == nil:
			return errs.NotFound("organisation", req.GetParent())
		}
		return nil
	})
}

// DeleteVpc removes a VPC without peerings.
func (f *Fake) DeleteVpc(_ context.Context, req *networkv1.DeleteVpcRequest) (*longrunningpb.Operation, error) {
	name := req.GetName()
	return f.accept(change{
		method: "DeleteVpc", tenant: tenantOf(name), requestID: req.GetRequestId(), req: req, resource: name,
		finish: func() { delete(f.vpcs, name) },
	}, func() error {
		if f.vpcs[name] == nil {
			return errs.NotFound("vpc", name)
		}
		if f.vpcs[name].GetDeletionProtection() {
			return errs.Protected(name)
		}
		for _, p := range f.peerings {
			if p.GetVpc() == name || p.GetPeerVpc() == name {
				return errs.Failed("VPC_PEERED", "%s is peered by %s; delete that first", name, p.GetName())
			}
		}
		return nil
	})
}

// GetVpc answers a VPC; looking at one that is being deleted ends its deletion, as time would.
func (f *Fake) GetVpc(_ context.Context, req *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls["GetVpc"]++
	if err := f.settle(); err != nil {
		return nil, err
	}
	v := f.vpcs[req.GetName()]
	if v == nil {
		return nil, errs.NotFound("vpc", req.GetName())
	}
	return proto.CloneOf(v), nil
}

// ListVpcs answers the VPCs of an organisation.
func (f *Fake) ListVpcs(_ context.Context, req *networkv1.ListVpcsRequest) (*networkv1.ListVpcsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls["ListVpcs"]++
	if fault := f.strike("ListVpcs"); fault != nil {
		return nil, fault.Err
	}
	if err := f.settle(); err != nil {
		return nil, err
	}
	if f.hubs[req.GetParent()] == nil && !strings.HasSuffix(req.GetParent(), "/-") {
		return nil, errs.NotFound("organisation", req.GetParent())
	}
	out := &networkv1.ListVpcsResponse{}
	parent := strings.TrimSuffix(req.GetParent(), "/-") + "/"
	for name, v := range f.vpcs {
		if req.GetFilter() == "deletion_protection = true" && !v.GetDeletionProtection() {
			continue
		}
		if strings.HasPrefix(name, parent) {
			out.Vpcs = append(out.Vpcs, proto.CloneOf(v))
		}
	}
	slices.SortFunc(out.GetVpcs(), func(a, b *networkv1.Vpc) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, nil
}

// settle ends every operation that nothing holds: those of the real service end without anybody looking.
func (f *Fake) settle() error {
	for _, w := range f.operations {
		if err := f.advance(w); err != nil {
			return err
		}
	}
	return nil
}

// ListPeerings answers the peerings of a tenant.
func (f *Fake) ListPeerings(_ context.Context, req *networkv1.ListPeeringsRequest) (*networkv1.ListPeeringsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls["ListPeerings"]++
	if f.boundaries[req.GetParent()] == nil {
		return nil, errs.NotFound("tenant", req.GetParent())
	}
	out := &networkv1.ListPeeringsResponse{}
	for name, p := range f.peerings {
		if strings.HasPrefix(name, req.GetParent()+"/") {
			out.Peerings = append(out.Peerings, proto.CloneOf(p))
		}
	}
	return out, nil
}

// DeletePeering removes a peering.
func (f *Fake) DeletePeering(_ context.Context, req *networkv1.DeletePeeringRequest) (*longrunningpb.Operation, error) {
	name := req.GetName()
	return f.accept(change{
		method: "DeletePeering", tenant: tenantOf(name), requestID: req.GetRequestId(), req: req, resource: name,
		begin: func() { delete(f.peerings, name) },
	}, func() error {
		if f.peerings[name] == nil {
			return errs.NotFound("peering", name)
		}
		return nil
	})
}

// PreviewRemoval answers an object for each resource below the name.
func (f *Fake) PreviewRemoval(_ context.Context, req *internalv1.PreviewRemovalRequest) (*internalv1.PreviewRemovalResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls["PreviewRemoval"]++
	out := &internalv1.PreviewRemovalResponse{}
	add := func(typ, name string) {
		out.Objects = append(out.Objects, &operationv1.PlannedObject{
			Action: operationv1.PlannedObject_DELETE, Step: typ, Type: "neutron." + typ, Id: "id of " + name, Resource: name, Service: "network",
		})
	}
	for name := range f.vpcs {
		if strings.HasPrefix(name, req.GetName()+"/") {
			add("router", name)
		}
	}
	for organisation := range f.hubs {
		if organisation == req.GetName() || strings.HasPrefix(organisation, req.GetName()+"/") {
			add("network", organisation+"/hub")
		}
	}
	if f.boundaries[req.GetName()] != nil {
		add("address_scope", req.GetName()+"/boundary")
	}
	return out, nil
}

// Protect protects a VPC against deletion, or lifts that, as its owner would.
func (f *Fake) Protect(name string, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.vpcs[name].DeletionProtection = on
}

// Peer makes a peering between two VPCs, as their owner would.
func (f *Fake) Peer(name, vpc, peer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.peerings[name] = &networkv1.Peering{Name: name, Vpc: vpc, PeerVpc: peer, State: typev1.State_ACTIVE}
}
