package cli

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	driftv1 "github.com/low-layer/platform/gen/go/lowlayer/drift/v1"
	meteringv1 "github.com/low-layer/platform/gen/go/lowlayer/metering/v1"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
)

// fakePlatform keeps resources in memory. Each operation takes two waits: half way, then done.
type fakePlatform struct {
	tenantv1.UnimplementedTenantServiceServer
	tenantv1.UnimplementedOrganisationServiceServer
	networkv1.UnimplementedVpcServiceServer
	networkv1.UnimplementedHubServiceServer
	networkv1.UnimplementedPeeringServiceServer
	driftv1.UnimplementedDriftServiceServer
	operationv1.UnimplementedOperationServiceServer
	receiptv1.UnimplementedReceiptServiceServer
	auditv1.UnimplementedAuditServiceServer
	watchv1.UnimplementedWatchServiceServer
	quotav1.UnimplementedQuotaServiceServer
	meteringv1.UnimplementedPriceBookServiceServer
	meteringv1.UnimplementedUsageServiceServer

	mu            sync.Mutex
	tenants       map[string]*tenantv1.Tenant
	organisations map[string]*tenantv1.Organisation
	vpcs          map[string]*networkv1.Vpc
	peerings      map[string]*networkv1.Peering
	operations    map[string]*longrunningpb.Operation
	answers       map[string]proto.Message
	requests      []proto.Message
	receipts      []*receiptv1.Receipt
	keys          []*receiptv1.ReceiptKey
	events        []*auditv1.AuditEvent
	trail         []*auditv1.ExportAuditEventsResponse // page by page
	blockage      *typev1.Blockage                     // of every operation; they never end while it is set
	// skipped adds a step that did not run to every operation.
	skipped   bool
	planned   *operationv1.OperationMetadata // answered to calls that are to be planned; a usual one when nil
	ends      error                          // how operations end; nil is well
	refusals  map[string][]error
	interrupt map[string]func() // called when a method is
	streams   []func(*watchv1.WatchTenantRequest, watchv1.WatchService_WatchTenantServer) error
}

// refuse has the next calls of a method answer these errors, one after the other.
func (f *fakePlatform) refuse(method string, errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusals[method] = errs
}

func (f *fakePlatform) refusal(method string) error {
	method = method[strings.LastIndexByte(method, '/')+1:]
	list := f.refusals[method]
	if len(list) == 0 {
		return nil
	}
	f.refusals[method] = list[1:]
	return list[0]
}

func newFake(t *testing.T) (*fakePlatform, string) {
	t.Helper()
	f := &fakePlatform{
		tenants: map[string]*tenantv1.Tenant{}, organisations: map[string]*tenantv1.Organisation{}, vpcs: map[string]*networkv1.Vpc{},
		peerings: map[string]*networkv1.Peering{}, operations: map[string]*longrunningpb.Operation{}, answers: map[string]proto.Message{},
		refusals: map[string][]error{},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(f.record))
	tenantv1.RegisterTenantServiceServer(server, f)
	tenantv1.RegisterOrganisationServiceServer(server, f)
	networkv1.RegisterVpcServiceServer(server, f)
	networkv1.RegisterHubServiceServer(server, f)
	networkv1.RegisterPeeringServiceServer(server, f)
	driftv1.RegisterDriftServiceServer(server, f)
	operationv1.RegisterOperationServiceServer(server, f)
	receiptv1.RegisterReceiptServiceServer(server, f)
	auditv1.RegisterAuditServiceServer(server, f)
	watchv1.RegisterWatchServiceServer(server, f)
	quotav1.RegisterQuotaServiceServer(server, f)
	meteringv1.RegisterPriceBookServiceServer(server, f)
	meteringv1.RegisterUsageServiceServer(server, f)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return f, listener.Addr().String()
}

func (f *fakePlatform) record(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m, ok := req.(proto.Message); ok {
		f.requests = append(f.requests, m)
	}
	press := f.interrupt[info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:]]
	if press != nil {
		press()
	}
	if err := f.refusal(info.FullMethod); err != nil {
		return nil, err
	}
	if v, ok := req.(interface{ GetValidateOnly() bool }); ok && v.GetValidateOnly() {
		return f.plan()
	}
	if press != nil {
		<-ctx.Done() // until the caller has gone
	}
	return next(ctx, req)
}

// last is the newest request of a type.
func last[M proto.Message](t *testing.T, f *fakePlatform) M {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.requests) - 1; i >= 0; i-- {
		if m, ok := f.requests[i].(M); ok {
			return m
		}
	}
	var none M
	t.Fatalf("no request %T was made", none)
	return none
}

func (f *fakePlatform) begin(verb, resource string, answer proto.Message) (*longrunningpb.Operation, error) {
	name := strings.Join(strings.Split(resource, "/")[:2], "/") + "/operations/op_fake_" + strings.Repeat("0", 25) + string(rune('a'+len(f.operations)))
	f.answers[name] = answer
	op, err := f.progress(name, verb, resource, false)
	f.operations[name] = op
	return op, err
}

