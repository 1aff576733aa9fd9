// Package guard passes gRPC calls of the edge's own methods through the gate, as the proxy does for the others.
package guard

import (
	"context"
	"errors"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/api/gate"
	"github.com/low-layer/platform/services/gateway/internal/api/merge"
	"github.com/low-layer/platform/services/gateway/internal/api/proxy"
	"github.com/low-layer/platform/services/gateway/internal/client"
	"github.com/low-layer/platform/services/gateway/internal/limit"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

var errNoMessage = errors.New("the request is no message")

// Registrable is a service that makes itself known to a server.
type Registrable interface{ Register(r grpc.ServiceRegistrar) }

// Of is the service behind a gate.
func Of(g *gate.Gate, s Registrable) Registrable { return guarded{g, s} }

type guarded struct {
	gate    *gate.Gate
	service Registrable
}

// Register makes the service known.
func (g guarded) Register(r grpc.ServiceRegistrar) { g.service.Register(registrar{g.gate, r}) }

type registrar struct {
	gate *gate.Gate
	to   grpc.ServiceRegistrar
}

// RegisterService registers a service of which each method is guarded.
func (r registrar) RegisterService(from *grpc.ServiceDesc, server any) {
	d := *from
	d.Methods, d.Streams = nil, nil
	for _, m := range from.Methods {
		full := "/" + from.ServiceName + "/" + m.MethodName
		d.Methods = append(d.Methods, grpc.MethodDesc{MethodName: m.MethodName, Handler: func(
			srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
		) (any, error) {
			return r.call(ctx, srv, m, full, decode)
		}})
	}
	for _, s := range from.Streams {
		full, next := "/"+from.ServiceName+"/"+s.StreamName, s.Handler
		s.Handler = func(srv any, in grpc.ServerStream) error { return r.stream(srv, in, next, full) }
		d.Streams = append(d.Streams, s)
	}
	r.to.RegisterService(&d, server)
}

func (r registrar) stream(srv any, in grpc.ServerStream, next grpc.StreamHandler, full string) error {
	ctx := in.Context()
	// A header that is set goes out with the first message or the status.
	_ = in.SetHeader(metadata.MD{proxy.RequestIDKey: {rpc.RequestID(ctx)}})
	known, err := r.gate.Identify(ctx, client.Tokens(ctx))
	if err != nil {
		return r.refuse(ctx, full, err)
	}
	return next(srv, &admitted{in, r.gate, known, full})
}

// admitted is a stream of which only messages pass that the caller may send.
type admitted struct {
	grpc.ServerStream
	gate *gate.Gate
	ctx  context.Context //nolint:containedctx // that of the identified caller
	full string
}

// Context is that of the caller.
func (s *admitted) Context() context.Context { return s.ctx }

// RecvMsg receives a message, and counts it.
func (s *admitted) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err //nolint:wrapcheck // a status already
	}
	message, ok := m.(proto.Message)
	if !ok {
		return errs.Internal(errNoMessage)
	}
	ctx, answer, err := s.gate.Admit(s.ctx, s.full, "", message)
	_ = s.SetHeader(answer.Metadata(metadata.MD{}))
	if err != nil {
		s.gate.Record(merge.Outgoing(s.ctx), s.full, message, err)
		return err //nolint:wrapcheck // an error of the API
	}
	s.ctx = ctx
	return nil
}

func (r registrar) call(ctx context.Context, srv any, m grpc.MethodDesc, full string, decode func(any) error) (any, error) {
	known, err := r.gate.Identify(ctx, client.Tokens(ctx))
	if err != nil {
		return nil, r.refuse(ctx, full, err)
	}
	read := func(into any) error {
		if err := decode(into); err != nil {
			return r.refuse(known, full, err)
		}
		return nil
	}
	return m.Handler(srv, known, read, func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		message, ok := request.(proto.Message)
		if !ok {
			return nil, errs.Internal(errNoMessage)
		}
		admitted, answer, err := r.gate.Admit(ctx, full, "", message)
		tell(ctx, answer)
		if err != nil {
			r.gate.Record(merge.Outgoing(ctx), full, message, err)
			return nil, err
		}
		return next(admitted, request)
	})
}

func (r registrar) refuse(ctx context.Context, full string, reason error) error {
	answer, err := r.gate.Refuse(ctx, full, "", reason)
	tell(ctx, answer)
	return err
}

// tell puts the remaining budget into the headers of the response. It fails only after they were sent.
func tell(ctx context.Context, a limit.Answer) { _ = grpc.SetHeader(ctx, a.Metadata(metadata.MD{})) }
