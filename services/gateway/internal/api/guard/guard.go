// Package guard keeps the methods that the edge answers itself to those who may call them, as libs/rpc does for services.
package guard

import (
	"context"

	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/services/gateway/internal/api/merge"
	"github.com/low-layer/platform/services/gateway/internal/api/refusal"
	"github.com/low-layer/platform/services/gateway/internal/client"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Registrable is a service that makes itself known to a server.
type Registrable interface{ Register(r grpc.ServiceRegistrar) }

// Of is the service behind a guard; without a guard the service itself. Refusals are what the guard refuses.
func Of(g *access.Guard, refusals *refusal.Recorder, s Registrable) Registrable {
	if g == nil {
		return s
	}
	return guarded{g, refusals, s}
}

type guarded struct {
	guard    *access.Guard
	refusals *refusal.Recorder
	service  Registrable
}

// Register makes the service known.
func (g guarded) Register(r grpc.ServiceRegistrar) {
	g.service.Register(registrar{g.guard, g.refusals, r})
}

type registrar struct {
	guard    *access.Guard
	refusals *refusal.Recorder
	to       grpc.ServiceRegistrar
}

// RegisterService registers a service of which each method is guarded. None of them is a stream; one that were would not be
// registered rather than stand open.
func (r registrar) RegisterService(from *grpc.ServiceDesc, server any) {
	d := *from
	d.Methods, d.Streams = nil, nil
	for _, m := range from.Methods {
		full := "/" + from.ServiceName + "/" + m.MethodName
		d.Methods = append(d.Methods, grpc.MethodDesc{MethodName: m.MethodName, Handler: func(
			srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
		) (any, error) {
			ctx, err := r.guard.Identify(ctx, client.Tokens(ctx))
			if err != nil {
				return nil, err //nolint:wrapcheck // an error of the API
			}
			return m.Handler(srv, ctx, decode, func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
				message, _ := request.(proto.Message)
				admitted, err := r.guard.Authorize(ctx, full, message)
				if err != nil {
					r.refusals.Record(merge.Outgoing(ctx), full, message)
					return nil, err //nolint:wrapcheck // an error of the API
				}
				return next(admitted, request)
			})
		}})
	}
	r.to.RegisterService(&d, server)
}
