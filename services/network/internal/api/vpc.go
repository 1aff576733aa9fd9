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
	"github.com/low-layer/platform/libs/resource/serve"
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
	return serve.Change(ctx, req, req.GetParent(), resourcename.ParseOrganisation, func(ctx context.Context, id resource.Identity, parent resourcename.Organisation) (*provision.Operation, error) {
		v := req.GetVpc()
		rules, err := rulesOf(v.GetIngressRules())
		if err != nil {
			return nil, err
		}
		return s.vpcs.CreateVpc(ctx, id, vpc.Order{
			Name:        resourcename.Vpc{Tenant: parent.Tenant, Organisation: parent.Organisation, Vpc: req.GetVpcId()},
			DisplayName: v.GetDisplayName(), Labels: v.GetLabels(), Mode: convert.ModeOf(v.GetMode()),
			CIDR: v.GetCidr(), Ingress: rules, Protected: v.GetDeletionProtection(),
		})
	})
}

func (s *vpcServer) GetVpc(ctx context.Context, req *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
	return serve.Get(ctx, req.GetName(), resourcename.ParseVpc, s.vpcs.GetVpc, VpcMessage)
}

func (s *vpcServer) ListVpcs(ctx context.Context, req *networkv1.ListVpcsRequest) (*networkv1.ListVpcsResponse, error) {
	vpcs, next, err := serve.List(ctx, req.GetParent(), convert.Narrowed(ctx, req, authz.VPC), resourcename.ParseOrganisationOrAll, s.vpcs.ListVpcs, VpcMessage)
	return &networkv1.ListVpcsResponse{Vpcs: vpcs, NextPageToken: next}, err
}

func (s *vpcServer) UpdateVpc(ctx context.Context, req *networkv1.UpdateVpcRequest) (*longrunningpb.Operation, error) {
	return serve.Change(ctx, req, req.GetVpc().GetName(), vpcField, func(ctx context.Context, id resource.Identity, name resourcename.Vpc) (*provision.Operation, error) {
		v := req.GetVpc()
		rules, err := rulesOf(v.GetIngressRules())
		if err != nil {
			return nil, err
		}
		return s.vpcs.UpdateVpc(ctx, id, mask.New("vpc", req.GetUpdateMask(), v), vpc.Update{
			Name: name, Etag: v.GetEtag(), DisplayName: v.GetDisplayName(), Labels: v.GetLabels(), Ingress: rules, Protected: v.GetDeletionProtection(),
		})
	})
}

func (s *vpcServer) DeleteVpc(ctx context.Context, req *networkv1.DeleteVpcRequest) (*longrunningpb.Operation, error) {
	return serve.Change(ctx, req, req.GetName(), resourcename.ParseVpc, func(ctx context.Context, id resource.Identity, name resourcename.Vpc) (*provision.Operation, error) {
		return s.vpcs.DeleteVpc(ctx, id, name, req.GetEtag())
	})
}

// vpcField parses the name in the resource of an update; its error names that field.
func vpcField(name string) (resourcename.Vpc, error) {
	v, err := resourcename.ParseVpc(name)
	if err != nil {
		return v, errs.Invalid(errs.Field("vpc.name", "must be tenants/{tenant}/organisations/{organisation}/vpcs/{vpc}"))
	}
	return v, nil
}
