// Package api serves the network service's RPCs: it turns messages into the domain's words, asks the records, and turns the
// answer back. It decides nothing; errors of the domain pass through as they are.
package api

import (
	"context"
	"crypto/sha256"
	"fmt"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/operationapi"
	"github.com/low-layer/platform/services/network/internal/core/request"
)

// Records is everything the RPCs need of the service's records.
type Records interface {
	Vpcs
	Hubs
	Peerings
	Findings
	Isolations
	Foundations
}

// Register serves every RPC of the service.
func Register(on grpc.ServiceRegistrar, records Records) {
	networkv1.RegisterVpcServiceServer(on, &vpcServer{vpcs: records})
	networkv1.RegisterHubServiceServer(on, &hubServer{hubs: records})
	networkv1.RegisterPeeringServiceServer(on, &peeringServer{peerings: records})
	networkv1.RegisterDriftServiceServer(on, &driftServer{findings: records})
	networkv1.RegisterIsolationServiceServer(on, &isolationServer{reports: records})
	networkinternalv1.RegisterFoundationServiceServer(on, &foundationServer{foundations: records})
}

// identified is a request that may be repeated.
type identified interface {
	proto.Message
	GetRequestId() string
	GetValidateOnly() bool
}

// identity tells a repeated call from a new one: everything but the request id itself counts.
func identity(ctx context.Context, req identified) (request.Identity, error) {
	method, _ := grpc.Method(ctx)
	if req.GetValidateOnly() {
		return request.Identity{Method: method, ValidateOnly: true}, nil
	}
	if req.GetRequestId() == "" {
		return request.Identity{Method: method}, nil
	}
	body := proto.Clone(req)
	m := body.ProtoReflect()
	m.Clear(m.Descriptor().Fields().ByName(protoreflect.Name("request_id")))
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(body)
	if err != nil {
		return request.Identity{}, fmt.Errorf("digest request: %w", err)
	}
	digest := sha256.Sum256(raw)
	return request.Identity{Method: method, ID: req.GetRequestId(), Digest: digest[:]}, nil
}

// answer is the operation of a change, or why there is none.
func answer(op *provision.Operation, err error) (*longrunningpb.Operation, error) {
	if err != nil {
		return nil, err
	}
	return operationapi.ToProto(op)
}

// lister is a request for a page.
type lister interface {
	GetParent() string
	GetPageToken() string
	GetFilter() string
	GetOrderBy() string
}

func listOf(ctx context.Context, req lister, size int) request.List {
	method, _ := grpc.Method(ctx)
	return request.List{
		Method: method, Parent: req.GetParent(), Size: size, Token: req.GetPageToken(), Filter: req.GetFilter(), Order: req.GetOrderBy(),
	}
}

func messages[T, M any](of []T, message func(T) M) []M {
	out := make([]M, len(of))
	for i, o := range of {
		out[i] = message(o)
	}
	return out
}
