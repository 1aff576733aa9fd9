// Package peertest is another service of the platform in memory, for tests of its callers. It speaks the real RPCs of any
// service, read from the protos: standard methods, methods that respond with an operation, and the operations API.
//
// It keeps the promises callers build on: a request_id gets its first operation again, an absent resource is NOT_FOUND, a
// protected one stays. Rules add what is special to one method. Tests make it fail before or after the work, hold its
// operations, block them, or give them up.
package peertest

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/rpc"
)

// Rule is what a method does beside the standard.
type Rule struct {
	// Name is the resource of a request; by default that of `name`, or of `parent` and the id.
	Name func(req protoreflect.Message) string
	// UID is the unique id of a new resource; by default a new one.
	UID func(req protoreflect.Message) string
	// Check refuses a request.
	Check func(s *State, req proto.Message) error
	// Respond responds to a method that neither works nor reads one resource.
	Respond func(s *State, req proto.Message) (proto.Message, error)
}

// Check is a Rule's check of one type of request.
func Check[R proto.Message](f func(s *State, req R) error) func(*State, proto.Message) error {
	return func(s *State, req proto.Message) error { return f(s, req.(R)) }
}

// Respond is a Rule's response to one type of request.
func Respond[R, A proto.Message](f func(s *State, req R) (A, error)) func(*State, proto.Message) (proto.Message, error) {
	return func(s *State, req proto.Message) (proto.Message, error) { return f(s, req.(R)) }
}

// Field makes names from one field of a request and a suffix.
func Field(field protoreflect.Name, suffix string) func(protoreflect.Message) string {
	return func(m protoreflect.Message) string { return text(m, field) + suffix }
}

// Fault is a failure on request of the next calls of a method.
type Fault struct {
	// Method is its name, for example `CreateVpc`.
	Method string
	Err    error
	// Executed does the work first.
	Executed bool
	// Count is how often it strikes; once when 0.
	Count int
}

// Fake is a service in memory.
type Fake struct {
	name    string
	address string
	rules   map[string]Rule

	mu         sync.Mutex
	state      State
	operations map[string]*work
	seen       map[string]seen
	faults     []*Fault
	held       map[string]bool
	blockage   *typev1.Blockage
	calls      map[string][]proto.Message
	ordered    map[string][]string
}

// Start serves the named services of the protos on a free port until the test ends.
func Start(t testing.TB, name string, rules map[string]Rule, services ...protoreflect.FullName) *Fake {
	t.Helper()
	f := &Fake{
		name: name, rules: rules, state: State{}, operations: map[string]*work{}, seen: map[string]seen{},
		held: map[string]bool{}, calls: map[string][]proto.Message{}, ordered: map[string][]string{},
	}
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	f.address = l.Addr().String()
	s := grpc.NewServer()
	for _, service := range append(services, protoreflect.FullName(operationv1.OperationService_ServiceDesc.ServiceName)) {
		desc, err := f.describe(service)
		if err != nil {
			t.Fatalf("serve %s: %v", service, err)
		}
		s.RegisterService(desc, f)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-served; err != nil {
			t.Errorf("serve the fake %s service: %v", name, err)
		}
	})
	return f
}

// Address is where the fake listens.
func (f *Fake) Address() string { return f.address }

// Dial is a connection to the fake, closed with the test.
func (f *Fake) Dial(t testing.TB) *grpc.ClientConn {
	t.Helper()
	conn, err := rpc.Dial(rpc.ClientConfig{Target: f.address, Name: "test"})
	if err != nil {
		t.Fatalf("dial the fake %s service: %v", f.name, err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("close connection: %v", err)
		}
	})
	return conn
}

// Fail arms a fault; Forget disarms all.
func (f *Fake) Fail(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault.Count = max(fault.Count, 1)
	f.faults = append(f.faults, &fault)
}

// Forget disarms every fault.
func (f *Fake) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// Hold keeps the operations of a method from ending until Release.
func (f *Fake) Hold(method string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held[method] = true
}

