// Package fan serves, under one name, what every service of the platform serves for its own part: operations, receipts, quotas,
// audit trails. The descriptors decide how a call is passed on:
//
//   - A request that names a resource goes to the service that the id names: `op_network_…` to network.
//   - A list with pages is merged from all services, newest first.
//   - A list without pages is the lists of all services.
//   - An export is the pages of one service after those of another.
//
// A list is whole, or it is an error that names the service that did not respond, unless the caller asks for a part
// (`return_partial_success`). The edge reads no receipt or record and holds no key: what a service signed arrives as signed.
package fan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/low-layer/platform/gen/go/all" // registers all descriptors
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/api/merge"
	"github.com/low-layer/platform/services/gateway/internal/client"
)

// directory is the service that knows which tenants and organisations exist.
const directory = "tenant"

// Backends are the services of the platform.
type Backends interface {
	Find(name string) (client.Backend, bool)
	All() []client.Backend
}

// Server serves one gRPC service by asking the backends.
type Server struct {
	backends Backends
	tokens   *paging.Token
	desc     protoreflect.ServiceDescriptor
	// resource is what the ids of the service are of; nil when it has only lists.
	resource *resourcename.Resource
	methods  []*method
}

// All returns a server of each service that every backend serves, except those that need one of their own, and of
// google.longrunning.Operations.
func All(backends Backends, tokens *paging.Token, except ...protoreflect.FullName) ([]*Server, error) {
	var out []*Server
	var failed []error
	add := func(service, target protoreflect.FullName) {
		s, err := New(service, target, backends, tokens)
		out, failed = append(out, s), append(failed, err)
	}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		parts := strings.Split(string(f.Package()), ".")
		if _, of := registry.Find(parts[min(1, len(parts)-1)]); of || len(parts) != 3 || parts[0] != "lowlayer" {
			return true
		}
		for i := range f.Services().Len() {
			if name := f.Services().Get(i).FullName(); !slices.Contains(except, name) {
				add(name, name)
			}
		}
		return true
	})
	add("google.longrunning.Operations", "lowlayer.operation.v1.OperationService")
	return out, errors.Join(failed...)
}

// kind is how a method is passed on.
type kind int

const (
	unserved kind = iota
	owned
	merged
	joined
	chained
)

type method struct {
	kind kind
	desc protoreflect.MethodDescriptor
	// full is its name here, and target its name at the backends.
	full, target  string
	input, output protoreflect.MessageType
	// items is the field of the response with the list.
	items protoreflect.FieldDescriptor
}

// New returns a server of the named service, whose page tokens are signed. Backends serve it as target.
func New(service, target protoreflect.FullName, backends Backends, tokens *paging.Token) (*Server, error) {
	s := &Server{backends: backends, tokens: tokens}
	var err error
	if s.desc, err = find(service); err != nil {
		return nil, err
	}
	at, err := find(target)
	if err != nil {
		return nil, err
	}
	word := strings.Split(string(target), ".")[1]
	s.resource, _ = resourcename.Lookup("api.lowlayer.cloud/" + strings.ToUpper(word[:1]) + word[1:])
	for i := range s.desc.Methods().Len() {
		m, err := s.plan(s.desc.Methods().Get(i), at)
		if err != nil {
			return nil, err
		}
		s.methods = append(s.methods, m)
	}
	return s, nil
}

var errNoService = errors.New("it is no service")

func find(name protoreflect.FullName) (protoreflect.ServiceDescriptor, error) {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", name, err)
	}
	s, ok := d.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, fmt.Errorf("serve %s: %w", name, errNoService)
	}
	return s, nil
}

// plan decides how a method is passed on.
func (s *Server) plan(d protoreflect.MethodDescriptor, target protoreflect.ServiceDescriptor) (*method, error) {
	m := &method{
		desc: d, full: "/" + string(s.desc.FullName()) + "/" + string(d.Name()), target: "/" + string(target.FullName()) + "/" + string(d.Name()),
	}
	var err error
	if m.input, err = protoregistry.GlobalTypes.FindMessageByName(d.Input().FullName()); err != nil {
		return nil, fmt.Errorf("serve %s: %w", d.FullName(), err)
	}
	if m.output, err = protoregistry.GlobalTypes.FindMessageByName(d.Output().FullName()); err != nil {
		return nil, fmt.Errorf("serve %s: %w", d.FullName(), err)
	}
	for i := range d.Output().Fields().Len() {
		if f := d.Output().Fields().Get(i); f.IsList() && f.Message() != nil && m.items == nil {
			m.items = f
		}
	}
	paged := d.Output().Fields().ByName("next_page_token") != nil
	switch {
	case target.Methods().ByName(d.Name()) == nil:
		m.kind = unserved
	case s.resource != nil && nameField(d.Input()) != nil && (m.items == nil || !paged && d.Input().Fields().ByName("parent") == nil):
		m.kind = owned
	case m.items != nil && paged && dated(m.items.Message()):
		m.kind = merged
	case m.items != nil && paged:
		m.kind = chained
	case m.items != nil:
		m.kind = joined
	default:
		return nil, errs.Internal(fmt.Errorf("serve %s: its messages do not say which service is meant", d.FullName())) //nolint:err113 // a defect of a proto
	}
	return m, nil
}

