package server

import (
	"context"
	"runtime"
	"time"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"github.com/low-layer/platform/services/gateway/internal/api/observe"
	"github.com/low-layer/platform/services/gateway/internal/api/proxy"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

const (
	// window is how much of a message may be under way unacknowledged. A fixed one spares each call the pings by which
	// gRPC would measure the network: messages are small here.
	window = 1 << 20
	// pingTimeout is the time for a silent client to respond, minPing the shortest interval of a client's pings.
	pingTimeout = 20 * time.Second
	minPing     = 10 * time.Second
	// workers for each processor run calls; when all are busy, calls get goroutines of their own.
	workers = 16
)

// GRPCConfig is what the gRPC half of the edge is made of.
type GRPCConfig struct {
	Routes *route.Table
	Proxy  *proxy.Proxy
	// Own are the services of the edge itself.
	Own      []Registrable
	Observer *observe.Observer
}

// Registrable is a service that makes itself known to a server.
type Registrable interface{ Register(r grpc.ServiceRegistrar) }

// gRPC is the gRPC half of the edge.
type gRPC struct {
	server *grpc.Server
	health *health.Server
	// endStreams ends them, those of REST too: they would last longer than a drain. Ended is done then.
	endStreams context.CancelFunc
	ended      context.Context //nolint:containedctx // see above
}

// newGRPC makes the gRPC server: it serves operations, receipts, health and reflection, and passes every other public
// method on.
func newGRPC(ctx context.Context, cfg Config, parts GRPCConfig, flying *inFlight) *gRPC {
	ended, end := context.WithCancel(context.WithoutCancel(ctx))
	c := &calls{
		logger: cfg.Logger, observer: parts.Observer, flying: flying, ended: ended,
		timeout: cfg.Timeout, patience: cfg.StreamPatience, methods: make(map[string]method),
	}
	s := grpc.NewServer(
		grpc.ForceServerCodecV2(proxy.NewCodec()),
		grpc.UnknownServiceHandler(parts.Proxy.Handle),
		grpc.InTapHandle(c.bound),
		grpc.StreamInterceptor(c.handle),
		grpc.MaxRecvMsgSize(hardMaxMessage),
		grpc.MaxConcurrentStreams(uint32(cfg.MaxStreams)), //nolint:gosec // settings keep it in range
		grpc.MaxHeaderListSize(hardMaxHeaders),
		grpc.ConnectionTimeout(cfg.ReadHeader),
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(4*window),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: cfg.Idle, Time: cfg.Idle, Timeout: pingTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		// Goroutines that are kept have grown their stacks already.
		grpc.NumStreamWorkers(uint32(workers*runtime.GOMAXPROCS(0))), //nolint:gosec // it is small
	)
	g := &gRPC{server: s, health: health.NewServer(), endStreams: end, ended: ended}
	here := local{s, c}
	for _, own := range parts.Own {
		own.Register(here)
	}
	healthpb.RegisterHealthServer(here, g.health)
	reflect(s, parts.Routes)
	for _, name := range append(parts.Routes.Services(), "") {
		g.health.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	for service, info := range s.GetServiceInfo() {
		for _, m := range info.Methods {
			c.learn("/"+service+"/"+m.Name, m.IsClientStream || m.IsServerStream, m.Name == "WaitOperation", cfg)
		}
	}
	for _, m := range parts.Routes.Methods() {
		c.learn(m.Full, m.Streaming(), m.Rule.GetRate() == authzv1.RateClass_STREAM, cfg)
	}
	return g
}
