package app_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/grpcerr"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

func TestLimits_largeMessage_isRefusedAsOverREST(t *testing.T) {
	e := newEdge(t)
	const limit = 1 << 20
	vpcs := networkv1.NewVpcServiceClient(e.conn)
	create := func(n int) error {
		_, err := vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{Vpc: &networkv1.Vpc{DisplayName: strings.Repeat("x", n)}})
		return err
	}
	// A request just under the limit reaches the rules of the service.
	if got := grpcerr.FromError(create(limit - 100)); got.Reason != "INVALID_FIELDS" {
		t.Errorf("a message that is not too large: %v", got)
	}
	if n := e.vpcs.count(); n != 0 {
		t.Errorf("%d requests reached the handler", n)
	}
	rest := e.do("POST", vpcsPath+"?vpcId=dev", `{"displayName":"`+strings.Repeat("x", 2*limit)+`"}`, nil).problem(t)
	_, own := operationv1.NewOperationServiceClient(e.conn).GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: strings.Repeat("x", 2*limit)})
	for name, err := range map[string]error{"passed on": create(2 * limit), "just over": create(limit), "answered here": own} {
		got := grpcerr.FromError(err)
		if got.Reason != "BODY_TOO_LARGE" || got.Reason != rest["reason"] || status.Code(err) != codes.InvalidArgument ||
			got.Message != rest["detail"] || !strings.Contains(got.Message, "send less") || grpcerr.RequestID(err) == "" {
			t.Errorf("%s: gRPC says %v, REST %v", name, err, rest)
		}
	}
	if got, err := vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: "tenants/acme/organisations/core/vpcs/dev"}); err != nil {
		t.Errorf("the connection is of no use any more: %v, %v", got, err)
	}
}

func TestLimits_everyCall_hasADeadline(t *testing.T) {
	e := newEdge(t, "TIMEOUT=7s")
	tenants := tenantv1.NewTenantServiceClient(e.conn)
	get := &tenantv1.GetTenantRequest{Name: "tenants/acme"}
	calls := map[string]func() error{
		"REST": func() error { e.do("GET", "/v1/tenants/acme", "", nil); return nil },
		"gRPC without a deadline": func() error {
			_, err := tenants.GetTenant(t.Context(), get)
			return err
		},
		"gRPC with one that is too long": func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			_, err := tenants.GetTenant(ctx, get)
			return err
		},
	}
	for name, call := range calls {
		if err := call(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if left := e.tenants.lastLeft(); left <= 5*time.Second || left > 7*time.Second {
			t.Errorf("%s: the service was given %s", name, left)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := tenants.GetTenant(ctx, get); err != nil {
		t.Fatal(err)
	}
	if left := e.tenants.lastLeft(); left > 3*time.Second {
		t.Errorf("a shorter deadline became %s", left)
	}
	name := e.netOp.add(t, 1)
	if _, err := longrunningpb.NewOperationsClient(e.conn).WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name}); err != nil {
		t.Fatal(err)
	}
	if left := e.netOp.lastWait(); left <= 60*time.Second || left > 70*time.Second {
		t.Errorf("a long poll was given %s", left)
	}
}

func TestLimits_slowService_endsTheSame(t *testing.T) {
	e := newEdge(t, "TIMEOUT=300ms")
	e.tenants.hold = make(chan struct{})
	rest := e.do("GET", "/v1/tenants/acme", "", nil)
	_, err := tenantv1.NewTenantServiceClient(e.conn).GetTenant(t.Context(), &tenantv1.GetTenantRequest{Name: "tenants/acme"})
	got := grpcerr.FromError(err)
	if p := rest.problem(t); rest.status != 504 || p["reason"] != got.Reason || p["detail"] != got.Message || status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("REST says %s, gRPC %v", rest.body, err)
	}
}

func TestLimits_missingMessage_endsTheCall(t *testing.T) {
	e := newEdge(t, "TIMEOUT=100ms")
	for _, method := range []string{"/lowlayer.tenant.v1.TenantService/GetTenant", "/google.longrunning.Operations/GetOperation", "/no.such/Method"} {
		s, err := e.conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, method)
		if err != nil {
			t.Fatal(err)
		}
		err = s.RecvMsg(&tenantv1.Tenant{})
		if !slices.Contains([]codes.Code{codes.DeadlineExceeded, codes.Unimplemented}, status.Code(err)) {
			t.Errorf("%s: got %v", method, err)
		}
	}
}

func TestStreamsEndToo(t *testing.T) {
	e := newEdge(t, "STREAM_TIMEOUT=100ms")
	watch, err := healthpb.NewHealthClient(e.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got := grpcerr.FromError(watchEnds(watch)); got.Reason != "DEADLINE_EXCEEDED" || !strings.Contains(got.Message, "open it again") {
		t.Errorf("the watch ended with %v", got)
	}
}
