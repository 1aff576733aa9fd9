package api

import (
	"context"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

type organisationServer struct {
	tenantv1.UnimplementedOrganisationServiceServer
	use *tenancy.Organisations
}

var organisationMask = mask{resource: "organisation", mutable: []string{
	"display_name", "labels", "deletion_protection", "quota",
	"quota.cores", "quota.ram_mib", "quota.instances", "quota.networks", "quota.routers", "quota.ports", "quota.security_groups",
}}

// CreateOrganisation takes the whole order.
func (s *organisationServer) CreateOrganisation(
	ctx context.Context, req *tenantv1.CreateOrganisationRequest,
) (*longrunningpb.Operation, error) {
	again, err := repeatable("CreateOrganisation", req.GetRequestId(), req)
	if err != nil {
		return nil, err
	}
	parent, err := resourcename.ParseTenant(req.GetParent())
	if err != nil {
		return nil, nameIn("parent", err)
	}
	o := req.GetOrganisation()
	return answer(s.use.Create(ctx, tenancy.CreateOrganisation{
		Tenant: parent.Tenant, ID: req.GetOrganisationId(), DisplayName: o.GetDisplayName(), Labels: o.GetLabels(),
		Mode: modeFromProto(o.GetMode()), HubCIDR: o.GetHubCidr(), Quota: quotaFromProto(o.GetQuota()),
		VPCs: vpcsFromProto(o.GetVpcs()), Protected: o.GetDeletionProtection(), Request: again,
	}))
}

// GetOrganisation answers one organisation.
func (s *organisationServer) GetOrganisation(
	ctx context.Context, req *tenantv1.GetOrganisationRequest,
) (*tenantv1.Organisation, error) {
	name, err := resourcename.ParseOrganisation(req.GetName())
	if err != nil {
		return nil, err
	}
	o, err := s.use.Get(ctx, tenancy.OrganisationKey(name))
	if err != nil {
		return nil, err
	}
	return organisationToProto(o), nil
}

// ListOrganisations answers a page of organisations.
func (s *organisationServer) ListOrganisations(
	ctx context.Context, req *tenantv1.ListOrganisationsRequest,
) (*tenantv1.ListOrganisationsResponse, error) {
	parent, err := resourcename.ParseTenant(req.GetParent())
	if err != nil {
		return nil, nameIn("parent", err)
	}
	page, err := s.use.List(ctx, tenancy.List{
		Tenant: parent.Tenant, PageSize: req.GetPageSize(), PageToken: req.GetPageToken(), Filter: req.GetFilter(),
		OrderBy: req.GetOrderBy(), ShowDeleted: req.GetShowDeleted(), Only: authz.Narrowed(ctx).Limit(authz.Organisation),
	})
	if err != nil {
		return nil, err
	}
	out := &tenantv1.ListOrganisationsResponse{NextPageToken: page.NextPageToken}
	for _, o := range page.Items {
		out.Organisations = append(out.Organisations, organisationToProto(o))
	}
	return out, nil
}

// UpdateOrganisation changes the fields of the mask.
func (s *organisationServer) UpdateOrganisation(
	ctx context.Context, req *tenantv1.UpdateOrganisationRequest,
) (*longrunningpb.Operation, error) {
	again, err := repeatable("UpdateOrganisation", req.GetRequestId(), req)
	if err != nil {
		return nil, err
	}
	wanted := req.GetOrganisation()
	name, err := resourcename.ParseOrganisation(wanted.GetName())
	if err != nil {
		return nil, nameIn("organisation.name", err)
	}
	key := tenancy.OrganisationKey(name)
	current := &tenantv1.Organisation{}
	if len(req.GetUpdateMask().GetPaths()) == 0 {
		o, err := s.use.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		current = organisationToProto(o)
	}
	paths, err := organisationMask.paths(req.GetUpdateMask(), wanted, current)
	if err != nil {
		return nil, err
	}
	in := tenancy.UpdateOrganisation{Key: key, Etag: wanted.GetEtag(), Request: again}
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
	in.Quota = quotaChange(paths, quotaFromProto(wanted.GetQuota()))
	return answer(s.use.Update(ctx, in))
}

// quotaChange changes what the paths name; nil when they name nothing of the quota.
func quotaChange(paths []string, wanted tenancy.Quota) func(tenancy.Quota) tenancy.Quota {
	var named []string
	for _, p := range paths {
		if p == "quota" {
			return func(tenancy.Quota) tenancy.Quota { return wanted }
		}
		if field, ok := strings.CutPrefix(p, "quota."); ok {
			named = append(named, field)
		}
	}
	if len(named) == 0 {
		return nil
	}
	return func(q tenancy.Quota) tenancy.Quota {
		for _, field := range named {
			*quotaField(&q, field) = *quotaField(&wanted, field)
		}
		return q
	}
}

func quotaField(q *tenancy.Quota, field string) *int32 {
	switch field {
	case "cores":
		return &q.Cores
	case "ram_mib":
		return &q.RAMMiB
	case "instances":
		return &q.Instances
	case "networks":
		return &q.Networks
	case "routers":
		return &q.Routers
	case "ports":
		return &q.Ports
	default: // the mask lets no other through
		return &q.SecurityGroups
	}
}

// DeleteOrganisation deletes or purges an organisation.
func (s *organisationServer) DeleteOrganisation(
	ctx context.Context, req *tenantv1.DeleteOrganisationRequest,
) (*longrunningpb.Operation, error) {
	key, again, err := organisationCall("DeleteOrganisation", req.GetName(), req.GetRequestId(), req)
	if err != nil {
		return nil, err
	}
	return answer(s.use.Delete(ctx, tenancy.DeleteOrganisation{
		Key: key, Etag: req.GetEtag(), Force: req.GetForce(), Purge: req.GetPurge(), Request: again,
	}))
}

// UndeleteOrganisation brings an organisation back.
func (s *organisationServer) UndeleteOrganisation(
	ctx context.Context, req *tenantv1.UndeleteOrganisationRequest,
) (*longrunningpb.Operation, error) {
	key, again, err := organisationCall("UndeleteOrganisation", req.GetName(), req.GetRequestId(), req)
	if err != nil {
		return nil, err
	}
	return answer(s.use.Undelete(ctx, key, again))
}

// RotateOrganisationCredential makes a new credential.
func (s *organisationServer) RotateOrganisationCredential(
	ctx context.Context, req *tenantv1.RotateOrganisationCredentialRequest,
) (*longrunningpb.Operation, error) {
	key, again, err := organisationCall("RotateOrganisationCredential", req.GetName(), req.GetRequestId(), req)
	if err != nil {
		return nil, err
	}
	return answer(s.use.Rotate(ctx, key, again))
}
