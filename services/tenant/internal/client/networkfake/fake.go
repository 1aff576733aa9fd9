// Package networkfake is a network service held in memory, for tests. It speaks the real RPCs, so that the client is
// tested with it, keeps the promises of the real one on request ids and on what must go before what, and can be told to
// fail before or after the work, to take its time, or to block.
package networkfake

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	internalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/rpc"
)

// Fake is a network service.
type Fake struct {
	internalv1.UnimplementedFoundationServiceServer
	networkv1.UnimplementedVpcServiceServer
	networkv1.UnimplementedPeeringServiceServer
	operationv1.UnimplementedOperationServiceServer

	mu         sync.Mutex
	boundaries map[string]*internalv1.EnsureBoundaryRequest
	hubs       map[string]*internalv1.EnsureHubRequest
	quotas     map[string]*internalv1.ProjectQuota
	vpcs       map[string]*networkv1.Vpc
	peerings   map[string]*networkv1.Peering
	operations map[string]*work
	seen       map[string]seen
	faults     []*Fault
	held       map[string]bool
	blockage   *typev1.Blockage
	calls      map[string]int
	created    []string
}

// work is an operation and what it does at its end.
type work struct {
	op     *longrunningpb.Operation
	method string
	meta   *operationv1.OperationMetadata
	finish func()
}

type seen struct {
	digest string
	op     string
}

// Fault is a failure on request of the next call of a method.
type Fault struct {
	// Method is its name, for example `CreateVpc`.
	Method string
	// Err is what the caller gets.
	Err error
	// Executed does the work first.
	Executed bool
	// Count is how often; once when 0.
	Count int
}

// New makes an empty network service.
func New() *Fake {
	return &Fake{
		boundaries: map[string]*internalv1.EnsureBoundaryRequest{}, hubs: map[string]*internalv1.EnsureHubRequest{},
		quotas: map[string]*internalv1.ProjectQuota{},
		vpcs:   map[string]*networkv1.Vpc{}, peerings: map[string]*networkv1.Peering{},
		operations: map[string]*work{}, seen: map[string]seen{}, held: map[string]bool{}, calls: map[string]int{},
	}
}

// Start serves the fake on a free port until the test ends, and answers its address.
func Start(t testing.TB) (*Fake, string) {
	t.Helper()
	f := New()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			resp, err := handle(ctx, req)
			if err != nil {
				return nil, grpcerr.ToStatus(err).Err()
			}
			return resp, nil
		}))
	f.Register(s)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-served; err != nil {
			t.Errorf("serve the fake network service: %v", err)
		}
	})
	return f, l.Addr().String()
}

// Dial is a connection to a fake, closed with the test.
func Dial(t testing.TB, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := rpc.Dial(rpc.ClientConfig{Target: address, Name: "test"})
	if err != nil {
		t.Fatalf("dial the fake network service: %v", err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("close connection: %v", err)
		}
	})
	return conn
}

// Register puts the fake's services on a server.
func (f *Fake) Register(r grpc.ServiceRegistrar) {
	internalv1.RegisterFoundationServiceServer(r, f)
	networkv1.RegisterVpcServiceServer(r, f)
	networkv1.RegisterPeeringServiceServer(r, f)
	operationv1.RegisterOperationServiceServer(r, f)
}

// Fail arms a fault.
func (f *Fake) Fail(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fault.Count == 0 {
		fault.Count = 1
	}
	f.faults = append(f.faults, &fault)
}

// Hold keeps the operations of a method from ending until Release.
func (f *Fake) Hold(method string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held[method] = true
}

// Block has held operations show a blockage.
func (f *Fake) Block(b *typev1.Blockage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blockage = b
}

// Release lets every held operation end.
func (f *Fake) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held, f.blockage = map[string]bool{}, nil
}

// GiveUp ends the operations of a method that are held as cause says, as if somebody had cancelled or replaced them. A VPC
// that was being made stays BLOCKED until Mend.
func (f *Fake) GiveUp(method string, cause *errs.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.operations {
		if w.method != method || w.op.GetDone() {
			continue
		}
		w.op.Done, w.op.Result = true, &longrunningpb.Operation_Error{Error: grpcerr.ToStatus(cause).Proto()}
		if v := f.vpcs[w.meta.GetResource()]; v != nil {
			v.State = typev1.State_BLOCKED
			v.Blockage = &typev1.Blockage{
				Owner: typev1.Blockage_USER, Reason: cause.Reason, Message: cause.Message, Remedy: "update the resource, or delete it",
			}
		}
	}
}

// Mend makes a VPC whole, as a change by its owner would.
func (f *Fake) Mend(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.vpcs[name].State, f.vpcs[name].Blockage = typev1.State_ACTIVE, nil
}

// Created are the names of the VPCs made so far, in the order of the calls.
func (f *Fake) Created() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.created)
}

// Calls is how often a method was called.
func (f *Fake) Calls(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[method]
}

// Counts are how many boundaries, hubs, VPCs and peerings there are.
func (f *Fake) Counts() (boundaries, hubs, vpcs, peerings int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.boundaries), len(f.hubs), len(f.vpcs), len(f.peerings)
}

// Hub is the order for an organisation's hub, nil when there is none.
func (f *Fake) Hub(organisation string) *internalv1.EnsureHubRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.hubs[organisation]; h != nil {
		return proto.CloneOf(h)
	}
	return nil
}

// Quota is what was last told of the quota of an organisation's project; nil when nothing was.
func (f *Fake) Quota(organisation string) *internalv1.ProjectQuota {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.quotas[organisation]
}

// Forget disarms every fault.
func (f *Fake) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}
