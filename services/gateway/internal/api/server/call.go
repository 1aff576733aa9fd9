package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/api/observe"
	"github.com/low-layer/platform/services/gateway/internal/api/proxy"
	"github.com/low-layer/platform/services/gateway/internal/api/rest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
)

// hardMaxMessage is the size at which gRPC itself refuses a message; it is above rest.MaxBody, so that a slightly larger
// one gets the API's own error.
const hardMaxMessage = 4 * rest.MaxBody

// calls handles every gRPC call at the edge, served here or passed on.
type calls struct {
	logger   *slog.Logger
	observer *observe.Observer
	flying   *inFlight
	// ended is the end of every stream.
	ended context.Context //nolint:containedctx // see above
	// timeout is that of unknown methods.
	timeout time.Duration
	// patience is how long a reader of a stream may take for a message.
	patience time.Duration
	methods  map[string]method
}

// method is what is known of one.
type method struct {
	// name is its name without the first slash; empty for an unknown method.
	name string
	// streams is true when either side may send more than one message.
	streams bool
	// timeout is the longest a call may take.
	timeout time.Duration
}

func (c *calls) learn(name string, streams, waits bool, cfg Config) {
	m := method{name: name[1:], streams: streams, timeout: cfg.Timeout}
	switch {
	case streams:
		m.timeout = cfg.StreamTimeout
	case waits:
		m.timeout = cfg.WaitTimeout
	}
	c.methods[name] = m
}

// bound gives every call a deadline from its headers on, so that a call without a message ends too.
func (c *calls) bound(ctx context.Context, info *tap.Info) (context.Context, error) {
	timeout := c.timeout
	if m, ok := c.methods[info.FullMethodName]; ok {
		timeout = m.timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	return &bounded{ctx, cancel}, nil
}

// bounded is the context of a call. gRPC cancels its parent when the call ends; cancel ends a message that its reader
// does not take.
type bounded struct {
	context.Context //nolint:containedctx // it is one
	cancel          context.CancelFunc
}

type boundedKey struct{}

// Value finds the context itself below those that gRPC makes of it.
func (b *bounded) Value(key any) any {
	if key == (boundedKey{}) {
		return b
	}
	return b.Context.Value(key)
}

var (
	errDraining = errors.New("the gateway is draining")
	errStalled  = errors.New("the reader takes nothing")
)

// handle is the one interceptor.
func (c *calls) handle(srv any, in grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	m := c.methods[info.FullMethod]
	ctx, call := c.observer.BeginGRPC(in.Context(), m.name)
	defer func() { call.EndGRPC(ctx, m.name, err) }()
	id := proxy.RequestID(ctx)
	ctx = rpc.WithRequestID(ctx, id)
	out := &stream{ServerStream: in}
	if m.streams {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		if b, ok := in.Context().Value(boundedKey{}).(*bounded); ok {
			out.patience, out.cut = c.patience, func() { cancel(errStalled); b.cancel() }
		}
		stop := context.AfterFunc(c.ended, func() { cancel(errDraining) })
		defer stop()
	} else {
		c.flying.enter()
		defer c.flying.leave()
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = c.panicked(ctx, info.FullMethod, id, cause)
		}
	}()
	out.ctx = ctx
	err = next(srv, out)
	switch {
	case err == nil:
		return nil
	case m.streams && errors.Is(context.Cause(ctx), errDraining):
		// Sends the client elsewhere.
		err = errs.New(errs.Unavailable, rpc.ReasonDraining, "the gateway is stopping; call again to reach another one")
	case m.streams && errors.Is(context.Cause(ctx), errStalled):
		err = errs.New(errs.DeadlineExceeded, grpcerr.ReasonDeadline,
			"a message of the stream was not taken within %s; read it faster and open it again from where it ended", c.patience)
	case m.streams && errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = errs.New(errs.DeadlineExceeded, grpcerr.ReasonDeadline,
			"the stream reached its deadline, which is %s at most; open it again from where it ended", m.timeout)
	}
	return finish(err, id)
}

// finish makes a status of an error; one that is a status already stays as it is.
func finish(err error, id string) error {
	if st, ok := status.FromError(err); ok && (len(st.Proto().GetDetails()) > 0 || st.Code() != codes.Unknown) {
		return err
	}
	return grpcerr.Status(grpcerr.Mask(err), id).Err() //nolint:wrapcheck // a status is what gRPC sends
}

func (c *calls) panicked(ctx context.Context, name, id string, cause any) error {
	masked := grpcerr.Mask(errs.Internal(fmt.Errorf("panic: %v\n%s", cause, debug.Stack())))
	c.logger.ErrorContext(ctx, "a call panicked", "method", name, "request_id", id,
		"reference", grpcerr.Reference(masked), "error", masked.Err)
	return grpcerr.Status(masked, id).Err() //nolint:wrapcheck // a status is what gRPC sends
}

// stream is a stream with another context and with REST's limit on messages.
type stream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // it is how a stream hands a context to its handler
	// cut ends the call when a message is not taken for so long; nil where there is one message alone.
	cut      func()
	patience time.Duration
}

// Context is the context of the call.
func (s *stream) Context() context.Context { return s.ctx }

// RecvMsg receives a message. Its size is looked at afterwards: what gRPC finds too large it refuses in its own words.
func (s *stream) RecvMsg(m any) error {
	size, err := proxy.Receive(s.ServerStream, m, rest.MaxBody)
	if err == nil && size > rest.MaxBody {
		return rest.TooLarge()
	}
	return err //nolint:wrapcheck // a status already
}

// SendMsg sends a message, for which the reader has to make room in time.
func (s *stream) SendMsg(m any) error {
	if s.cut != nil {
		defer time.AfterFunc(s.patience, s.cut).Stop()
	}
	return s.ServerStream.SendMsg(m) //nolint:wrapcheck // a status already
}

// local registers methods that the edge serves, through calls.handle like all others: unary ones are served as streams
// of one message each way, because gRPC does not run its stream interceptor for them.
type local struct {
	server *grpc.Server
	calls  *calls
}

// RegisterService registers a service.
func (l local) RegisterService(from *grpc.ServiceDesc, srv any) {
	d := *from
	d.Methods, d.Streams = nil, slices.Clone(from.Streams)
	for _, m := range from.Methods {
		info := &grpc.StreamServerInfo{FullMethod: "/" + from.ServiceName + "/" + m.MethodName}
		d.Streams = append(d.Streams, grpc.StreamDesc{StreamName: m.MethodName, Handler: func(srv any, in grpc.ServerStream) error {
			return l.calls.handle(srv, in, info, func(srv any, in grpc.ServerStream) error { return answer(m, srv, in) })
		}})
	}
	l.server.RegisterService(&d, srv)
}

func answer(m grpc.MethodDesc, srv any, in grpc.ServerStream) error {
	// It fails only after headers were sent.
	_ = in.SetHeader(metadata.MD{proxy.RequestIDKey: {rpc.RequestID(in.Context())}})
	response, err := m.Handler(srv, in.Context(), in.RecvMsg, nil)
	if err != nil {
		return err //nolint:wrapcheck // an error of the API
	}
	return in.SendMsg(response) //nolint:wrapcheck // a status already
}
