// Package refusal has calls that the edge refuses recorded in the audit trail of the service that would have answered.
//
// That service gets the call as the caller sent it, marked as refused (rpc.WithRefused): it finds out by itself who calls
// and what he may, records what it would have told him, and carries nothing out. The caller is told what the edge decided,
// whatever comes of that; when the record is not made, a line at ERROR says so. Only calls leave a record that would
// change something, and no plans.
package refusal

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/client"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// timeout bounds how long a refusal waits for its record.
const timeout = 2 * time.Second

// Backends find the service that would have answered.
type Backends interface {
	Find(name string) (client.Backend, bool)
}

// Recorder has refusals recorded.
type Recorder struct {
	routes   *route.Table
	methods  authz.Methods
	backends Backends
	logger   *slog.Logger
}

// New makes a recorder.
func New(routes *route.Table, backends Backends, logger *slog.Logger) (*Recorder, error) {
	methods, err := authz.LinkedMethods()
	if err != nil {
		return nil, fmt.Errorf("read what is recorded: %w", err)
	}
	return &Recorder{routes: routes, methods: methods, backends: backends, logger: logger}, nil
}

// Record has a refused call recorded. The context is that of a call to a service on behalf of the caller.
func (r *Recorder) Record(ctx context.Context, method string, request proto.Message) {
	if r == nil {
		return
	}
	m := r.methods[method]
	if m == nil || !m.Audited() || m.Plans(request) {
		return
	}
	b, ok := r.backend(m, request)
	if !ok {
		return // it names nothing that a service could keep a record of
	}
	// A caller who does not wait for the answer is recorded all the same.
	ctx, cancel := context.WithTimeout(rpc.WithRefused(context.WithoutCancel(ctx)), timeout)
	defer cancel()
	err := b.Conn.Invoke(ctx, method, request, &emptypb.Empty{})
	switch status.Code(err) { //nolint:exhaustive // the others are no answers
	case codes.PermissionDenied, codes.NotFound, codes.Unauthenticated, codes.InvalidArgument:
	default:
		r.logger.ErrorContext(ctx, "a refused call could not be recorded", "error", err, "method", method, "resource", m.Named(request),
			"service", b.Name, "request_id", rpc.RequestID(ctx))
	}
}

// backend is the service that answers the method; for what the edge answers itself, the one that the name says.
func (r *Recorder) backend(m *authz.Method, request proto.Message) (client.Backend, bool) {
	found, ok := r.routes.Method(m.Full)
	if !ok {
		return client.Backend{}, false
	}
	if found.Backend != route.Edge {
		return r.backends.Find(found.Backend)
	}
	name, err := resourcename.ParseOperation(m.Named(request))
	if err != nil {
		return client.Backend{}, false
	}
	return r.backends.Find(name.Service())
}