func (f *fakePlatform) progress(name, verb, resource string, done bool) (*longrunningpb.Operation, error) {
	meta := &operationv1.OperationMetadata{
		Resource: resource, Verb: verb, StepCount: 2, StepsDone: 1, ProgressPercent: 50, Blockage: f.blockage,
		Steps: []*operationv1.Step{
			{Name: "network", Title: "create the network", State: operationv1.Step_DONE},
			{Name: "router", Title: "create the router", State: operationv1.Step_RUNNING},
		},
	}
	if f.skipped {
		meta.Steps = append(meta.Steps, &operationv1.Step{Name: "tag-network", Title: "tag the network", State: operationv1.Step_SKIPPED})
	}
	if done {
		meta.StepsDone, meta.ProgressPercent, meta.Steps[1].State = 2, 100, operationv1.Step_DONE
	}
	packed, err := anypb.New(meta)
	if err != nil {
		return nil, err
	}
	op := &longrunningpb.Operation{Name: name, Metadata: packed, Done: done}
	if done && f.ends != nil {
		op.Result = &longrunningpb.Operation_Error{Error: status.Convert(f.ends).Proto()}
	} else if done {
		response, err := anypb.New(f.answers[name])
		if err != nil {
			return nil, err
		}
		op.Result = &longrunningpb.Operation_Response{Response: response}
	}
	return op, nil
}

func (f *fakePlatform) WaitOperation(_ context.Context, r *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	op := f.operations[r.GetName()]
	if op == nil {
		return nil, status.Error(codes.NotFound, "there is no such operation")
	}
	if f.blockage != nil || op.GetDone() {
		return op, nil
	}
	meta := metadataOf(op)
	next, err := f.progress(r.GetName(), meta.GetVerb(), meta.GetResource(), true)
	f.operations[r.GetName()] = next
	return next, err
}

func (f *fakePlatform) ListOperations(context.Context, *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	r := &longrunningpb.ListOperationsResponse{}
	for _, name := range sortedKeys(f.operations) {
		if op := f.operations[name]; !op.GetDone() {
			r.Operations = append(r.Operations, op)
		}
	}
	return r, nil
}

func (f *fakePlatform) GetOperation(_ context.Context, r *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	if op := f.operations[r.GetName()]; op != nil {
		return op, nil
	}
	return nil, status.Error(codes.NotFound, "there is no such operation")
}

func (f *fakePlatform) CreateTenant(_ context.Context, r *tenantv1.CreateTenantRequest) (*longrunningpb.Operation, error) {
	r.Tenant.Name, r.Tenant.State = "tenants/"+r.GetTenantId(), typev1.State_ACTIVE
	f.tenants[r.Tenant.Name] = r.GetTenant()
	return f.begin("create", r.Tenant.Name, r.GetTenant())
}

func (f *fakePlatform) GetTenant(_ context.Context, r *tenantv1.GetTenantRequest) (*tenantv1.Tenant, error) {
	return found(f.tenants, r.GetName())
}

func (f *fakePlatform) ListTenants(context.Context, *tenantv1.ListTenantsRequest) (*tenantv1.ListTenantsResponse, error) {
	return &tenantv1.ListTenantsResponse{Tenants: under(f.tenants, "tenants/")}, nil
}

func (f *fakePlatform) UpdateTenant(_ context.Context, r *tenantv1.UpdateTenantRequest) (*longrunningpb.Operation, error) {
	t, err := found(f.tenants, r.GetTenant().GetName())
	if err != nil {
		return nil, err
	}
	t.DisplayName = r.GetTenant().GetDisplayName()
	return f.begin("update", t.GetName(), t)
}

func (f *fakePlatform) DeleteTenant(_ context.Context, r *tenantv1.DeleteTenantRequest) (*longrunningpb.Operation, error) {
	t, err := found(f.tenants, r.GetName())
	if err != nil {
		return nil, err
	}
	delete(f.tenants, r.GetName())
	return f.begin("delete", t.GetName(), t)
}

func (f *fakePlatform) CreateOrganisation(_ context.Context, r *tenantv1.CreateOrganisationRequest) (*longrunningpb.Operation, error) {
	o := r.GetOrganisation()
	o.Name, o.State = r.GetParent()+"/organisations/"+r.GetOrganisationId(), typev1.State_ACTIVE
	for _, v := range o.GetVpcs() {
		mode := v.GetMode()
		if mode == 0 {
			mode = o.GetMode()
		}
		name := o.Name + "/vpcs/" + v.GetVpcId()
		f.vpcs[name] = &networkv1.Vpc{Name: name, State: typev1.State_ACTIVE, Cidr: "10.64.16.0/20", Mode: mode, DisplayName: v.GetDisplayName()}
	}
	o.Vpcs = nil
	f.organisations[o.Name] = o
	return f.begin("create", o.Name, o)
}

