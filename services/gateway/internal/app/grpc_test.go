package app_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
)

// kinds are errors of every class, as services return them.
func kinds() map[string]struct {
	err    error
	status int
} {
	quota := errs.New(errs.ResourceExhausted, "CLOUD_QUOTA_EXCEEDED", "the project has no router left; raise the quota")
	quota.Quota = []errs.QuotaViolation{{Subject: "routers", Description: "2 of 2 are in use"}}
	away := errs.New(errs.Unavailable, "CLOUD_UNAVAILABLE", "the cloud does not answer; try again")
	away.Retry = 1500 * time.Millisecond
	return map[string]struct {
		err    error
		status int
	}{
		"invalid":      {errs.Invalid(errs.Field("vpc.cidr", "overlaps 10.0.0.0/8; choose another"), errs.Field("vpc.mode", "is unknown")), 400},
		"not found":    {errs.NotFound("vpc", "tenants/a/organisations/b/vpcs/c"), 404},
		"exists":       {errs.Exists("tenant", "tenants/acme"), 409},
		"stale":        {errs.Stale("tenants/acme"), 412},
		"reused":       {errs.New(errs.AlreadyExists, errs.ReasonRequestIDReused, "use another id"), 409},
		"aborted":      {errs.New(errs.Aborted, "CONFLICT", "another change came between; try again"), 409},
		"precondition": {errs.Failed("TENANT_SUSPENDED", "the tenant is suspended; resume it"), 400},
		"quota":        {quota, 429},
		"retry":        {away, 503},
		"denied":       {errs.New(errs.PermissionDenied, "PERMISSION_DENIED", "ask an owner").With("permission", "tenant.tenants.get"), 403},
		"anonymous":    {errs.New(errs.Unauthenticated, "UNAUTHENTICATED", "sign in"), 401},
		"range":        {errs.New(errs.OutOfRange, "OUT_OF_RANGE", "choose a smaller one"), 400},
		"not there":    {errs.New(errs.Unimplemented, "UNIMPLEMENTED", "upgrade the service"), 501},
		"late":         {errs.New(errs.DeadlineExceeded, "DEADLINE_EXCEEDED", "try again"), 504},
		"lost":         {errs.New(errs.DataLoss, "DATA_LOSS", "report it"), 500},
		"unknown":      {io.ErrUnexpectedEOF, 500},
	}
}

func TestErrors_bothProtocols_agree(t *testing.T) {
	e := newEdge(t)
	client := tenantv1.NewTenantServiceClient(e.conn)
	for name, c := range kinds() {
		e.tenants.fail(c.err)
		got := e.do("GET", "/v1/tenants/acme", "", nil)
		p := got.problem(t)
		_, err := client.GetTenant(metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "mine"), &tenantv1.GetTenantRequest{Name: "tenants/acme"})
		over := grpcerr.FromError(err)
		if got.status != c.status || p["reason"] != over.Reason || p["code"] != codeName(status.Code(err)) {
			t.Errorf("%s: REST %d %s, gRPC %v", name, got.status, got.body, err)
		}
		if over.Reason != "INTERNAL" && p["detail"] != over.Message {
			t.Errorf("%s: REST says %v, gRPC %q", name, p["detail"], over.Message)
		}
		fields, _ := p["fields"].([]any)
		quota, _ := p["quota"].([]any)
		facts, _ := p["metadata"].(map[string]any)
		if len(fields) != len(over.Fields) || len(quota) != len(over.Quota) || len(facts) != len(over.Metadata) {
			t.Errorf("%s: REST %s, gRPC %+v", name, got.body, over)
		}
		if (got.header.Get("Retry-After") != "") != (over.Retry > 0) {
			t.Errorf("%s: Retry-After is %q", name, got.header.Get("Retry-After"))
		}
		if grpcerr.RequestID(err) != "mine" {
			t.Errorf("%s: the status is of request %q", name, grpcerr.RequestID(err))
		}
		if strings.Contains(string(got.body), "EOF") {
			t.Errorf("%s: the cause is shown: %s", name, got.body)
		}
	}
	e.tenants.fail(nil)
	e.tenants.fail(kinds()["retry"].err)
	if got := e.do("GET", "/v1/tenants/acme", "", nil); got.header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
	}
}

