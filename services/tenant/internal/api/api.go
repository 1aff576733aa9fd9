// Package api serves the tenant service's RPCs: it converts, calls the use cases and converts back. It decides nothing.
package api

import (
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/operationapi"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
)

// Register puts the service's RPCs on a server.
func Register(r grpc.ServiceRegistrar, tenancy *usecase.Tenancy, members *usecase.Members, accounts *usecase.Accounts) {
	tenantv1.RegisterTenantServiceServer(r, &tenantServer{use: tenancy})
	tenantv1.RegisterOrganisationServiceServer(r, &organisationServer{use: tenancy})
	tenantv1.RegisterMemberServiceServer(r, &memberServer{use: members})
	tenantv1.RegisterServiceAccountServiceServer(r, &accountServer{use: accounts})
}

// operation renders the operation that a use case accepted.
func operation(op *provision.Operation, err error) (*longrunningpb.Operation, error) {
	if err != nil {
		return nil, err
	}
	return operationapi.ToProto(op)
}
