package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/telemetry"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const vpcName = "tenants/acme/organisations/core/vpcs/dev"

// vpcs responds with what a test gives it.
type vpcs struct {
	networkv1.UnimplementedVpcServiceServer
	get    func(context.Context, *networkv1.GetVpcRequest) (*networkv1.Vpc, error)
	create func(context.Context, *networkv1.CreateVpcRequest) (*longrunningpb.Operation, error)
}

func (v *vpcs) GetVpc(ctx context.Context, r *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
	return v.get(ctx, r)
}

func (v *vpcs) CreateVpc(ctx context.Context, r *networkv1.CreateVpcRequest) (*longrunningpb.Operation, error) {
	return v.create(ctx, r)
}

// operations waits as a long poll does.
type operations struct {
	operationv1.UnimplementedOperationServiceServer
	waiting chan struct{}
}

func (o *operations) WaitOperation(ctx context.Context, _ *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	close(o.waiting)
	<-ctx.Done()
	return nil, ctx.Err()
}

// harness is a running server with a client.
type harness struct {
	server *Server
	conn   *grpc.ClientConn
	vpcs   networkv1.VpcServiceClient
	logs   *logs
	// stop ends Serve and returns its error.
	stop func() error
}

type options struct {
	vpcs       *vpcs
	operations *operations
	telemetry  *telemetry.Telemetry
	drain      time.Duration
	maxMessage int
	logger     *slog.Logger
	access     access
	identity   *mtls.Identity
	// client is what the test shows, when the server has an identity.
	client *mtls.Identity
}

func start(t *testing.T, o options) *harness {
	t.Helper()
	h := &harness{logs: &logs{}}
	if o.logger == nil {
		o.logger = slog.New(slog.NewJSONHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	server, err := NewServer(ServerConfig{
		Name: "network", Listen: "127.0.0.1:0", Telemetry: o.telemetry, DrainTimeout: o.drain, MaxMessage: o.maxMessage,
		Logger: o.logger, Authenticate: o.access.authenticate, Authorize: o.access.authorize, Identity: o.identity,
	})
	if err != nil {
		t.Fatal(err)
	}
	if o.vpcs == nil {
		o.vpcs = &vpcs{}
	}
	networkv1.RegisterVpcServiceServer(server.Registrar(), o.vpcs)
	if o.operations != nil {
		operationv1.RegisterOperationServiceServer(server.Registrar(), o.operations)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	conn, err := Dial(ClientConfig{Target: server.Addr(), Name: "test", Telemetry: o.telemetry, Identity: o.client, Service: "network"})
	if err != nil {
		t.Fatal(err)
	}
	// Serving is known from the first response on; Ready orders what Serve set before what tests read.
	if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Fatalf("the server does not come up: %v", err)
	}
	if err := server.Ready(); err != nil {
		t.Fatal(err)
	}
	h.server, h.conn, h.vpcs = server, conn, networkv1.NewVpcServiceClient(conn)
	h.stop = sync.OnceValue(func() error {
		cancel()
		return <-served
	})
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := conn.Close(); err != nil {
			t.Errorf("close the client: %v", err)
		}
	})
	return h
}

// logs keeps what was logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// calls are the lines of the request log.
func (l *logs) calls(t *testing.T) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range bytes.Lines([]byte(l.String())) {
		entry := map[string]any{}
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		method, _ := entry["method"].(string)
		if entry["msg"] == "rpc" && !strings.HasPrefix(method, "/grpc.health.") {
			lines = append(lines, entry)
		}
	}
	return lines
}