func codeName(c codes.Code) string {
	if c == codes.Unauthenticated {
		return "UNAUTHENTICATED"
	}
	var b strings.Builder
	for i, r := range c.String() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// Requests that break a rule of the protos: REST and gRPC name the same field.
func TestLimits_ofProtos_agree(t *testing.T) {
	e := newEdge(t)
	got := e.do("POST", vpcsPath+"?vpcId=NO", `{"displayName":"`+strings.Repeat("x", 200)+`","mode":9}`, nil)
	p := got.problem(t)
	_, err := networkv1.NewVpcServiceClient(e.conn).CreateVpc(t.Context(), &networkv1.CreateVpcRequest{
		Parent: "tenants/acme/organisations/core", VpcId: "NO", Vpc: &networkv1.Vpc{DisplayName: strings.Repeat("x", 200), Mode: 9},
	})
	over := grpcerr.FromError(err)
	if got.status != 400 || len(over.Fields) != 3 {
		t.Fatalf("REST %d %s, gRPC %v", got.status, got.body, over)
	}
	for _, f := range over.Fields {
		if field(p, f.Field) != f.Description {
			t.Errorf("%s: REST says %q, gRPC %q", f.Field, field(p, f.Field), f.Description)
		}
	}
}

func TestGRPC_passThrough_keepsHeadersTrailersAndDetails(t *testing.T) {
	e := newEdge(t)
	client := tenantv1.NewTenantServiceClient(e.conn)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer t", "x-request-id", "mine-2", "x-lowlayer-identity", "evil", "x-forwarded-for", "evil")
	var header, trailer metadata.MD
	got, err := client.GetTenant(ctx, &tenantv1.GetTenantRequest{Name: "tenants/acme"}, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil || got.GetName() != "tenants/acme" {
		t.Fatalf("got %v, %v", got, err)
	}
	if !slices.Equal(header.Get("x-request-id"), []string{"mine-2"}) || !slices.Equal(header.Get("x-secret"), []string{"header"}) || !slices.Equal(trailer.Get("x-cost"), []string{"7"}) {
		t.Errorf("header %v, trailer %v", header, trailer)
	}
	_, md := e.tenants.last(t)
	if !slices.Equal(md.Get("authorization"), []string{"Bearer t"}) || !slices.Equal(md.Get("x-request-id"), []string{"mine-2"}) ||
		len(md.Get("x-lowlayer-identity")) > 0 || len(md.Get("x-forwarded-for")) > 0 {
		t.Errorf("the service got %v", md)
	}
}

func TestGRPC_methodThatIsNotPublic_isRefused(t *testing.T) {
	e := newEdge(t)
	var out tenantv1.Tenant
	for _, method := range []string{
		"/lowlayer.network.internal.v1.FoundationService/CheckOrder",
		"/lowlayer.network.v1.VpcService/Nothing", "/lowlayer.nothing.v1.Service/Get", "/x/y",
	} {
		err := e.conn.Invoke(t.Context(), method, &networkinternalv1.CheckOrderRequest{Tenant: "tenants/acme"}, &out)
		if status.Code(err) != codes.Unimplemented || grpcerr.FromError(err).Reason != "METHOD_NOT_FOUND" {
			t.Errorf("%s answers %v", method, err)
		}
	}
}

func TestReflectionAndHealth(t *testing.T) {
	e := newEdge(t)
	e.tenant.end()
	e.network.end()
	stream, err := reflectpb.NewServerReflectionClient(e.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(r *reflectpb.ServerReflectionRequest) *reflectpb.ServerReflectionResponse {
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
		got, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := ask(&reflectpb.ServerReflectionRequest{MessageRequest: &reflectpb.ServerReflectionRequest_ListServices{}})
	var names []string
	for _, s := range got.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	for _, want := range []string{
		"google.longrunning.Operations", "grpc.health.v1.Health", "lowlayer.network.v1.DriftService", "lowlayer.network.v1.HubService",
		"lowlayer.network.v1.PeeringService", "lowlayer.network.v1.VpcService", "lowlayer.operation.v1.OperationService",
		"lowlayer.tenant.v1.OrganisationService", "lowlayer.tenant.v1.TenantService",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not listed in %v", want, names)
		}
	}
	symbol := func(name string) *reflectpb.ServerReflectionResponse {
		return ask(&reflectpb.ServerReflectionRequest{MessageRequest: &reflectpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: name}})
	}
	if len(symbol("lowlayer.network.v1.VpcService").GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Error("a public service is not described")
	}
	// It is linked into this test, and must be hidden all the same.
	if symbol("lowlayer.network.internal.v1.FoundationService").GetErrorResponse() == nil {
		t.Error("an internal service is described")
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	health := healthpb.NewHealthClient(e.conn)
	for _, name := range []string{"", "lowlayer.tenant.v1.TenantService"} {
		if got, err := health.Check(t.Context(), &healthpb.HealthCheckRequest{Service: name}); err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("health of %q is %v, %v", name, got, err)
		}
	}
}

func TestGRPC_serviceDown_isNamed(t *testing.T) {
	e := newEdge(t)
	e.network.end()
	_, err := networkv1.NewVpcServiceClient(e.conn).GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: "tenants/acme/organisations/core/vpcs/dev"})
	got := grpcerr.FromError(err)
	if got.Reason != "PEER_UNAVAILABLE" || got.Metadata["service"] != "network" || got.Retry == 0 {
		t.Errorf("got %v, %+v", err, got)
	}
}

