package api

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/network/internal/core/request"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Vpcs is what the RPCs of VPCs need.
type Vpcs interface {
	CreateVpc(ctx context.Context, id request.Identity, o vpc.Order) (*provision.Operation, error)
	GetVpc(ctx context.Context, name resourcename.Vpc) (vpc.Vpc, error)
	ListVpcs(ctx context.Context, parent resourcename.Organisation, in request.List) ([]vpc.Vpc, string, error)
	UpdateVpc(ctx context.Context, id request.Identity, u vpc.Update) (*provision.Operation, error)
	DeleteVpc(ctx context.Context, id request.Identity, name resourcename.Vpc, etag string) (*provision.Operation, error)
}

type vpcServer struct {
	networkv1.UnimplementedVpcServiceServer
	vpcs Vpcs
}

func (s *vpcServer) CreateVpc(ctx context.Context, req *networkv1.CreateVpcRequest) (*longrunningpb.Operation, error) {
	parent, err := resourcename.ParseOrganisation(req.GetParent())
	if err != nil {
		return nil, err
	}
	id, err := identity(ctx, req)
	if err != nil {
		return nil, err
	}
	rules, err := rulesOf(req.GetVpc().GetIngressRules())
	if err != nil {
		return nil, err
	}
	return answer(s.vpcs.CreateVpc(ctx, id, vpc.Order{
		Name:        resourcename.Vpc{Tenant: parent.Tenant, Organisation: parent.Organisation, Vpc: req.GetVpcId()},
		DisplayName: req.GetVpc().GetDisplayName(), Labels: req.GetVpc().GetLabels(), Mode: modeOf(req.GetVpc().GetMode()),
		CIDR: req.GetVpc().GetCidr(), Ingress: rules, Protected: req.GetVpc().GetDeletionProtection(),
	}))
}

func (s *vpcServer) GetVpc(ctx context.Context, req *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
	name, err := resourcename.ParseVpc(req.GetName())
	if err != nil {
		return nil, err
	}
	v, err := s.vpcs.GetVpc(ctx, name)
	if err != nil {
		return nil, err
	}
	return VpcMessage(v), nil
}

func (s *vpcServer) ListVpcs(ctx context.Context, req *networkv1.ListVpcsRequest) (*networkv1.ListVpcsResponse, error) {
	parent, err := resourcename.ParseOrganisationOrAll(req.GetParent())
	if err != nil {
		return nil, err
	}
	list, places := listOf(ctx, req, paging.Size(req.GetPageSize())), authz.Narrowed(ctx)
	list.Only, list.Within = places.Limit(authz.VPC), places.Above(authz.VPC)
	vpcs, next, err := s.vpcs.ListVpcs(ctx, parent, list)
	if err != nil {
		return nil, err
	}
	return &networkv1.ListVpcsResponse{Vpcs: messages(vpcs, VpcMessage), NextPageToken: next}, nil
}

func (s *vpcServer) UpdateVpc(ctx context.Context, req *networkv1.UpdateVpcRequest) (*longrunningpb.Operation, error) {
	name, err := resourcename.ParseVpc(req.GetVpc().GetName())
	if err != nil {
		return nil, errs.Invalid(errs.Field("vpc.name", "must be tenants/{tenant}/organisations/{organisation}/vpcs/{vpc}"))
	}
	id, err := identity(ctx, req)
	if err != nil {
		return nil, err
	}
	rules, err := rulesOf(req.GetVpc().GetIngressRules())
	if err != nil {
		return nil, err
	}
	return answer(s.vpcs.UpdateVpc(ctx, id, vpc.Update{
		Name: name, Etag: req.GetVpc().GetEtag(), Mask: req.GetUpdateMask().GetPaths(), DisplayName: req.GetVpc().GetDisplayName(),
		Labels: req.GetVpc().GetLabels(), Mode: modeOf(req.GetVpc().GetMode()), CIDR: req.GetVpc().GetCidr(), Ingress: rules,
		Protected: req.GetVpc().GetDeletionProtection(),
	}))
}

func (s *vpcServer) DeleteVpc(ctx context.Context, req *networkv1.DeleteVpcRequest) (*longrunningpb.Operation, error) {
	name, err := resourcename.ParseVpc(req.GetName())
	if err != nil {
		return nil, err
	}
	id, err := identity(ctx, req)
	if err != nil {
		return nil, err
	}
	return answer(s.vpcs.DeleteVpc(ctx, id, name, req.GetEtag()))
}
