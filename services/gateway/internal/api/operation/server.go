// Package operation answers for the operations of all services under one name: it is OperationService, and
// google.longrunning.Operations, at the edge.
//
// The id of an operation says which service runs it, so one operation is asked of that service alone. A list is merged,
// newest first, from all of them; it is whole or it is an error that names the service which did not answer, unless the
// caller asks for what can be had (`return_partial_success`).
package operation

import (
	"context"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/api/merge"
	"github.com/low-layer/platform/services/gateway/internal/client"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Backends are the services that have operations.
type Backends interface {
	Find(name string) (client.Backend, bool)
	All() []client.Backend
}

// Server answers for the operations of all backends.
type Server struct {
	operationv1.UnimplementedOperationServiceServer
	backends Backends
	tokens   *paging.Token
}

// New makes a server; tokens sign the page tokens of merged lists.
func New(backends Backends, tokens *paging.Token) *Server {
	return &Server{backends: backends, tokens: tokens}
}

// Standard is the same as google.longrunning.Operations.
type Standard struct{ *Server }

// DeleteOperation is not offered: operations are part of the record of what was done.
func (Standard) DeleteOperation(context.Context, *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error) {
	return nil, errs.New(errs.Unimplemented, "UNIMPLEMENTED",
		"operations are kept and cannot be deleted; cancel one that is still running with CancelOperation")
}

// owner finds the service that runs an operation. An id of no service is as absent as an unknown one.
func (s *Server) owner(name string) (client.Backend, error) {
	parsed, err := resourcename.ParseOperation(name)
	if err != nil {
		return client.Backend{}, err //nolint:wrapcheck // an error of the API
	}
	b, ok := s.backends.Find(parsed.Service())
	if !ok {
		return client.Backend{}, errs.NotFound("operation", name)
	}
	return b, nil
}

// ask calls the service that runs the operation.
func ask[R any](ctx context.Context, s *Server, name string, call func(context.Context, operationv1.OperationServiceClient) (R, error)) (R, error) {
	var none R
	b, err := s.owner(name)
	if err != nil {
		return none, err
	}
	r, err := call(merge.Outgoing(ctx), operationv1.NewOperationServiceClient(b.Conn))
	if err != nil {
		return none, client.Error(err, b.Name, rpc.RequestID(ctx))
	}
	return r, nil
}

// GetOperation answers one operation.
func (s *Server) GetOperation(ctx context.Context, r *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	return ask(ctx, s, r.GetName(), func(ctx context.Context, c operationv1.OperationServiceClient) (*longrunningpb.Operation, error) {
		return c.GetOperation(ctx, r)
	})
}

// CancelOperation asks an operation to stop.
func (s *Server) CancelOperation(ctx context.Context, r *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	return ask(ctx, s, r.GetName(), func(ctx context.Context, c operationv1.OperationServiceClient) (*emptypb.Empty, error) {
		return c.CancelOperation(ctx, r)
	})
}

// WaitOperation answers when an operation is done, or a while has passed.
func (s *Server) WaitOperation(ctx context.Context, r *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	return ask(ctx, s, r.GetName(), func(ctx context.Context, c operationv1.OperationServiceClient) (*longrunningpb.Operation, error) {
		return c.WaitOperation(ctx, r)
	})
}

// Register makes the server known under both of its names.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	operationv1.RegisterOperationServiceServer(r, s)
	longrunningpb.RegisterOperationsServer(r, Standard{s})
}
