// Package route maps methods to services and REST requests to methods. It reads the linked descriptors, so an RPC is
// routed as soon as its generated code exists.
//
// Only methods of public services with the audience PUBLIC are found; packages with an `internal` element and methods
// without the option are not. New fails on contradictory descriptors.
package route

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"github.com/low-layer/platform/libs/registry"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Edge is the backend of what the edge serves itself.
const Edge = ""

// Files is where descriptors are found; protoregistry.GlobalFiles is one.
type Files interface {
	RangeFiles(func(protoreflect.FileDescriptor) bool)
}

var _ Files = (*protoregistry.Files)(nil)

// Method is one public RPC.
type Method struct {
	// Full is its name on the wire, `/lowlayer.network.v1.VpcService/GetVpc`.
	Full string
	// Backend is the name of the service that serves it, or Edge.
	Backend string
	// Rule is what it says of itself.
	Rule *authzv1.MethodRule
	// Descriptor is its declaration.
	Descriptor protoreflect.MethodDescriptor
}

// Streaming is true when either side may send more than one message.
func (m *Method) Streaming() bool {
	return m.Descriptor.IsStreamingClient() || m.Descriptor.IsStreamingServer()
}

// Table is the routes of the API. It does not change once made and is safe to share.
type Table struct {
	methods  map[string]*Method
	services []string
	rest     node
	routes   []*Route
}

// New reads the routes of the named backends, and of the edge's own services, from the files.
func New(files Files, backends []string) (*Table, error) {
	t := &Table{methods: make(map[string]*Method)}
	var errs []error
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		backend, ok := backendOf(string(f.Package()), backends)
		if !ok {
			return true
		}
		for i := range f.Services().Len() {
			errs = append(errs, t.addService(f.Services().Get(i), backend))
		}
		return true
	})
	slices.Sort(t.services)
	slices.SortFunc(t.routes, func(a, b *Route) int { return strings.Compare(a.Full, b.Full) })
	return t, errors.Join(errs...)
}

// backendOf reads the backend from a package such as `lowlayer.network.v1`.
func backendOf(pkg string, backends []string) (string, bool) {
	parts := strings.Split(pkg, ".")
	if len(parts) != 3 || parts[0] != "lowlayer" {
		return "", false
	}
	if slices.Contains(backends, parts[1]) {
		return parts[1], true
	}
	_, absent := registry.Find(parts[1])
	return Edge, !absent // every service serves it, or the edge alone
}

func (t *Table) addService(s protoreflect.ServiceDescriptor, backend string) error {
	public := false
	for i := range s.Methods().Len() {
		d := s.Methods().Get(i)
		rule, _ := proto.GetExtension(d.Options(), authzv1.E_Rule).(*authzv1.MethodRule)
		if rule.GetAudience() != authzv1.Audience_PUBLIC {
			continue
		}
		public = true
		m := &Method{
			Full:       "/" + string(s.FullName()) + "/" + string(d.Name()),
			Backend:    backend,
			Rule:       rule,
			Descriptor: d,
		}
		t.methods[m.Full] = m
		if err := t.addRules(m); err != nil {
			return err
		}
	}
	if public {
		t.services = append(t.services, string(s.FullName()))
	}
	return nil
}

func (t *Table) addRules(m *Method) error {
	rule, _ := proto.GetExtension(m.Descriptor.Options(), annotations.E_Http).(*annotations.HttpRule)
	if rule == nil {
		return nil
	}
	for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		route, err := newRoute(m, r)
		if err != nil {
			return fmt.Errorf("route %s: %w", m.Full, err)
		}
		if err := t.rest.add(route); err != nil {
			return fmt.Errorf("route %s: %w", m.Full, err)
		}
		t.routes = append(t.routes, route)
	}
	return nil
}

// Method finds a public RPC by its name on the wire.
func (t *Table) Method(full string) (*Method, bool) {
	m, ok := t.methods[full]
	return m, ok
}

// Methods are the public RPCs, in no order.
func (t *Table) Methods() []*Method { return slices.Collect(maps.Values(t.methods)) }

// Services are the full names of the public services, sorted.
func (t *Table) Services() []string { return slices.Clone(t.services) }

// Routes are the REST routes, ordered by method.
func (t *Table) Routes() []*Route { return slices.Clone(t.routes) }

// Match finds what a REST request means. When the path is known but not with this verb, allowed names the verbs it has.
func (t *Table) Match(verb, path string) (r *Route, allowed []string) {
	if !strings.HasPrefix(path, "/") {
		return nil, nil
	}
	l := t.rest.find(path[1:])
	if l == nil {
		return nil, nil
	}
	for _, r := range l {
		if r.Verb == verb {
			return r, nil
		}
		allowed = append(allowed, r.Verb)
	}
	slices.Sort(allowed)
	return nil, allowed
}
