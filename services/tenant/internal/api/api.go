// Package api serves the tenant service's RPCs: it converts, calls the use cases and converts back. It decides nothing.
package api

import (
	"fmt"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/operationapi"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Register puts the service's RPCs on a server.
func Register(r grpc.ServiceRegistrar, tenants *tenancy.Tenants, organisations *tenancy.Organisations) {
	tenantv1.RegisterTenantServiceServer(r, &tenantServer{use: tenants})
	tenantv1.RegisterOrganisationServiceServer(r, &organisationServer{use: organisations})
}

// accepted is an operation that carries the engine's record of it.
type accepted interface{ Provisioned() *provision.Operation }

// operation renders the operation that a use case accepted.
func operation(op tenancy.Operation, err error) (*longrunningpb.Operation, error) {
	if err != nil {
		return nil, err
	}
	a, ok := op.(accepted)
	if !ok {
		return nil, fmt.Errorf("render operation: a %T carries no record of the engine", op)
	}
	return operationapi.ToProto(a.Provisioned())
}
