package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/identity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Reasons of the errors that the server makes by itself.
const (
	// ReasonDeadlineTooShort: the call arrived with too little time left to do anything with it.
	ReasonDeadlineTooShort = "DEADLINE_TOO_SHORT"
	// ReasonDraining: the server is stopping and ended the call; another replica will take it.
	ReasonDraining = "SERVER_DRAINING"
)

const (
	// defaultTimeout is for unary calls without a deadline.
	defaultTimeout = 30 * time.Second
	// minimumLeft is the least time with which work begins: below it the response would come too late anyway.
	minimumLeft = 100 * time.Millisecond
	// hop is taken off a deadline on the way out, so that the callee gives up before the caller does and the
	// caller still has time to say why.
	hop = 20 * time.Millisecond
)

// errDraining is the cause with which waiting calls are cancelled when the server stops.
var errDraining = errors.New("the server is draining")

// unary is the one interceptor of unary calls; what would be six layers is one frame, because each layer costs every
// call a closure and a stack frame.
func (s *Server) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
	start := time.Now()
	rule := s.policies[info.FullMethod]
	id := incomingRequestID(ctx)
	ctx = WithRequestID(ctx, id)
	defer func() {
		if cause := recover(); cause != nil {
			err = panicked(cause)
		}
		if err != nil {
			response = nil
		}
		err = s.finish(ctx, call{method: info.FullMethod, id: id, rule: rule, start: start}, err)
	}()

	deadline, bounded := ctx.Deadline()
	switch {
	case bounded && deadline.Sub(start) < minimumLeft:
		return nil, tooShort()
	case rule.waits:
		var cancel context.CancelFunc
		ctx, cancel = s.endWithServer(ctx)
		defer cancel()
	case !bounded:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultTimeout)
		defer cancel()
	}
	if ctx, err = s.access.enter(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	if err := plain(request); err != nil { // before the audit: the trail cannot hold such text
		return nil, err
	}
	ctx = s.audited(ctx, info.FullMethod, request)
	if err := s.refused(ctx, info.FullMethod, request); err != nil {
		return nil, err
	}
	if err := validate(s.validator, request); err != nil {
		return nil, err
	}
	if ctx, err = s.access.admit(ctx, info.FullMethod, request); err != nil {
		return nil, err
	}
	response, err = handler(ctx, request)
	if err == nil {
		if s.complete != nil {
			s.complete(ctx, response)
		}
		// Only on success: clients never retry an error that comes with headers. The id is in the error's details.
		// Setting fails only after headers were sent, which a unary call has not done.
		_ = grpc.SetHeader(ctx, metadata.MD{requestIDKey: {id}})
	}
	return response, err
}

// audited has the call noted. No method that is recorded is a stream.
func (s *Server) audited(ctx context.Context, method string, message any) context.Context {
	request, ok := message.(proto.Message)
	if s.auditor == nil || !ok {
		return ctx
	}
	return s.auditor.Begin(ctx, method, request)
}

// recorded has the end of the call noted.
func (s *Server) recorded(ctx context.Context, failure *errs.Error) {
	if s.auditor != nil {
		s.auditor.End(ctx, failure)
	}
}

// stream is the one interceptor of streams.
func (s *Server) stream(service any, inner grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	start := time.Now()
	ctx := inner.Context()
	rule := s.policies[info.FullMethod]
	id := incomingRequestID(ctx)
	ctx, cancel := s.endWithServer(WithRequestID(ctx, id))
	defer cancel()

	defer func() {
		if cause := recover(); cause != nil {
			err = panicked(cause)
		}
		err = s.finish(ctx, call{method: info.FullMethod, id: id, rule: rule, start: start}, err)
	}()

	if err := inner.SetHeader(metadata.MD{requestIDKey: {id}}); err != nil {
		return fmt.Errorf("set the request id header: %w", err)
	}
	if deadline, bounded := ctx.Deadline(); bounded && deadline.Sub(start) < minimumLeft {
		return tooShort()
	}
	if ctx, err = s.access.enter(ctx, info.FullMethod); err != nil {
		return err
	}
	if err := s.refused(ctx, info.FullMethod, nil); err != nil {
		return err
	}
	return handler(service, &serverStream{ServerStream: inner, ctx: ctx, server: s, method: info.FullMethod, admitted: info.IsClientStream})
}

