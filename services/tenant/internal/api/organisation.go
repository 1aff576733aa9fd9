package api

import (
	"context"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/resource/mask"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
)

type organisationServer struct {
	tenantv1.UnimplementedOrganisationServiceServer
	use *usecase.Tenancy
}

// CreateOrganisation takes the whole order.
func (s *organisationServer) CreateOrganisation(
	ctx context.Context, req *tenantv1.CreateOrganisationRequest,
) (*longrunningpb.Operation, error) {
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return nil, err
	}
	parent, err := resourcename.ParseTenant(req.GetParent())
	if err != nil {
		return nil, nameIn("parent", err)
	}
	o := req.GetOrganisation()
	return operation(s.use.CreateOrganisation(ctx, id, tenancy.CreateOrganisation{
		Tenant: parent.Tenant, ID: req.GetOrganisationId(), DisplayName: o.GetDisplayName(), Labels: o.GetLabels(),
		Mode: convert.ModeOf(o.GetMode()), HubCIDR: o.GetHubCidr(), Quota: quotaFromProto(o.GetQuota()),
		VPCs: vpcsFromProto(o.GetVpcs()), Protected: o.GetDeletionProtection(),
	}))
}

// GetOrganisation reads one organisation.
func (s *organisationServer) GetOrganisation(
	ctx context.Context, req *tenantv1.GetOrganisationRequest,
) (*tenantv1.Organisation, error) {
	name, err := resourcename.ParseOrganisation(req.GetName())
	if err != nil {
		return nil, err
	}
	o, err := s.use.Organisation(ctx, name.Tenant, name.Organisation)
	if err != nil {
		return nil, err
	}
	return organisationToProto(o), nil
}

// ListOrganisations reads a page of organisations.
func (s *organisationServer) ListOrganisations(
	ctx context.Context, req *tenantv1.ListOrganisationsRequest,
) (*tenantv1.ListOrganisationsResponse, error) {
	parent, err := resourcename.ParseTenant(req.GetParent())
	if err != nil {
		return nil, nameIn("parent", err)
	}
	q := convert.List(ctx, req)
	q.Only = authz.Narrowed(ctx).Limit(authz.Organisation)
	page, err := s.use.ListOrganisations(ctx, parent.Tenant, q)
	if err != nil {
		return nil, err
	}
	return &tenantv1.ListOrganisationsResponse{Organisations: convert.All(page.Items, organisationToProto), NextPageToken: page.Next}, nil
}

// UpdateOrganisation changes the fields of the mask.
func (s *organisationServer) UpdateOrganisation(
	ctx context.Context, req *tenantv1.UpdateOrganisationRequest,
) (*longrunningpb.Operation, error) {
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return nil, err
	}
	wanted := req.GetOrganisation()
	name, err := resourcename.ParseOrganisation(wanted.GetName())
	if err != nil {
		return nil, nameIn("organisation.name", err)
	}
	current, err := s.use.Organisation(ctx, name.Tenant, name.Organisation)
	if err != nil {
		return nil, err
	}
	paths, err := mask.New("organisation", req.GetUpdateMask(), wanted).Paths(organisationToProto(current))
	if err != nil {
		return nil, err
	}
	in := tenancy.UpdateOrganisation{Key: tenancy.OrganisationKey(name), Etag: wanted.GetEtag()}
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
	return operation(s.use.UpdateOrganisation(ctx, id, in))
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
	key, id, err := organisationCall(ctx, req.GetName(), req)
	if err != nil {
		return nil, err
	}
	return operation(s.use.DeleteOrganisation(ctx, id, tenancy.DeleteOrganisation{
		Key: key, Etag: req.GetEtag(), Force: req.GetForce(), Purge: req.GetPurge(),
	}))
}

// UndeleteOrganisation brings an organisation back.
func (s *organisationServer) UndeleteOrganisation(
	ctx context.Context, req *tenantv1.UndeleteOrganisationRequest,
) (*longrunningpb.Operation, error) {
	key, id, err := organisationCall(ctx, req.GetName(), req)
	if err != nil {
		return nil, err
	}
	return operation(s.use.UndeleteOrganisation(ctx, id, key))
}

// RotateOrganisationCredential makes a new credential.
func (s *organisationServer) RotateOrganisationCredential(
	ctx context.Context, req *tenantv1.RotateOrganisationCredentialRequest,
) (*longrunningpb.Operation, error) {
	key, id, err := organisationCall(ctx, req.GetName(), req)
	if err != nil {
		return nil, err
	}
	return operation(s.use.RotateCredential(ctx, id, key))
}
