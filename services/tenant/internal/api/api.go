// Package api serves the tenant service's RPCs: it converts, calls the use cases and converts back.
//
// It promises that no rule is decided here. It fails with what the use cases answer; the server around it turns that
// into a google.rpc.Status.
package api

import (
	"crypto/sha256"
	"fmt"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

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

// answer renders the operation a use case accepted.
func answer(op tenancy.Operation, err error) (*longrunningpb.Operation, error) {
	if err != nil {
		return nil, err
	}
	a, ok := op.(accepted)
	if !ok {
		return nil, fmt.Errorf("render operation: a %T carries no record of the engine", op)
	}
	return operationapi.ToProto(a.Provisioned())
}

// repeatable is what makes a call with this request repeatable. The digest leaves request_id out: it names the call and
// is no part of its content.
func repeatable(method, id string, req proto.Message) (tenancy.Request, error) {
	if v, ok := req.(interface{ GetValidateOnly() bool }); ok && v.GetValidateOnly() {
		return tenancy.Request{Method: method, ValidateOnly: true}, nil
	}
	if id == "" {
		return tenancy.Request{Method: method}, nil
	}
	content := proto.Clone(req)
	m := content.ProtoReflect()
	if f := m.Descriptor().Fields().ByName("request_id"); f != nil {
		m.Clear(f)
	}
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(content)
	if err != nil {
		return tenancy.Request{}, fmt.Errorf("digest request: %w", err)
	}
	sum := sha256.Sum256(bytes)
	return tenancy.Request{ID: id, Method: method, Digest: sum[:]}, nil
}
