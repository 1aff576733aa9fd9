package rpc

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/telemetry"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// ClientConfig describes the connection to a service.
type ClientConfig struct {
	// Target in gRPC's syntax, for example `dns:///network:9102` or `127.0.0.1:9102`.
	Target string
	// Name of the caller, sent as the user agent.
	Name string
	// Telemetry may be nil.
	Telemetry *telemetry.Telemetry
	// Timeout of unary calls whose context has no deadline; 30 s when 0. Long polls and streams get none.
	Timeout time.Duration
	// MaxMessage bounds a response in bytes; 4 MiB when 0.
	MaxMessage int
	// Identity is the client's certificate, and Service the name the server must prove. Without an identity the
	// connection is plain.
	Identity *mtls.Identity
	Service  string
}

// Dial makes a connection to a service. It dials at the first call, and finds an absent service within seconds of its
// return. The caller closes it.
func Dial(cfg ClientConfig) (*grpc.ClientConn, error) {
	c := &client{timeout: cmp.Or(cfg.Timeout, defaultTimeout), policies: registeredPolicies()}
	services, err := serviceConfig(c.policies)
	if err != nil {
		return nil, err
	}
	shown := insecure.NewCredentials()
	if cfg.Identity != nil {
		if shown, err = cfg.Identity.Client(cfg.Service); err != nil {
			return nil, err
		}
	}
	conn, err := grpc.NewClient(cfg.Target,
		grpc.WithTransportCredentials(shown),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(cfg.Telemetry.TracerProvider()),
			otelgrpc.WithMeterProvider(cfg.Telemetry.MeterProvider()),
			otelgrpc.WithPropagators(cfg.Telemetry.Propagator()))),
		grpc.WithUnaryInterceptor(c.unary),
		grpc.WithStreamInterceptor(c.stream),
		grpc.WithDefaultServiceConfig(services),
		grpc.WithStaticStreamWindowSize(window),
		grpc.WithStaticConnWindowSize(4*window),
		grpc.WithUserAgent("lowlayer-"+cfg.Name),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(cmp.Or(cfg.MaxMessage, defaultMaxMessage))),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second, PermitWithoutStream: true}),
		// Idle connections stay: waking one costs the first call after a pause its resolution and handshake.
		grpc.WithIdleTimeout(0),
	)
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", cfg.Target, err)
	}
	return conn, nil
}

type client struct {
	timeout  time.Duration
	policies map[string]policy
}

func (c *client) unary(ctx context.Context, method string, request, response any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	deadline, bounded := ctx.Deadline()
	switch {
	case bounded:
		deadline = deadline.Add(-hop)
	case !c.policies[method].waits:
		deadline = time.Now().Add(c.timeout)
		bounded = true
	}
	if bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	return invoke(carry(ctx), method, request, response, conn, options...)
}

func (c *client) stream(ctx context.Context, description *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return open(carry(ctx), description, conn, method, options...)
}

// carry sends the request id along, unless the caller chose one for this call.
func carry(ctx context.Context) context.Context {
	id := RequestID(ctx)
	if id == "" {
		return ctx
	}
	if outgoing, ok := metadata.FromOutgoingContext(ctx); ok && len(outgoing.Get(requestIDKey)) > 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, requestIDKey, id)
}

// registeredPolicies are the policies of every service whose generated code is linked into the program.
func registeredPolicies() map[string]policy {
	policies := make(map[string]policy)
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				policies[fullMethod(methods.Get(j))] = policyOf(methods.Get(j))
			}
		}
		return true
	})
	return policies
}
