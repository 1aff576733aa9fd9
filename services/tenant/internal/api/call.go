package api

import (
	"context"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// tenantCall reads the name and the identity of a call on a tenant.
func tenantCall(ctx context.Context, name string, req convert.Repeatable) (string, resource.Identity, error) {
	n, err := resourcename.ParseTenant(name)
	if err != nil {
		return "", resource.Identity{}, err
	}
	id, err := convert.Identity(ctx, req)
	return n.Tenant, id, err
}

// organisationCall reads the name and the identity of a call on an organisation.
func organisationCall(ctx context.Context, name string, req convert.Repeatable) (tenancy.OrganisationKey, resource.Identity, error) {
	n, err := resourcename.ParseOrganisation(name)
	if err != nil {
		return tenancy.OrganisationKey{}, resource.Identity{}, err
	}
	id, err := convert.Identity(ctx, req)
	return tenancy.OrganisationKey(n), id, err
}

// nameIn sets the field of the request that holds a malformed resource name.
func nameIn(field string, err error) error {
	e, ok := errs.As(err)
	if !ok {
		return err
	}
	for i := range e.Fields {
		e.Fields[i].Field = field
	}
	return e
}
