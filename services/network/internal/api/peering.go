package api

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/resource/serve"
	"github.com/low-layer/platform/services/network/internal/core/peering"
)

// Peerings is what the RPCs of peerings need.
type Peerings interface {
	CreatePeering(ctx context.Context, id resource.Identity, o peering.Order) (*provision.Operation, error)
	GetPeering(ctx context.Context, name resourcename.Peering) (peering.Peering, error)
	ListPeerings(ctx context.Context, parent resourcename.Tenant, in resource.List) (resource.Page[peering.Peering], error)
	AcceptPeering(ctx context.Context, id resource.Identity, name resourcename.Peering) (*provision.Operation, error)
	DeletePeering(ctx context.Context, id resource.Identity, name resourcename.Peering, etag string) (*provision.Operation, error)
}

type peeringServer struct {
	networkv1.UnimplementedPeeringServiceServer
	peerings Peerings
}

func (s *peeringServer) CreatePeering(ctx context.Context, req *networkv1.CreatePeeringRequest) (*longrunningpb.Operation, error) {
	return serve.Change(ctx, req, req.GetParent(), resourcename.ParseTenant, func(ctx context.Context, id resource.Identity, parent resourcename.Tenant) (*provision.Operation, error) {
		var bad errs.Fields
		a, err := resourcename.ParseVpc(req.GetPeering().GetVpc())
		if err != nil {
			bad.Add("peering.vpc", "must be tenants/{tenant}/organisations/{organisation}/vpcs/{vpc}")
		}
		b, err := resourcename.ParseVpc(req.GetPeering().GetPeerVpc())
		if err != nil {
			bad.Add("peering.peer_vpc", "must be tenants/{tenant}/organisations/{organisation}/vpcs/{vpc}")
		}
		if err := bad.Err(); err != nil {
			return nil, err
		}
		return s.peerings.CreatePeering(ctx, id, peering.Order{
			Name: resourcename.Peering{Tenant: parent.Tenant, Peering: req.GetPeeringId()}, Vpc: a, Peer: b,
		})
	})
}

func (s *peeringServer) GetPeering(ctx context.Context, req *networkv1.GetPeeringRequest) (*networkv1.Peering, error) {
	return serve.Get(ctx, req.GetName(), resourcename.ParsePeering, s.peerings.GetPeering, PeeringMessage)
}

func (s *peeringServer) ListPeerings(ctx context.Context, req *networkv1.ListPeeringsRequest) (*networkv1.ListPeeringsResponse, error) {
	peerings, next, err := serve.List(ctx, req.GetParent(), convert.List(ctx, req), resourcename.ParseTenant, s.peerings.ListPeerings, PeeringMessage)
	return &networkv1.ListPeeringsResponse{Peerings: peerings, NextPageToken: next}, err
}

func (s *peeringServer) AcceptPeering(ctx context.Context, req *networkv1.AcceptPeeringRequest) (*longrunningpb.Operation, error) {
	return serve.Change(ctx, req, req.GetName(), resourcename.ParsePeering, s.peerings.AcceptPeering)
}

func (s *peeringServer) DeletePeering(ctx context.Context, req *networkv1.DeletePeeringRequest) (*longrunningpb.Operation, error) {
	return serve.Change(ctx, req, req.GetName(), resourcename.ParsePeering, func(ctx context.Context, id resource.Identity, name resourcename.Peering) (*provision.Operation, error) {
		return s.peerings.DeletePeering(ctx, id, name, req.GetEtag())
	})
}
