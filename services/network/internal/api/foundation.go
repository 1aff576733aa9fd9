package api

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/operationapi"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/resource/serve"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/usage"
)

// Foundations is what the RPCs for other services need.
type Foundations interface {
	EnsureBoundary(ctx context.Context, id resource.Identity, o boundary.Order) (*provision.Operation, error)
	DeleteBoundary(ctx context.Context, id resource.Identity, name resourcename.Tenant) (*provision.Operation, error)
	EnsureHub(ctx context.Context, id resource.Identity, o hub.Order) (*provision.Operation, error)
	DeleteHub(ctx context.Context, id resource.Identity, name resourcename.Hub) (*provision.Operation, error)
	PreviewRemoval(ctx context.Context, name string) (provision.Preview, error)
	CheckOrder(ctx context.Context, tenant resourcename.Tenant, vpcs int64, order []ipam.Wanted) error
	SetQuota(ctx context.Context, name resourcename.Organisation, limits map[string]int64) error
}

type foundationServer struct {
	networkinternalv1.UnimplementedFoundationServiceServer
	foundations Foundations
}

func (s *foundationServer) EnsureBoundary(ctx context.Context, req *networkinternalv1.EnsureBoundaryRequest) (*longrunningpb.Operation, error) {
	return serve.Change(ctx, req, req.GetTenant(), resourcename.ParseTenant, func(ctx context.Context, id resource.Identity, tenant resourcename.Tenant) (*provision.Operation, error) {
		return s.foundations.EnsureBoundary(ctx, id, boundary.Order{Tenant: tenant, TenantUID: req.GetTenantUid(), Network: req.GetNetworkCidr()})
	})
}

func (s *foundationServer) DeleteBoundary(ctx context.Context, req *networkinternalv1.DeleteBoundaryRequest) (*longrunningpb.Operation, error) {
	return serve.Change(ctx, req, req.GetTenant(), resourcename.ParseTenant, s.foundations.DeleteBoundary)
}

func (s *foundationServer) EnsureHub(ctx context.Context, req *networkinternalv1.EnsureHubRequest) (*longrunningpb.Operation, error) {
	return serve.Change(ctx, req, req.GetOrganisation(), resourcename.ParseOrganisation, func(ctx context.Context, id resource.Identity, organisation resourcename.Organisation) (*provision.Operation, error) {
		return s.foundations.EnsureHub(ctx, id, hub.Order{
			Name: resourcename.Hub(organisation), OrganisationUID: req.GetOrganisationUid(), ProjectID: req.GetProjectId(),
			Mode: convert.ModeOf(req.GetMode()), CIDR: req.GetCidr(),
		})
	})
}

func (s *foundationServer) DeleteHub(ctx context.Context, req *networkinternalv1.DeleteHubRequest) (*longrunningpb.Operation, error) {
	return serve.Change(ctx, req, req.GetOrganisation(), resourcename.ParseOrganisation, func(ctx context.Context, id resource.Identity, organisation resourcename.Organisation) (*provision.Operation, error) {
		return s.foundations.DeleteHub(ctx, id, resourcename.Hub(organisation))
	})
}

func (s *foundationServer) CheckOrder(ctx context.Context, req *networkinternalv1.CheckOrderRequest) (*networkinternalv1.CheckOrderResponse, error) {
	tenant, err := resourcename.ParseTenant(req.GetTenant())
	if err != nil {
		return nil, err
	}
	order := make([]ipam.Wanted, len(req.GetNetworks()))
	vpcs := int64(len(order))
	for i, n := range req.GetNetworks() {
		order[i] = ipam.Wanted{Field: n.GetField(), CIDR: n.GetCidr(), Sizes: ipam.VpcSizes()}
		if n.GetHub() {
			order[i].Sizes = ipam.HubSizes()
			vpcs--
		}
	}
	if err := s.foundations.CheckOrder(ctx, tenant, vpcs, order); err != nil {
		return nil, err
	}
	return &networkinternalv1.CheckOrderResponse{}, nil
}

func (s *foundationServer) SetQuota(ctx context.Context, req *networkinternalv1.SetQuotaRequest) (*networkinternalv1.SetQuotaResponse, error) {
	name, err := resourcename.ParseOrganisation(req.GetOrganisation())
	if err != nil {
		return nil, err
	}
	limits := make(map[string]int64)
	for resource, limit := range map[string]int32{
		usage.Networks: req.GetQuota().GetNetworks(), usage.Routers: req.GetQuota().GetRouters(), usage.Ports: req.GetQuota().GetPorts(),
		usage.SecurityGroups: req.GetQuota().GetSecurityGroups(),
	} {
		if limit > 0 {
			limits[resource] = int64(limit)
		}
	}
	if err := s.foundations.SetQuota(ctx, name, limits); err != nil {
		return nil, err
	}
	return &networkinternalv1.SetQuotaResponse{}, nil
}

func (s *foundationServer) PreviewRemoval(ctx context.Context, req *networkinternalv1.PreviewRemovalRequest) (*networkinternalv1.PreviewRemovalResponse, error) {
	p, err := s.foundations.PreviewRemoval(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	return &networkinternalv1.PreviewRemovalResponse{Objects: operationapi.Objects(p.Objects), Usage: operationapi.Usage(p.Usage)}, nil
}
