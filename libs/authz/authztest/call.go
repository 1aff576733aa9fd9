// Package authztest calls every RPC there is as everybody there may be. Calls are made from the descriptors that are linked
// into the test, so that a new RPC is called without anybody thinking of it; one that cannot be called fails the test.
package authztest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/nameform"
)

// Call is one way to call an RPC: over gRPC, and over REST by one of its routes.
type Call struct {
	*authz.Method
	// Verb and Template are the REST route.
	Verb, Template string
	// Service is the platform service that handles the call, from its package.
	Service string

	descriptor protoreflect.MethodDescriptor
	body       string
	// variable is the field in the path, and pattern the form of its name, such as `tenants/*/organisations/*`; both are empty
	// when the path has none.
	variable, pattern string
}

// Calls are all ways to call all RPCs for users.
func Calls(t testing.TB) []Call {
	t.Helper()
	methods, err := authz.LinkedMethods()
	if err != nil {
		t.Fatal(err)
	}
	var out []Call
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for j := range f.Services().Get(i).Methods().Len() {
				d := f.Services().Get(i).Methods().Get(j)
				m := methods["/"+string(d.Parent().FullName())+"/"+string(d.Name())]
				if m == nil || m.Internal || !strings.HasPrefix(string(f.Package()), "lowlayer.") {
					continue
				}
				rule, _ := proto.GetExtension(d.Options(), annotations.E_Http).(*annotations.HttpRule)
				if rule == nil {
					t.Errorf("%s has no REST route", d.FullName())
					continue
				}
				for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
					out = append(out, newCall(m, d, r))
				}
			}
		}
		return true
	})
	slices.SortFunc(out, func(a, b Call) int { return strings.Compare(a.Full+a.Template, b.Full+b.Template) })
	return out
}

func newCall(m *authz.Method, d protoreflect.MethodDescriptor, r *annotations.HttpRule) Call {
	c := Call{Method: m, descriptor: d, body: r.GetBody(), Service: strings.Split(string(d.ParentFile().Package()), ".")[1]}
	switch p := r.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		c.Verb, c.Template = http.MethodGet, p.Get
	case *annotations.HttpRule_Post:
		c.Verb, c.Template = http.MethodPost, p.Post
	case *annotations.HttpRule_Put:
		c.Verb, c.Template = http.MethodPut, p.Put
	case *annotations.HttpRule_Patch:
		c.Verb, c.Template = http.MethodPatch, p.Patch
	case *annotations.HttpRule_Delete:
		c.Verb, c.Template = http.MethodDelete, p.Delete
	}
	if _, rest, ok := strings.Cut(c.Template, "{"); ok {
		inside, _, _ := strings.Cut(rest, "}")
		c.variable, c.pattern, _ = strings.Cut(inside, "=")
	}
	return c
}

// Name says which call it is.
func (c Call) Name() string { return c.Full[strings.LastIndexByte(c.Full, '.')+1:] + " " + c.pattern }

// Output is the response message.
func (c Call) Output() protoreflect.FullName { return c.descriptor.Output().FullName() }

// Streams is true when the response is a stream.
func (c Call) Streams() bool { return c.descriptor.IsStreamingServer() }

// InTenant is true when the call is about something of a tenant.
func (c Call) InTenant() bool { return strings.HasPrefix(c.pattern, "tenants/") }

// Nested is true when the call is about something inside of a tenant.
func (c Call) Nested() bool { return strings.Count(c.pattern, "*") > 1 }

// Plans is true when the call can be asked for its plan alone.
func (c Call) Plans() bool { return c.descriptor.Input().Fields().ByName("validate_only") != nil }

// World are the ids of things by their collection, for example `vpcs`: `dev`.
type World map[string]string

// name fills a pattern.
func (w World) name(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i := 1; i < len(parts); i++ {
		if parts[i] == "*" || strings.HasPrefix(parts[i], "{") {
			parts[i] = w[parts[i-1]]
			if parts[i] == "" {
				parts[i] = "any"
			}
		}
	}
	return strings.Join(parts, "/")
}

const (
	organisationPattern = "tenants/*/organisations/*"
	vpcPattern          = organisationPattern + "/vpcs/*"
)

// hints are values of fields that descriptors cannot give.
var hints = map[protoreflect.FullName]func(World) string{
	"lowlayer.authz.v1.WhyDeniedRequest.permission":       func(World) string { return "network.vpcs.create" },
	"lowlayer.authz.v1.WhyDeniedRequest.resource":         func(w World) string { return w.name(vpcPattern) },
	"lowlayer.network.v1.WhyReachableRequest.source":      func(w World) string { return w.name(vpcPattern) },
	"lowlayer.network.v1.WhyReachableRequest.destination": func(w World) string { return w.name(organisationPattern) + "/hub" },
	"lowlayer.tenant.v1.Member.email":                     func(w World) string { return "ada@" + w["tenants"] + ".test" },
	"lowlayer.network.v1.Peering.peer_vpc":                func(w World) string { return w.name(vpcPattern) + "x" },
}