func TestDrain_requestsInFlight_finish(t *testing.T) {
	e := newEdge(t)
	e.tenants.hold, e.tenants.entered = make(chan struct{}), make(chan struct{}, 2)
	watch, err := healthpb.NewHealthClient(e.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := watch.Recv(); err != nil || first.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("got %v, %v", first, err)
	}
	got := make(chan answer, 1)
	go func() { got <- e.do("GET", "/v1/tenants/acme", "", nil) }()
	over := make(chan error, 1)
	go func() {
		_, err := tenantv1.NewTenantServiceClient(e.conn).GetTenant(t.Context(), &tenantv1.GetTenantRequest{Name: "tenants/acme"})
		over <- err
	}()
	<-e.tenants.entered
	<-e.tenants.entered
	e.stop()
	if next, err := watch.Recv(); err != nil || next.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("while draining health is %v, %v", next, err)
	}
	ready, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.admin+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := e.send(ready); a.status != http.StatusServiceUnavailable {
		t.Errorf("while draining /readyz answers %d %s", a.status, a.body)
	}
	close(e.tenants.hold)
	if a := <-got; a.status != 200 {
		t.Errorf("REST: got %d %s", a.status, a.body)
	}
	if err := <-over; err != nil {
		t.Errorf("gRPC: got %v", err)
	}
	e.client.CloseIdleConnections()
	if err := watchEnds(watch); grpcerr.FromError(err).Reason != "SERVER_DRAINING" {
		t.Errorf("the watch ended with %v", err)
	}
	e.end()
}

func TestDrain_slowRequest_isCutOff(t *testing.T) {
	e := newEdge(t, "DRAIN_TIMEOUT=100ms")
	e.tenants.hold, e.tenants.entered = make(chan struct{}), make(chan struct{}, 1)
	over := make(chan error, 1)
	go func() {
		_, err := tenantv1.NewTenantServiceClient(e.conn).GetTenant(t.Context(), &tenantv1.GetTenantRequest{Name: "tenants/acme"})
		over <- err
	}()
	<-e.tenants.entered
	e.end()
	if err := <-over; err == nil {
		t.Error("a call that nobody answered succeeded")
	}
}

func watchEnds(w grpc.ServerStreamingClient[healthpb.HealthCheckResponse]) error {
	for {
		if _, err := w.Recv(); err != nil {
			return err //nolint:wrapcheck // a test
		}
	}
}

func TestGRPC_callerLeaves_cancelsTheCall(t *testing.T) {
	e := newEdge(t)
	e.tenants.hold, e.tenants.entered = make(chan struct{}), make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := tenantv1.NewTenantServiceClient(e.conn).GetTenant(ctx, &tenantv1.GetTenantRequest{Name: "tenants/acme"})
		done <- err
	}()
	<-e.tenants.entered
	cancel()
	if err := <-done; status.Code(err) != codes.Canceled {
		t.Errorf("got %v", err)
	}
	// The service's handler returns only when its context ends; the harness waits for it.
}
