package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/services/gateway/internal/api/proxy"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// maxMessage bounds one gRPC message, as it does in the services; the body limit of REST is its own.
const maxMessage = 4 << 20

// GRPCConfig is what the gRPC half of the edge is made of.
type GRPCConfig struct {
	Routes *route.Table
	Proxy  *proxy.Proxy
	// Own are the services that are answered here.
	Own       []Registrable
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry
}

// Registrable is a service that makes itself known to a server.
type Registrable interface{ Register(r grpc.ServiceRegistrar) }

// GRPC is the gRPC half of the edge.
type GRPC struct {
	server *grpc.Server
	health *health.Server
	// streams are the methods in which either side may send more than one message.
	streams map[string]bool
	// endStreams ends them: they would last longer than a drain.
	endStreams context.CancelFunc
}

// NewGRPC makes it: operations, receipts, health and reflection are answered here, every other public method is passed on.
func NewGRPC(ctx context.Context, cfg GRPCConfig) *GRPC {
	ended, end := context.WithCancel(context.WithoutCancel(ctx))
	g := &GRPC{health: health.NewServer(), streams: make(map[string]bool), endStreams: end}
	l := &interceptors{logger: cfg.Logger, streams: g.streams, ended: ended}
	s := grpc.NewServer(
		grpc.ForceServerCodecV2(proxy.NewCodec()),
		grpc.UnknownServiceHandler(l.guard(cfg.Proxy.Handle)),
		grpc.UnaryInterceptor(l.unary),
		grpc.StreamInterceptor(l.stream),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.StatsHandler(otelgrpc.NewServerHandler(
			otelgrpc.WithTracerProvider(cfg.Telemetry.TracerProvider()),
			otelgrpc.WithMeterProvider(cfg.Telemetry.MeterProvider()),
			otelgrpc.WithPropagators(cfg.Telemetry.Propagator()))),
	)
	g.server = s
	for _, own := range cfg.Own {
		own.Register(s)
	}
	healthpb.RegisterHealthServer(s, g.health)
	reflect(s, cfg.Routes)
	for _, name := range append(cfg.Routes.Services(), "") {
		g.health.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	for service, info := range s.GetServiceInfo() {
		for _, m := range info.Methods {
			g.streams["/"+service+"/"+m.Name] = m.IsClientStream || m.IsServerStream
		}
	}
	for _, m := range cfg.Routes.Methods() {
		if _, own := g.streams[m.Full]; !own {
			g.streams[m.Full] = m.Streaming()
		}
	}
	return g
}

// interceptors give the methods that are answered here what libs/rpc gives to those of the services.
type interceptors struct {
	logger  *slog.Logger
	streams map[string]bool
	ended   context.Context //nolint:containedctx // its end is the end of every stream
}

var errDraining = errors.New("the gateway is draining")

// stream ends streams when the server stops, in a way that sends their clients elsewhere.
func (l *interceptors) stream(srv any, in grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if !l.streams[info.FullMethod] {
		return next(srv, in)
	}
	ctx, cancel := context.WithCancelCause(in.Context())
	defer cancel(nil)
	stop := context.AfterFunc(l.ended, func() { cancel(errDraining) })
	defer stop()
	err := next(srv, &stream{in, ctx})
	if err != nil && errors.Is(context.Cause(ctx), errDraining) {
		return grpcerr.Status(errs.New(errs.Unavailable, rpc.ReasonDraining,
			"the gateway is stopping; call again to reach another one"), proxy.RequestID(ctx)).Err() //nolint:wrapcheck // a status is what gRPC sends
	}
	return err
}

// stream is a stream with another context.
type stream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // it is how a stream hands a context to its handler
}

// Context is the context of the call.
func (s *stream) Context() context.Context { return s.ctx }

func (l *interceptors) unary(ctx context.Context, r any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (answer any, err error) {
	id := proxy.RequestID(ctx)
	// It fails only after headers were sent, which a unary handler has not done yet.
	_ = grpc.SetHeader(ctx, metadata.MD{proxy.RequestIDKey: {id}})
	defer func() {
		if cause := recover(); cause != nil {
			answer, err = nil, l.panicked(ctx, info.FullMethod, id, cause)
		}
	}()
	answer, err = next(rpc.WithRequestID(ctx, id), r)
	return answer, finish(err, id)
}

// finish makes a status of an error; one that is a status already stays as it is.
func finish(err error, id string) error {
	if err == nil {
		return nil
	}
	if st, ok := status.FromError(err); ok && (len(st.Proto().GetDetails()) > 0 || st.Code() != codes.Unknown) {
		return err
	}
	return grpcerr.Status(grpcerr.Mask(err), id).Err() //nolint:wrapcheck // a status is what gRPC sends
}

func (l *interceptors) guard(next grpc.StreamHandler) grpc.StreamHandler {
	return func(srv any, stream grpc.ServerStream) (err error) {
		defer func() {
			if cause := recover(); cause != nil {
				method, _ := grpc.MethodFromServerStream(stream)
				err = l.panicked(stream.Context(), method, proxy.RequestID(stream.Context()), cause)
			}
		}()
		return next(srv, stream)
	}
}

func (l *interceptors) panicked(ctx context.Context, method, id string, cause any) error {
	masked := grpcerr.Mask(errs.Internal(fmt.Errorf("panic: %v\n%s", cause, debug.Stack())))
	l.logger.ErrorContext(ctx, "a call panicked", "method", method, "request_id", id,
		"reference", grpcerr.Reference(masked), "error", masked.Err)
	return grpcerr.Status(masked, id).Err() //nolint:wrapcheck // a status is what gRPC sends
}
