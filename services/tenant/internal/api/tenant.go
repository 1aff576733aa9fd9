package api

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

type tenantServer struct {
	tenantv1.UnimplementedTenantServiceServer
	use *tenancy.Tenants
}

var tenantMask = mask{resource: "tenant", mutable: []string{"display_name", "labels", "deletion_protection"}}

// CreateTenant makes a tenant.
func (s *tenantServer) CreateTenant(ctx context.Context, req *tenantv1.CreateTenantRequest) (*longrunningpb.Operation, error) {
	again, err := repeatable("CreateTenant", req.GetRequestId(), req)
	if err != nil {
		return nil, err
	}
	t := req.GetTenant()
	return answer(s.use.Create(ctx, tenancy.CreateTenant{
		ID: req.GetTenantId(), DisplayName: t.GetDisplayName(), Labels: t.GetLabels(), NetworkCIDR: t.GetNetworkCidr(),
		Protected: t.GetDeletionProtection(), Request: again,
	}))
}

// GetTenant answers one tenant.
func (s *tenantServer) GetTenant(ctx context.Context, req *tenantv1.GetTenantRequest) (*tenantv1.Tenant, error) {
	name, err := resourcename.ParseTenant(req.GetName())
	if err != nil {
		return nil, err
	}
	t, err := s.use.Get(ctx, name.Tenant)
	if err != nil {
		return nil, err
	}
	return tenantToProto(t), nil
}

// ListTenants answers a page of tenants.
func (s *tenantServer) ListTenants(ctx context.Context, req *tenantv1.ListTenantsRequest) (*tenantv1.ListTenantsResponse, error) {
	page, err := s.use.List(ctx, tenancy.List{
		PageSize: req.GetPageSize(), PageToken: req.GetPageToken(), Filter: req.GetFilter(), OrderBy: req.GetOrderBy(),
		ShowDeleted: req.GetShowDeleted(), Only: authz.Narrowed(ctx).Limit(authz.Tenant),
	})
	if err != nil {
		return nil, err
	}
	out := &tenantv1.ListTenantsResponse{NextPageToken: page.NextPageToken}
	for _, t := range page.Items {
		out.Tenants = append(out.Tenants, tenantToProto(t))
	}
	return out, nil
}

// UpdateTenant changes the fields of the mask.
func (s *tenantServer) UpdateTenant(ctx context.Context, req *tenantv1.UpdateTenantRequest) (*longrunningpb.Operation, error) {
	again, err := repeatable("UpdateTenant", req.GetRequestId(), req)
	if err != nil {
		return nil, err
	}
	wanted := req.GetTenant()
	name, err := resourcename.ParseTenant(wanted.GetName())
	if err != nil {
		return nil, nameIn("tenant.name", err)
	}
	current := &tenantv1.Tenant{}
	if len(req.GetUpdateMask().GetPaths()) == 0 {
		t, err := s.use.Get(ctx, name.Tenant)
		if err != nil {
			return nil, err
		}
		current = tenantToProto(t)
	}
	paths, err := tenantMask.paths(req.GetUpdateMask(), wanted, current)
	if err != nil {
		return nil, err
	}
	in := tenancy.UpdateTenant{ID: name.Tenant, Etag: wanted.GetEtag(), Request: again}
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
	return answer(s.use.Update(ctx, in))
}

// DeleteTenant deletes or purges a tenant.
func (s *tenantServer) DeleteTenant(ctx context.Context, req *tenantv1.DeleteTenantRequest) (*longrunningpb.Operation, error) {
	name, again, err := tenantCall("DeleteTenant", req.GetName(), req.GetRequestId(), req)
	if err != nil {
		return nil, err
	}
	return answer(s.use.Delete(ctx, tenancy.DeleteTenant{
		ID: name, Etag: req.GetEtag(), Force: req.GetForce(), Purge: req.GetPurge(), Request: again,
	}))
}

// UndeleteTenant brings a tenant back.
func (s *tenantServer) UndeleteTenant(ctx context.Context, req *tenantv1.UndeleteTenantRequest) (*longrunningpb.Operation, error) {
	name, again, err := tenantCall("UndeleteTenant", req.GetName(), req.GetRequestId(), req)
	if err != nil {
		return nil, err
	}
	return answer(s.use.Undelete(ctx, name, again))
}

// SuspendTenant switches a tenant off.
func (s *tenantServer) SuspendTenant(ctx context.Context, req *tenantv1.SuspendTenantRequest) (*longrunningpb.Operation, error) {
	name, again, err := tenantCall("SuspendTenant", req.GetName(), req.GetRequestId(), req)
	if err != nil {
		return nil, err
	}
	return answer(s.use.Suspend(ctx, name, req.GetReason(), again))
}

// ResumeTenant ends a suspension.
func (s *tenantServer) ResumeTenant(ctx context.Context, req *tenantv1.ResumeTenantRequest) (*longrunningpb.Operation, error) {
	name, again, err := tenantCall("ResumeTenant", req.GetName(), req.GetRequestId(), req)
	if err != nil {
		return nil, err
	}
	return answer(s.use.Resume(ctx, name, again))
}