// unknown handles unregistered methods, so that they too get a typed error and a log line.
func unknown(any, grpc.ServerStream) error {
	return status.Error(codes.Unimplemented, "unknown method")
}

// endWithServer cancels a waiting call when the server begins to drain: nothing else would end it in time.
func (s *Server) endWithServer(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.serving, func() { cancel(errDraining) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// serverStream gives handlers the call's context and only messages that are valid and that the caller may send.
type serverStream struct {
	grpc.ServerStream
	ctx      context.Context // it is how grpc.ServerStream hands a context to a handler
	server   *Server
	method   string
	admitted bool // ctx stays as it is: a handler that is sent several messages may have taken it already
}

func (s *serverStream) Context() context.Context { return s.ctx }

// RecvMsg receives a message. After the first one the context holds the decision; a handler receives before it reads the
// context.
func (s *serverStream) RecvMsg(message any) error {
	if err := s.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	if err := plain(message); err != nil {
		return err
	}
	if err := validate(s.server.validator, message); err != nil {
		return err
	}
	ctx, err := s.server.access.admit(s.ctx, s.method, message)
	if err != nil {
		return err
	}
	if !s.admitted {
		s.ctx, s.admitted = ctx, true
	}
	return nil
}

func tooShort() error {
	return errs.New(errs.DeadlineExceeded, ReasonDeadlineTooShort,
		"less than %s of the deadline was left when the call arrived; call with a longer deadline", minimumLeft)
}

// panicked keeps the stack for the log; the caller sees an internal error with a reference.
func panicked(cause any) error {
	return errs.Internal(fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
}

type call struct {
	method, id string
	rule       policy
	start      time.Time
}

// finish turns the handler's error into a status and writes the log line.
func (s *Server) finish(ctx context.Context, c call, err error) error {
	if err == nil {
		s.log(ctx, c, nil)
		s.recorded(ctx, nil)
		return nil
	}
	if s.explain != nil {
		err = s.explain(err)
	}
	masked := grpcerr.Mask(err)
	cut := masked.Code == errs.Canceled || errors.Is(err, errDraining)
	if cut && errors.Is(context.Cause(ctx), errDraining) {
		masked = errs.Wrap(err, errs.Unavailable, ReasonDraining, "the server is stopping; call again to reach another one")
	}
	s.log(ctx, c, masked)
	s.recorded(ctx, masked)
	return grpcerr.Status(masked, c.id).Err()
}

// log writes one line a call: changes and refused reads at Info, good reads at Debug, failures that are ours at
// Error. It never holds a request or a response.
func (s *Server) log(ctx context.Context, c call, e *errs.Error) {
	level := slog.LevelDebug
	switch {
	case e != nil && ours(e.Code):
		level = slog.LevelError
	case e != nil || c.rule.mutates:
		level = slog.LevelInfo
	}
	if !s.logger.Enabled(ctx, level) {
		return
	}
	attributes := make([]slog.Attr, 0, 10)
	attributes = append(attributes, slog.String("method", c.method))
	code := codes.OK
	if e != nil {
		code = codes.Code(e.Code)
	}
	attributes = append(attributes,
		slog.String("code", code.String()),
		slog.Duration("duration", time.Since(c.start)),
		slog.String("request_id", c.id))
	if from, ok := peer.FromContext(ctx); ok && from.Addr != nil {
		attributes = append(attributes, slog.String("peer", from.Addr.String()))
	}
	if p, ok := identity.From(ctx); ok {
		attributes = append(attributes, slog.String("subject", p.Subject))
	}
	if service, ok := Peer(ctx); ok {
		attributes = append(attributes, slog.String("service", service))
	}
	if e != nil {
		attributes = append(attributes, slog.String("reason", e.Reason))
		if reference := grpcerr.Reference(e); reference != "" {
			attributes = append(attributes, slog.String("reference", reference))
		}
		if e.Err != nil {
			attributes = append(attributes, slog.Any("error", e.Err))
		}
	}
	s.logger.LogAttrs(ctx, level, "rpc", attributes...)
}

// ours are the codes that say that the platform failed, not the caller.
func ours(code errs.Code) bool {
	return code == errs.CodeInternal || code == errs.Unknown || code == errs.DataLoss || code == errs.Unavailable
}
