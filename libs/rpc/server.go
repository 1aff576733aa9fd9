// Package rpc builds the gRPC servers and clients of the platform, so that all of them behave alike.
//
// A server identifies the caller first, then checks the request's text and the rules of its proto, then authorizes, then
// calls the handler. Every error leaves as a google.rpc.Status with a reason, a remedy and the request id, and nothing
// internal in it. Every call has a deadline or ends when the server drains. A panic costs one call. Each call is traced,
// counted and logged once. grpc.health.v1 covers the whole and each service; reflection is on. The server stops within a
// bounded time, and lets calls in flight finish.
//
// A client shortens deadlines by 20 ms a hop, forwards request id and trace, retries calls without further effect when
// the server was unavailable, and uses replicas in turn. Its errors are plain statuses; grpcerr.FromError reads them.
package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/plaintext"
	"github.com/low-layer/platform/libs/telemetry"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

const (
	defaultMaxMessage = 4 << 20
	// window is how much of a message may be under way unacknowledged.
	window = 1 << 20
	// drainTimeout bounds how long calls in flight may go on after the server is told to stop.
	drainTimeout = 15 * time.Second
	// cutTimeout is what calls get to return once they are cut off.
	cutTimeout = time.Second
)

var errNotServing = errors.New("the server does not serve yet")

// ServerConfig says what a server is called and where it listens.
type ServerConfig struct {
	// Name of the service, for logs.
	Name string
	// Listen is a TCP address, `127.0.0.1:0` for any free port.
	Listen string
	// Logger gets one line a call; the default logger when nil.
	Logger *slog.Logger
	// Telemetry may be nil.
	Telemetry *telemetry.Telemetry
	// MaxMessage bounds a request in bytes; 4 MiB when 0.
	MaxMessage int
	// DrainTimeout bounds the graceful stop; 15 s when 0.
	DrainTimeout time.Duration
	// Authenticate identifies the caller before the request is looked at; nil lets every caller pass. It returns the
	// context of the call.
	Authenticate func(ctx context.Context, method string) (context.Context, error)
	// Authorize says whether the caller may, once the request is known to be valid: for every message of a stream. Nil lets
	// everything pass.
	Authorize func(ctx context.Context, method string, request proto.Message) (context.Context, error)
	// Audit keeps a record of calls; nil keeps none.
	Audit Auditor
	// Explain turns a handler's error into one that callers can use, as pg.Explain does; nil changes none.
	Explain func(error) error
	// Complete adds to the response of a unary call that succeeded; nil adds nothing.
	Complete func(ctx context.Context, response any)
	// Identity limits the server to clients with a certificate; without one, every client that reaches it may connect.
	Identity *mtls.Identity
}

// Auditor keeps a record of calls.
type Auditor interface {
	// Begin runs after authentication and before the request is judged. It returns the context of the call.
	Begin(ctx context.Context, method string, request proto.Message) context.Context
	// End runs with that context and the error of the response, nil for success. It does not wait.
	End(ctx context.Context, failure *errs.Error)
}

// Server is one gRPC server. Register services on Registrar, then call Serve once.
type Server struct {
	name      string
	logger    *slog.Logger
	grpc      *grpc.Server
	listener  net.Listener
	validator protovalidate.Validator
	ready     *readiness
	drain     time.Duration
	explain   func(error) error
	access    access
	auditor   Auditor
	complete  func(ctx context.Context, response any)

	// Set by Serve before the first call arrives, and never again.
	policies map[string]policy
	serving  context.Context // its end is the server's end, which every waiting call watches
}

