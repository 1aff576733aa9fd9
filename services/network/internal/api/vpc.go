package api

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/resource/mask"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Vpcs is what the RPCs of VPCs need.
type Vpcs interface {
	CreateVpc(ctx context.Context, id resource.Identity, o vpc.Order) (*provision.Operation, error)
	GetVpc(ctx context.Context, name resourcename.Vpc) (vpc.Vpc, error)
	ListVpcs(ctx context.Context, parent resourcename.Organisation, in resource.List) (resource.Page[vpc.Vpc], error)
	UpdateVpc(ctx context.Context, id resource.Identity, m mask.Mask, u vpc.Update) (*provision.Operation, error)
	DeleteVpc(ctx context.Context, id resource.Identity, name resourcename.Vpc, etag string) (*provision.Operation, error)
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
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return nil, err
	}
	rules, err := rulesOf(req.GetVpc().GetIngressRules())
	if err != nil {
		return nil, err
	}
	return answer(s.vpcs.CreateVpc(ctx, id, vpc.Order{
		Name:        resourcename.Vpc{Tenant: parent.Tenant, Organisation: parent.Organisation, Vpc: req.GetVpcId()},
		DisplayName: req.GetVpc().GetDisplayName(), Labels: req.GetVpc().GetLabels(), Mode: convert.ModeOf(req.GetVpc().GetMode()),
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
	page, err := s.vpcs.ListVpcs(ctx, parent, convert.Narrowed(ctx, req, authz.VPC))
	if err != nil {
		return nil, err
	}
	return &networkv1.ListVpcsResponse{Vpcs: convert.All(page.Items, VpcMessage), NextPageToken: page.Next}, nil
}

func (s *vpcServer) UpdateVpc(ctx context.Context, req *networkv1.UpdateVpcRequest) (*longrunningpb.Operation, error) {
	name, err := resourcename.ParseVpc(req.GetVpc().GetName())
	if err != nil {
		return nil, errs.Invalid(errs.Field("vpc.name", "must be tenants/{tenant}/organisations/{organisation}/vpcs/{vpc}"))
	}
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return nil, err
	}
	rules, err := rulesOf(req.GetVpc().GetIngressRules())
	if err != nil {
		return nil, err
	}
	return answer(s.vpcs.UpdateVpc(ctx, id, mask.New("vpc", req.GetUpdateMask(), req.GetVpc()), vpc.Update{
		Name: name, Etag: req.GetVpc().GetEtag(), DisplayName: req.GetVpc().GetDisplayName(), Labels: req.GetVpc().GetLabels(),
		Ingress: rules, Protected: req.GetVpc().GetDeletionProtection(),
	}))
}

func (s *vpcServer) DeleteVpc(ctx context.Context, req *networkv1.DeleteVpcRequest) (*longrunningpb.Operation, error) {
	name, err := resourcename.ParseVpc(req.GetName())
	if err != nil {
		return nil, err
	}
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return nil, err
	}
	return answer(s.vpcs.DeleteVpc(ctx, id, name, req.GetEtag()))
}