// Request makes a request that is valid, about things of the world; a plan asks for the plan alone.
func (c Call) Request(t testing.TB, w World, plan bool) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(c.descriptor.Input().FullName())
	if err != nil {
		t.Fatal(err)
	}
	m := kind.New()
	fill(m, w)
	if c.variable != "" {
		set(m, strings.Split(c.variable, "."), protoreflect.ValueOfString(w.name(c.pattern)))
	}
	if plan && c.Plans() {
		set(m, []string{"validate_only"}, protoreflect.ValueOfBool(true))
	}
	if bad := nameform.Check(m.Interface()); len(bad) > 0 {
		t.Fatalf("no valid request of %s can be made from its descriptor: %v", c.Full, bad)
	}
	if err := protovalidate.Validate(m.Interface()); err != nil {
		t.Fatalf("no valid request of %s can be made from its descriptor: %v\ngive the value of the field in the hints of authztest", c.Full, err)
	}
	return m.Interface()
}

// fill sets the fields that are required, and those that are hinted.
func fill(m protoreflect.Message, w World) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		hint := hints[f.FullName()]
		behaviour, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
		if f.IsList() || f.IsMap() || (hint == nil && !slices.Contains(behaviour, annotations.FieldBehavior_REQUIRED)) {
			continue
		}
		switch {
		case hint != nil:
			m.Set(f, protoreflect.ValueOfString(hint(w)))
		case f.Kind() == protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString(text(f, w)))
		case f.Kind() == protoreflect.EnumKind:
			m.Set(f, protoreflect.ValueOfEnum(1))
		case f.Message() != nil:
			fill(m.Mutable(f).Message(), w)
		}
	}
}

// text is a name for a field that refers to a resource, and an id for any other.
func text(f protoreflect.FieldDescriptor, w World) string {
	reference, _ := proto.GetExtension(f.Options(), annotations.E_ResourceReference).(*annotations.ResourceReference)
	if pattern := patternOf(reference.GetType()); pattern != "" {
		return w.name(pattern)
	}
	return "made-by-the-matrix"
}

// patternOf is the form of the names of a type.
func patternOf(kind string) string {
	found := ""
	if kind == "" {
		return found
	}
	protoregistry.GlobalTypes.RangeMessages(func(m protoreflect.MessageType) bool {
		r, _ := proto.GetExtension(m.Descriptor().Options(), annotations.E_Resource).(*annotations.ResourceDescriptor)
		if r.GetType() == kind {
			found = r.GetPattern()[0]
		}
		return found == ""
	})
	return found
}

func set(m protoreflect.Message, path []string, v protoreflect.Value) {
	f := m.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	if len(path) > 1 {
		set(m.Mutable(f).Message(), path[1:], v)
		return
	}
	m.Set(f, v)
}

// REST is a request as its route takes it: path with query, and body.
func (c Call) REST(t testing.TB, request proto.Message) (path, body string) {
	t.Helper()
	m := proto.Clone(request).ProtoReflect()
	path = c.Template
	if c.variable != "" {
		names := strings.Split(c.variable, ".")
		at := m
		for _, n := range names[:len(names)-1] {
			at = at.Mutable(at.Descriptor().Fields().ByName(protoreflect.Name(n))).Message()
		}
		f := at.Descriptor().Fields().ByName(protoreflect.Name(names[len(names)-1]))
		path = strings.Replace(path, "{"+c.variable+"="+c.pattern+"}", at.Get(f).String(), 1)
		at.Clear(f)
	}
	if c.body == "*" {
		return path, asJSON(t, m)
	}
	if c.body != "" {
		f := m.Descriptor().Fields().ByName(protoreflect.Name(c.body))
		body = asJSON(t, m.Get(f).Message())
		m.Clear(f)
	}
	query := url.Values{}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Enum() != nil:
			query.Set(f.JSONName(), string(f.Enum().Values().ByNumber(v.Enum()).Name()))
		case f.Message() == nil:
			query.Set(f.JSONName(), fmt.Sprint(v.Interface()))
		}
		return true
	})
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path, body
}

func asJSON(t testing.TB, m protoreflect.Message) string {
	t.Helper()
	text, err := protojson.Marshal(m.Interface())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