// Block shows a blockage on held operations.
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

// GiveUp ends the held operations of a method with an error, as a cancellation or a newer change does. A resource with a
// state stays BLOCKED by its user.
func (f *Fake) GiveUp(method string, cause *errs.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.operations {
		if w.method != method || w.op.GetDone() {
			continue
		}
		w.op.Done, w.op.Result = true, &longrunningpb.Operation_Error{Error: grpcerr.ToStatus(cause).Proto()}
		f.state.mark(w.meta.GetResource(), typev1.State_BLOCKED, &typev1.Blockage{
			Owner: typev1.Blockage_USER, Reason: cause.Reason, Message: cause.Message, Remedy: "update the resource, or delete it",
		})
	}
}

// Mend makes a blocked resource ACTIVE, as an update by its owner does.
func (f *Fake) Mend(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.mark(name, typev1.State_ACTIVE, nil)
}

// Put adds a resource, or replaces it.
func (f *Fake) Put(kind, name string, message proto.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state[name] = &Resource{Kind: kind, Message: message}
}

// Resource is a copy of a resource: its message, or the request that made it; nil when absent.
func (f *Fake) Resource(name string) proto.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.state[name]; r != nil {
		return proto.Clone(r.Message)
	}
	return nil
}

// Count is how many resources of a kind there are; the kind is a method's name without its verb, for example `Vpc`.
func (f *Fake) Count(kind string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.state.Names(kind, ""))
}

// Calls are the requests of a method so far.
func (f *Fake) Calls(method string) []proto.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls[method])
}

// Ordered are the resources that a method began to work on, in the order of the calls.
func (f *Fake) Ordered(method string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ordered[method])
}

// State is the resources of a fake by name.
type State map[string]*Resource

// Resource is one resource. Message is the request that made it when the service has no message for it.
type Resource struct {
	Kind    string
	Message proto.Message
}

// Has is true when the resource exists.
func (s *State) Has(name string) bool { return (*s)[name] != nil }

// Names are the resources of a kind under a parent, in order; all kinds when it is empty.
func (s *State) Names(kind, parent string) []string {
	var out []string
	for name, r := range *s {
		if (kind == "" || r.Kind == kind) && (parent == "" || strings.HasPrefix(name, parent+"/")) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// mark sets state and blockage where the message has them.
func (s *State) mark(name string, state typev1.State, b *typev1.Blockage) {
	r := (*s)[name]
	if r == nil {
		return
	}
	m := r.Message.ProtoReflect()
	if f := field(m, "state"); f != nil {
		m.Set(f, protoreflect.ValueOfEnum(state.Number()))
	}
	if f := field(m, "blockage"); f != nil {
		m.Clear(f)
		if b != nil {
			m.Set(f, protoreflect.ValueOfMessage(b.ProtoReflect()))
		}
	}
}

func field(m protoreflect.Message, name protoreflect.Name) protoreflect.FieldDescriptor {
	return m.Descriptor().Fields().ByName(name)
}

func text(m protoreflect.Message, name protoreflect.Name) string {
	f := field(m, name)
	if f == nil || f.Kind() != protoreflect.StringKind {
		return ""
	}
	return m.Get(f).String()
}

func setText(m protoreflect.Message, name protoreflect.Name, value string) {
	if f := field(m, name); f != nil {
		m.Set(f, protoreflect.ValueOfString(value))
	}
}

// serve is one call of a method.
func (f *Fake) serve(_ context.Context, m protoreflect.MethodDescriptor, req proto.Message) (proto.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	method := string(m.Name())
	f.calls[method] = append(f.calls[method], req)
	fault := f.strike(method)
	if fault != nil && !fault.Executed {
		return nil, fault.Err
	}
	out, err := f.perform(m, req)
	if fault != nil {
		return nil, fault.Err
	}
	return out, err
}

func (f *Fake) strike(method string) *Fault {
	for _, fault := range f.faults {
		if fault.Method == method && fault.Count > 0 {
			fault.Count--
			return fault
		}
	}
	return nil
}
