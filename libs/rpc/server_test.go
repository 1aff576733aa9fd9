package rpc

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
)

const vpcService = "lowlayer.network.v1.VpcService"

func check(t *testing.T, h *harness, service string) healthpb.HealthCheckResponse_ServingStatus {
	t.Helper()
	answer, err := healthpb.NewHealthClient(h.conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		t.Fatalf("check %q: %v", service, err)
	}
	return answer.GetStatus()
}

func TestHealth_dependency_changesIt(t *testing.T) {
	h := start(t, options{})
	expect := func(when string, overall, service bool) {
		t.Helper()
		if got := check(t, h, ""); got != statusOf(overall) {
			t.Errorf("%s: overall %s", when, got)
		}
		if got := check(t, h, vpcService); got != statusOf(service) {
			t.Errorf("%s: service %s", when, got)
		}
		if (h.server.Ready() == nil) != overall {
			t.Errorf("%s: Ready is %v", when, h.server.Ready())
		}
	}
	expect("at first", true, true)
	h.server.SetReady("database", false)
	expect("without the database", false, false)
	if err := h.server.Ready(); !strings.Contains(err.Error(), "database") {
		t.Errorf("Ready does not name what is missing: %v", err)
	}
	h.server.SetReady("database", true)
	h.server.SetReady("grpc.health.v1.Health", false)
	expect("without another service", false, true)
	h.server.SetReady("grpc.health.v1.Health", true)
	h.server.SetReady(vpcService, false)
	expect("without the service", false, false)
	h.server.SetReady(vpcService, true)
	expect("in the end", true, true)
}

func TestServer_beforeServe_isNotReady(t *testing.T) {
	server, err := NewServer(ServerConfig{Name: "network", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Ready(); !errors.Is(err, errNotServing) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Serve(ctx); err != nil {
		t.Errorf("a server that is stopped at once: %v", err)
	}
}

func TestServer_takenAddress_fails(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if _, err := NewServer(ServerConfig{Name: "network", Listen: listener.Addr().String()}); err == nil || !strings.Contains(err.Error(), "network") {
		t.Errorf("got %v", err)
	}
}

func TestReflection_services_areListed(t *testing.T) {
	h := start(t, options{})
	v1, err := reflectionv1.NewServerReflectionClient(h.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := v1.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	answer, err := v1.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, service := range answer.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	if !slices.Contains(names, vpcService) || !slices.Contains(names, "grpc.health.v1.Health") {
		t.Errorf("v1 lists %v", names)
	}
	if err := v1.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := v1.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v", err)
	}

	// The older protocol has the same messages under another name.
	alpha, err := h.conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true},
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
	if err != nil {
		t.Fatal(err)
	}
	if err := alpha.SendMsg(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: vpcService},
	}); err != nil {
		t.Fatal(err)
	}
	file := &reflectionv1.ServerReflectionResponse{}
	if err := alpha.RecvMsg(file); err != nil || len(file.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("v1alpha answers %v, %v", file, err)
	}
	if err := alpha.CloseSend(); err != nil {
		t.Fatal(err)
	}
}

func TestStop_callsInFlight_finish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	h := start(t, options{vpcs: &vpcs{get: func(context.Context, *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
		close(entered)
		<-release
		return &networkv1.Vpc{Name: vpcName}, nil
	}}})
	health, err := healthpb.NewHealthClient(h.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: vpcService})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := health.Recv(); err != nil || first.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("watch: %v, %v", first, err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName})
		answered <- err
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- h.stop() }()

	// The watch gets a message, or ends: either way its client knows that the server stops.
	for {
		update, err := health.Recv()
		if err != nil {
			if e := grpcerr.FromError(err); e.Code != errs.Unavailable {
				t.Errorf("the watch ends with %v", e)
			}
			break
		}
		if update.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
			t.Errorf("the watch says %s", update.GetStatus())
		}
	}
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestStop_longPolls_end(t *testing.T) {
	polls := &operations{waiting: make(chan struct{})}
	h := start(t, options{operations: polls})
	answered := make(chan error, 1)
	go func() {
		// One attempt only: the client would look for another server.
		_, err := h.server.unary(t.Context(), &longrunningpb.WaitOperationRequest{Name: "tenants/acme/operations/op_x"},
			unaryInfo(operationv1.OperationService_WaitOperation_FullMethodName),
			func(ctx context.Context, r any) (any, error) {
				return polls.WaitOperation(ctx, r.(*longrunningpb.WaitOperationRequest))
			})
		answered <- err
	}()
	<-polls.waiting
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	if e := grpcerr.FromError(<-answered); e.Code != errs.Unavailable || e.Reason != ReasonDraining {
		t.Errorf("the long poll ends with %v", e)
	}
}

func TestStoppingIsBounded(t *testing.T) {
	entered := make(chan struct{})
	h := start(t, options{
		drain: 10 * time.Millisecond,
		vpcs: &vpcs{get: func(ctx context.Context, _ *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
			close(entered)
			<-ctx.Done()
			return nil, ctx.Err()
		}},
	})
	answered := make(chan error, 1)
	go func() {
		_, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName})
		answered <- err
	}()
	<-entered
	if err := h.stop(); err != nil {
		t.Errorf("serve: %v", err)
	}
	if err := <-answered; err == nil {
		t.Error("the call was cut off and yet succeeded")
	}
}

func TestLog_call_hasItsFacts(t *testing.T) {
	h := start(t, options{vpcs: &vpcs{
		get: func(context.Context, *networkv1.GetVpcRequest) (*networkv1.Vpc, error) { return &networkv1.Vpc{}, nil },
		create: func(context.Context, *networkv1.CreateVpcRequest) (*longrunningpb.Operation, error) {
			return &longrunningpb.Operation{}, nil
		},
	}})
	if _, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{
		Parent: "tenants/acme/organisations/core", VpcId: "dev", Vpc: &networkv1.Vpc{DisplayName: "nobody logs this"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: "bad"}); err == nil {
		t.Fatal("a bad name was taken")
	}
	lines := h.logs.calls(t)
	if len(lines) != 3 {
		t.Fatalf("%d lines for 3 calls: %v", len(lines), lines)
	}
	for i, want := range []struct{ level, code, method string }{
		{"DEBUG", "OK", networkv1.VpcService_GetVpc_FullMethodName},
		{"INFO", "OK", networkv1.VpcService_CreateVpc_FullMethodName},
		{"INFO", "InvalidArgument", networkv1.VpcService_GetVpc_FullMethodName},
	} {
		line := lines[i]
		if line["level"] != want.level || line["code"] != want.code || line["method"] != want.method {
			t.Errorf("line %d: %v", i, line)
		}
		if line["request_id"] == "" || line["duration"] == nil || !strings.HasPrefix(line["peer"].(string), "127.0.0.1:") {
			t.Errorf("line %d lacks something: %v", i, line)
		}
	}
	if strings.Contains(h.logs.String(), "nobody logs this") {
		t.Error("a body was logged")
	}
}