func (f *fakePlatform) UpdateOrganisation(_ context.Context, r *tenantv1.UpdateOrganisationRequest) (*longrunningpb.Operation, error) {
	o, err := found(f.organisations, r.GetOrganisation().GetName())
	if err != nil {
		return nil, err
	}
	return f.begin("update", o.GetName(), o)
}

func (f *fakePlatform) GetOrganisation(_ context.Context, r *tenantv1.GetOrganisationRequest) (*tenantv1.Organisation, error) {
	return found(f.organisations, r.GetName())
}

func (f *fakePlatform) ListOrganisations(_ context.Context, r *tenantv1.ListOrganisationsRequest) (*tenantv1.ListOrganisationsResponse, error) {
	return &tenantv1.ListOrganisationsResponse{Organisations: under(f.organisations, r.GetParent()+"/")}, nil
}

func (f *fakePlatform) CreateVpc(_ context.Context, r *networkv1.CreateVpcRequest) (*longrunningpb.Operation, error) {
	v := r.GetVpc()
	v.Name, v.State = r.GetParent()+"/vpcs/"+r.GetVpcId(), typev1.State_ACTIVE
	f.vpcs[v.Name] = v
	return f.begin("create", v.Name, v)
}

func (f *fakePlatform) GetVpc(_ context.Context, r *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
	return found(f.vpcs, r.GetName())
}

func (f *fakePlatform) ListVpcs(_ context.Context, r *networkv1.ListVpcsRequest) (*networkv1.ListVpcsResponse, error) {
	return &networkv1.ListVpcsResponse{Vpcs: under(f.vpcs, strings.TrimSuffix(r.GetParent(), "-"))}, nil
}

func (f *fakePlatform) UpdateVpc(_ context.Context, r *networkv1.UpdateVpcRequest) (*longrunningpb.Operation, error) {
	v, err := found(f.vpcs, r.GetVpc().GetName())
	if err != nil {
		return nil, err
	}
	v.IngressRules = r.GetVpc().GetIngressRules()
	return f.begin("update", v.GetName(), v)
}

func (f *fakePlatform) DeleteVpc(_ context.Context, r *networkv1.DeleteVpcRequest) (*longrunningpb.Operation, error) {
	if _, err := found(f.vpcs, r.GetName()); err != nil {
		return nil, err
	}
	delete(f.vpcs, r.GetName())
	return f.begin("delete", r.GetName(), &emptypb.Empty{})
}

func (f *fakePlatform) GetHub(_ context.Context, r *networkv1.GetHubRequest) (*networkv1.Hub, error) {
	return &networkv1.Hub{Name: r.GetName(), Cidr: "10.64.0.0/22", State: typev1.State_ACTIVE}, nil
}

func (f *fakePlatform) CreatePeering(_ context.Context, r *networkv1.CreatePeeringRequest) (*longrunningpb.Operation, error) {
	p := r.GetPeering()
	p.Name, p.Acceptance, p.State = r.GetParent()+"/peerings/"+r.GetPeeringId(), networkv1.Peering_PENDING, typev1.State_ACTIVE
	f.peerings[p.Name] = p
	return f.begin("create", p.Name, p)
}

func (f *fakePlatform) GetPeering(_ context.Context, r *networkv1.GetPeeringRequest) (*networkv1.Peering, error) {
	return found(f.peerings, r.GetName())
}

func (f *fakePlatform) AcceptPeering(_ context.Context, r *networkv1.AcceptPeeringRequest) (*longrunningpb.Operation, error) {
	p, err := found(f.peerings, r.GetName())
	if err != nil {
		return nil, err
	}
	p.Acceptance = networkv1.Peering_ACCEPTED
	return f.begin("accept", p.GetName(), p)
}

func (f *fakePlatform) ListPeerings(_ context.Context, r *networkv1.ListPeeringsRequest) (*networkv1.ListPeeringsResponse, error) {
	return &networkv1.ListPeeringsResponse{Peerings: under(f.peerings, r.GetParent()+"/")}, nil
}

func found[M any](all map[string]M, name string) (M, error) {
	m, ok := all[name]
	if !ok {
		return m, status.Errorf(codes.NotFound, "there is no %q; check the name", name)
	}
	return m, nil
}

func under[M any](all map[string]M, prefix string) []M {
	var out []M
	for _, name := range sortedKeys(all) {
		if strings.HasPrefix(name, prefix) {
			out = append(out, all[name])
		}
	}
	return out
}

// cliRun runs a command line against the fake.
func cliRun(t *testing.T, address string, args ...string) (out, errs string, code int) {
	t.Helper()
	return cliRunCtx(t.Context(), address, args...)
}

func cliRunCtx(ctx context.Context, address string, args ...string) (out, errs string, code int) {
	var o, e bytes.Buffer
	code = Run(ctx, append([]string{"--address", address}, args...), Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return o.String(), e.String(), code
}