// nameField is the field of a request that names a resource: `name`, or that of the resource inside.
func nameField(m protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	if f := m.Fields().ByName("name"); f != nil {
		return []protoreflect.FieldDescriptor{f}
	}
	for i := range m.Fields().Len() {
		if f := m.Fields().Get(i); f.Message() != nil && !f.IsList() && f.Message().Fields().ByName("name") != nil {
			return []protoreflect.FieldDescriptor{f, f.Message().Fields().ByName("name")}
		}
	}
	return nil
}

// Register makes the service known.
func (s *Server) Register(r grpc.ServiceRegistrar) { r.RegisterService(s.Desc(), s) }

// Desc describes the service to a server.
func (s *Server) Desc() *grpc.ServiceDesc {
	d := &grpc.ServiceDesc{ServiceName: string(s.desc.FullName()), HandlerType: (*any)(nil), Metadata: s.desc.ParentFile().Path()}
	for _, m := range s.methods {
		d.Methods = append(d.Methods, grpc.MethodDesc{MethodName: string(m.desc.Name()), Handler: func(
			srv any, ctx context.Context, decode func(any) error, next grpc.UnaryServerInterceptor,
		) (any, error) {
			in := m.input.New().Interface()
			if err := decode(in); err != nil {
				return nil, err
			}
			if next == nil {
				return s.call(ctx, m, in)
			}
			return next(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: m.full}, func(ctx context.Context, _ any) (any, error) {
				return s.call(ctx, m, in)
			})
		}})
	}
	return d
}

func (s *Server) call(ctx context.Context, m *method, in proto.Message) (proto.Message, error) {
	switch m.kind {
	case owned:
		return s.ask(ctx, m, in)
	case merged:
		return s.merge(ctx, m, in)
	case chained:
		return s.chain(ctx, m, in)
	case joined:
		return s.join(ctx, m, in)
	case unserved:
	}
	return nil, errs.New(errs.Unimplemented, "UNIMPLEMENTED", "no service of the platform offers %s", m.desc.Name())
}

// ask passes a request on to the service that the id in its name names. An id of no service is as absent as an unknown one.
func (s *Server) ask(ctx context.Context, m *method, in proto.Message) (proto.Message, error) {
	at, path := in.ProtoReflect(), nameField(m.desc.Input())
	for _, f := range path[:len(path)-1] {
		at = at.Get(f).Message()
	}
	name := at.Get(path[len(path)-1]).String()
	if _, err := s.resource.Parse(name); err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	b, ok := s.backends.Find(resourcename.ServiceOf(name))
	if !ok {
		return nil, errs.NotFound(s.resource.Singular, name)
	}
	return m.invoke(ctx, b, in)
}

// invoke calls one backend on behalf of the caller.
func (m *method) invoke(ctx context.Context, b client.Backend, in proto.Message) (proto.Message, error) {
	out := m.output.New().Interface()
	if err := b.Conn.Invoke(merge.Outgoing(ctx), m.target, in, out); err != nil {
		return nil, client.Error(err, b.Name, rpc.RequestID(ctx)) //nolint:wrapcheck // a status
	}
	return out, nil
}

// order is all backends, the directory first.
func (s *Server) order() []client.Backend {
	all := s.backends.All()
	for i, b := range all {
		if b.Name == directory {
			copy(all[1:i+1], all[:i])
			all[0] = b
		}
	}
	return all
}

// text returns a field by name, empty when the message has none.
func text(m proto.Message, name protoreflect.Name) string {
	if f := m.ProtoReflect().Descriptor().Fields().ByName(name); f != nil {
		return m.ProtoReflect().Get(f).String()
	}
	return ""
}

// flag returns a field by name, false when the message has none.
func flag(m proto.Message, name protoreflect.Name) bool {
	f := m.ProtoReflect().Descriptor().Fields().ByName(name)
	return f != nil && m.ProtoReflect().Get(f).Bool()
}

// set writes a field by name, when the message has it.
func set(m proto.Message, name protoreflect.Name, value any) {
	if f := m.ProtoReflect().Descriptor().Fields().ByName(name); f != nil {
		m.ProtoReflect().Set(f, protoreflect.ValueOf(value))
	}
}
