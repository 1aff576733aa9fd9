package api

import (
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// tenantCall reads what all calls on an existing tenant have.
func tenantCall(method, name, requestID string, req proto.Message) (string, tenancy.Request, error) {
	n, err := resourcename.ParseTenant(name)
	if err != nil {
		return "", tenancy.Request{}, err
	}
	again, err := repeatable(method, requestID, req)
	return n.Tenant, again, err
}

// organisationCall reads what all calls on an existing organisation have.
func organisationCall(method, name, requestID string, req proto.Message) (tenancy.OrganisationKey, tenancy.Request, error) {
	n, err := resourcename.ParseOrganisation(name)
	if err != nil {
		return tenancy.OrganisationKey{}, tenancy.Request{}, err
	}
	again, err := repeatable(method, requestID, req)
	return tenancy.OrganisationKey(n), again, err
}

// nameIn says in which field of the request a bad resource name stands.
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