// NewServer listens, so that Addr is known, but accepts no call before Serve.
func NewServer(cfg ServerConfig) (*Server, error) {
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("build the request validator: %w", err)
	}
	listener, err := net.Listen("tcp", cfg.Listen) //nolint:noctx // a local bind does not wait, and nothing is there to cancel it
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", cfg.Name, err)
	}
	s := &Server{
		name: cfg.Name, logger: cfg.Logger, listener: listener, validator: validator,
		ready: newReadiness(), drain: cmp.Or(cfg.DrainTimeout, drainTimeout), explain: cfg.Explain,
		access: access{cfg.Authenticate, cfg.Authorize}, auditor: cfg.Audit, complete: cfg.Complete,
	}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	shown := insecure.NewCredentials()
	if cfg.Identity != nil {
		shown = cfg.Identity.Server()
	}
	s.grpc = grpc.NewServer(
		grpc.Creds(shown),
		grpc.StatsHandler(otelgrpc.NewServerHandler(
			otelgrpc.WithTracerProvider(cfg.Telemetry.TracerProvider()),
			otelgrpc.WithMeterProvider(cfg.Telemetry.MeterProvider()),
			otelgrpc.WithPropagators(cfg.Telemetry.Propagator()))),
		grpc.ForceServerCodecV2(plaintext.Codec()),
		grpc.UnaryInterceptor(s.unary),
		grpc.StreamInterceptor(s.stream),
		grpc.UnknownServiceHandler(unknown),
		grpc.MaxRecvMsgSize(cmp.Or(cfg.MaxMessage, defaultMaxMessage)),
		grpc.MaxConcurrentStreams(1000),
		// Fixed windows spare each call the pings by which gRPC would measure the network: messages are small here.
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(4*window),
		// Connections end now and then so that clients find new replicas.
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge: 30 * time.Minute, MaxConnectionAgeGrace: 10 * time.Minute,
			Time: time.Minute, Timeout: 20 * time.Second,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	)
	healthpb.RegisterHealthServer(s.grpc, s.ready.health)
	reflection.Register(s.grpc)
	return s, nil
}

// Registrar takes the services.
func (s *Server) Registrar() grpc.ServiceRegistrar { return s.grpc }

// Addr is where the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// SetReady changes the responses of health checks. The name of a registered service concerns that service; any other,
// such as `database`, concerns all of them. Names never set are ready once Serve runs.
func (s *Server) SetReady(name string, ok bool) { s.ready.set(name, ok) }

// Ready is nil when the server serves and everything it needs is there; else it says what is missing.
func (s *Server) Ready() error { return s.ready.err() }

// Serve handles calls until ctx ends. Then health turns to NOT_SERVING, waiting calls end so that their clients go
// elsewhere, other calls may finish within the drain timeout, and the rest is cut off. It returns nil after such a stop,
// and an error only when serving itself failed.
func (s *Server) Serve(ctx context.Context) error {
	s.serving = ctx
	s.policies = make(map[string]policy)
	var services []string
	for service := range s.grpc.GetServiceInfo() {
		services = append(services, service)
		if descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service)); err == nil {
			s.learn(descriptor)
		}
	}
	slices.Sort(services)
	s.ready.serve(services)
	s.logger.InfoContext(ctx, "serving", "address", s.Addr(), "services", strings.Join(services, " "))

	failed := make(chan error, 1)
	go func() { failed <- s.grpc.Serve(s.listener) }()
	select {
	case err := <-failed:
		s.grpc.Stop()
		return fmt.Errorf("serve %s: %w", s.name, err)
	case <-ctx.Done():
	}
	s.stop(ctx)
	if err := <-failed; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve %s: %w", s.name, err)
	}
	return nil
}

func (s *Server) learn(descriptor protoreflect.Descriptor) {
	service, ok := descriptor.(protoreflect.ServiceDescriptor)
	if !ok {
		return
	}
	methods := service.Methods()
	for i := range methods.Len() {
		s.policies[fullMethod(methods.Get(i))] = policyOf(methods.Get(i))
	}
}

func (s *Server) stop(ctx context.Context) {
	s.ready.drain()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		s.grpc.GracefulStop()
	}()
	timer := time.NewTimer(s.drain)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
		s.logger.WarnContext(ctx, "calls were still running when the drain timeout ended; cutting them off", "timeout", s.drain)
		s.grpc.Stop()
		// Their contexts are cancelled now. A handler that ignores even that must not keep the process from ending.
		timer.Reset(cutTimeout)
		select {
		case <-drained:
		case <-timer.C:
			s.logger.ErrorContext(ctx, "a call does not end although it was cut off; stopping without it")
		}
	}
}
