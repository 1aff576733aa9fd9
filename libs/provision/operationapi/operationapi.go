// Package operationapi serves the operations of one service's engine, under both names clients know them by:
// lowlayer.operation.v1.OperationService and google.longrunning.Operations.
//
// It reads the service's own records alone. An operation that does not exist, is another tenant's or another
// service's is the same NOT_FOUND. Errors are errs.Error values, for the server's interceptor to convert.
package operationapi

import (
	"context"
	"crypto/sha256"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/emptypb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/provision"
)

// Engine is what the server asks.
type Engine interface {
	List(ctx context.Context, in provision.ListInput) ([]*provision.Operation, error)
	Cancel(ctx context.Context, tenant, id string) error
	Wait(ctx context.Context, tenant, id string, timeout time.Duration) (*provision.Operation, error)
}

// Server implements both services; register it with each.
type Server struct {
	operationv1.UnimplementedOperationServiceServer
	longrunningpb.UnimplementedOperationsServer
	engine  Engine
	tenants Tenants
	tokens  *paging.Token
	fields  *filter.Schema
}

// Tenants returns nil when the service knows a tenant, otherwise NOT_FOUND that names it.
type Tenants func(ctx context.Context, tenant resourcename.Tenant) error

// New serves the operations of an engine. A service that owns tenants says which there are, so that the list of one that
// does not exist is NOT_FOUND; for any other service, which may only not have met the tenant yet, tenants is nil.
func New(engine Engine, tenants Tenants) *Server {
	// A page token says only where in the caller's own list to go on, so that every replica knows the key matters, not
	// that nobody else does.
	key := sha256.Sum256([]byte("lowlayer.operation.v1.OperationService/ListOperations"))
	return &Server{
		engine:  engine,
		tenants: tenants,
		tokens:  paging.New(key[:]),
		fields: filter.NewSchema(
			filter.Bool("done", "(o.state <> 'RUNNING')"),
			filter.String("metadata.resource", "o.resource"),
			filter.String("metadata.verb", "o.verb"),
			filter.String("metadata.request_id", "o.request_id"),
			filter.Timestamp("metadata.create_time", "o.create_time"),
		),
	}
}

// GetOperation returns one operation.
func (s *Server) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	name, err := resourcename.ParseOperation(req.GetName())
	if err != nil {
		return nil, err
	}
	op, err := s.find(ctx, name)
	if err != nil {
		return nil, err
	}
	return ToProto(op)
}

// ListOperations returns the operations of a tenant, newest first.
func (s *Server) ListOperations(ctx context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	tenant, err := resourcename.ParseTenant(req.GetName())
	if err != nil {
		return nil, err
	}
	where, args, err := s.fields.SQL(req.GetFilter(), 1)
	if err != nil {
		return nil, err
	}
	where, args = narrow(authz.Narrowed(ctx), where, args)
	binding := paging.Binding{Method: "ListOperations", Parent: req.GetName(), Filter: req.GetFilter()}
	size := paging.Size(req.GetPageSize())
	in := provision.ListInput{Tenant: tenant.Tenant, Where: where, Args: args, Limit: size + 1, Past: authz.Operates(ctx)}
	if in.BeforeTime, in.BeforeID, err = s.position(req.GetPageToken(), binding); err != nil {
		return nil, err
	}
	ops, err := s.engine.List(ctx, in)
	if err != nil {
		return nil, err
	}
	if len(ops) == 0 {
		if err := s.known(ctx, tenant); err != nil {
			return nil, err
		}
	}
	page, more := paging.Cut(ops, size)
	resp := &longrunningpb.ListOperationsResponse{Operations: make([]*longrunningpb.Operation, len(page))}
	for i, op := range page {
		if resp.Operations[i], err = ToProto(op); err != nil {
			return nil, err
		}
	}
	if more {
		last := page[len(page)-1]
		if resp.NextPageToken, err = s.tokens.Encode(binding, last.CreateTime, last.ID); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// known refuses the list of a tenant that neither is nor ever was: the operations of one that is gone stay readable.
func (s *Server) known(ctx context.Context, tenant resourcename.Tenant) error {
	if s.tenants == nil {
		return nil
	}
	missing := s.tenants(ctx, tenant)
	if errs.CodeOf(missing) != errs.CodeNotFound {
		return missing
	}
	ever, err := s.engine.List(ctx, provision.ListInput{Tenant: tenant.Tenant, Limit: 1})
	if err != nil {
		return err
	}
	if len(ever) == 0 {
		return missing
	}
	return nil
}

// position is where the page before ended.
func (s *Server) position(token string, binding paging.Binding) (time.Time, string, error) {
	last, err := s.tokens.Decode(token, binding)
	if err != nil || len(last) == 0 {
		return time.Time{}, "", err
	}
	if len(last) == 2 {
		at, okTime := last[0].(time.Time)
		id, okID := last[1].(string)
		if okTime && okID {
			return at, id, nil
		}
	}
	return time.Time{}, "", errs.Invalid(errs.Field("page_token", "is not one of this list; leave it out to begin at the first page"))
}

// CancelOperation asks an operation to stop at its next step boundary.
func (s *Server) CancelOperation(ctx context.Context, req *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	name, err := resourcename.ParseOperation(req.GetName())
	if err != nil {
		return nil, err
	}
	if _, err := s.find(ctx, name); err != nil {
		return nil, err
	}
	if err := s.engine.Cancel(ctx, name.Tenant, name.Operation); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// answerEarly is kept of the caller's deadline to bring the answer home.
const answerEarly = 100 * time.Millisecond

// WaitOperation returns when the operation is done, or the timeout has passed. Without a timeout, or with a longer one, it is
// MaxWait.
func (s *Server) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	name, err := resourcename.ParseOperation(req.GetName())
	if err != nil {
		return nil, err
	}
	if _, err := s.find(ctx, name); err != nil {
		return nil, err
	}
	timeout := provision.MaxWait
	if t := req.GetTimeout(); t != nil {
		if err := t.CheckValid(); err != nil || t.AsDuration() < 0 {
			return nil, errs.Invalid(errs.Field("timeout", "must be between 0 and %s", provision.MaxWait))
		}
		timeout = min(timeout, t.AsDuration())
	}
	// An operation that runs on is an answer; a missed deadline would be none.
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(0, min(timeout, time.Until(deadline)-answerEarly))
	}
	op, err := s.engine.Wait(ctx, name.Tenant, name.Operation, timeout)
	if err != nil {
		return nil, err
	}
	return ToProto(op)
}
