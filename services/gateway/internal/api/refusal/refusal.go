// Package refusal records calls that the edge refuses in the audit trail of the service of the call.
//
// That service gets the call as sent, marked as refused (rpc.WithRefused). It authenticates and authorizes the call
// itself, records its own error, and carries nothing out. The caller always gets the edge's decision; a failed record is
// logged at ERROR. Only changing calls leave a record, and no plans. Calls beyond a rate leave none, so records stay
// within a caller's budget.
package refusal

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/client"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// timeout bounds how long a refusal waits for its record.
const timeout = 2 * time.Second

// Backends find the service of the call.
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

// Record has a call recorded that was refused with an error. The context is that of a call to a service on behalf of the
// caller.
func (r *Recorder) Record(ctx context.Context, method string, request proto.Message, err error) {
	if r == nil || !decided(err) {
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
	// A caller who hangs up is recorded all the same.
	ctx, cancel := context.WithTimeout(rpc.WithRefused(context.WithoutCancel(ctx)), timeout)
	defer cancel()
	if err := b.Conn.Invoke(ctx, method, request, &emptypb.Empty{}); !decided(err) {
		r.logger.ErrorContext(ctx, "a refused call could not be recorded", "error", err, "method", method, "resource", m.Concerned(request),
			"service", b.Name, "request_id", rpc.RequestID(ctx))
	}
}

// decided is true for an error that says that the caller may not, or that what he named is not there for him.
func decided(err error) bool {
	switch grpcerr.FromError(err).Code { //nolint:exhaustive // the others say nothing of that
	case errs.PermissionDenied, errs.CodeNotFound, errs.Unauthenticated, errs.InvalidArgument:
		return true
	default:
		return false
	}
}

// backend is the service of the method; for methods of the edge, the one in the resource's name.
func (r *Recorder) backend(m *authz.Method, request proto.Message) (client.Backend, bool) {
	found, ok := r.routes.Method(m.Full)
	if !ok {
		return client.Backend{}, false
	}
	if found.Backend != route.Edge {
		return r.backends.Find(found.Backend)
	}
	return r.backends.Find(resourcename.ServiceOf(m.Named(request)))
}
