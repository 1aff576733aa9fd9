package api

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/resource/mask"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
)

type tenantServer struct {
	tenantv1.UnimplementedTenantServiceServer
	use *usecase.Tenancy
}

// CreateTenant makes a tenant.
func (s *tenantServer) CreateTenant(ctx context.Context, req *tenantv1.CreateTenantRequest) (*longrunningpb.Operation, error) {
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return nil, err
	}
	t := req.GetTenant()
	return operation(s.use.CreateTenant(ctx, id, tenancy.CreateTenant{
		ID: req.GetTenantId(), DisplayName: t.GetDisplayName(), Labels: t.GetLabels(), NetworkCIDR: t.GetNetworkCidr(),
		Protected: t.GetDeletionProtection(),
	}))
}

// GetTenant reads one tenant.
func (s *tenantServer) GetTenant(ctx context.Context, req *tenantv1.GetTenantRequest) (*tenantv1.Tenant, error) {
	name, err := resourcename.ParseTenant(req.GetName())
	if err != nil {
		return nil, err
	}
	t, err := s.use.Tenant(ctx, name.Tenant)
	if err != nil {
		return nil, err
	}
	return tenantToProto(t), nil
}

// ListTenants reads a page of tenants.
func (s *tenantServer) ListTenants(ctx context.Context, req *tenantv1.ListTenantsRequest) (*tenantv1.ListTenantsResponse, error) {
	q := convert.List(ctx, req)
	q.Only = authz.Narrowed(ctx).Limit(authz.Tenant)
	page, err := s.use.ListTenants(ctx, q)
	if err != nil {
		return nil, err
	}
	return &tenantv1.ListTenantsResponse{Tenants: convert.All(page.Items, tenantToProto), NextPageToken: page.Next}, nil
}

// UpdateTenant changes the fields of the mask.
func (s *tenantServer) UpdateTenant(ctx context.Context, req *tenantv1.UpdateTenantRequest) (*longrunningpb.Operation, error) {
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return nil, err
	}
	wanted := req.GetTenant()
	name, err := resourcename.ParseTenant(wanted.GetName())
	if err != nil {
		return nil, nameIn("tenant.name", err)
	}
	current, err := s.use.Tenant(ctx, name.Tenant)
	if err != nil {
		return nil, err
	}
	paths, err := mask.New("tenant", req.GetUpdateMask(), wanted).Paths(tenantToProto(current))
	if err != nil {
		return nil, err
	}
	in := tenancy.UpdateTenant{ID: name.Tenant, Etag: wanted.GetEtag()}
	for _, p := range paths {
		switch p {
		case "display_name":
			in.DisplayName = &wanted.DisplayName
		case "labels":
			in.Labels = &wanted.Labels
		case "deletion_protection":
			in.Protected = &wanted.DeletionProtection
		}
	}
	return operation(s.use.UpdateTenant(ctx, id, in))
}

// DeleteTenant deletes or purges a tenant.
func (s *tenantServer) DeleteTenant(ctx context.Context, req *tenantv1.DeleteTenantRequest) (*longrunningpb.Operation, error) {
	name, id, err := tenantCall(ctx, req.GetName(), req)
	if err != nil {
		return nil, err
	}
	return operation(s.use.DeleteTenant(ctx, id, tenancy.DeleteTenant{
		ID: name, Etag: req.GetEtag(), Force: req.GetForce(), Purge: req.GetPurge(),
	}))
}

// UndeleteTenant brings a tenant back.
func (s *tenantServer) UndeleteTenant(ctx context.Context, req *tenantv1.UndeleteTenantRequest) (*longrunningpb.Operation, error) {
	name, id, err := tenantCall(ctx, req.GetName(), req)
	if err != nil {
		return nil, err
	}
	return operation(s.use.UndeleteTenant(ctx, id, name))
}

// SuspendTenant switches a tenant off.
func (s *tenantServer) SuspendTenant(ctx context.Context, req *tenantv1.SuspendTenantRequest) (*longrunningpb.Operation, error) {
	name, id, err := tenantCall(ctx, req.GetName(), req)
	if err != nil {
		return nil, err
	}
	return operation(s.use.SuspendTenant(ctx, id, name, req.GetReason()))
}

// ResumeTenant ends a suspension.
func (s *tenantServer) ResumeTenant(ctx context.Context, req *tenantv1.ResumeTenantRequest) (*longrunningpb.Operation, error) {
	name, id, err := tenantCall(ctx, req.GetName(), req)
	if err != nil {
		return nil, err
	}
	return operation(s.use.ResumeTenant(ctx, id, name))
}
