package authz_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"github.com/low-layer/platform/libs/authz"
)

func field(name string, n int32, message string) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{Name: &name, Number: &n, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
	if message == "" {
		f.Type = descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum()
		return f
	}
	f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), &message
	return f
}

func declare(t *testing.T, pkg string, rule *authzv1.MethodRule, fields ...*descriptorpb.FieldDescriptorProto) protoreflect.MethodDescriptor {
	t.Helper()
	o := &descriptorpb.MethodOptions{}
	if rule != nil {
		proto.SetExtension(o, authzv1.E_Rule, rule)
	}
	resource := &descriptorpb.MessageOptions{}
	proto.SetExtension(resource, annotations.E_Resource, &annotations.ResourceDescriptor{Type: "x/Thing"})
	name := "." + pkg + "."
	f, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("x.proto"), Package: &pkg, Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Request"), Field: fields},
			{Name: proto.String("Thing"), Field: []*descriptorpb.FieldDescriptorProto{field("name", 1, "")}, Options: resource},
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("S"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: proto.String("Do"), InputType: proto.String(name + "Request"), OutputType: proto.String(name + "Request"), Options: o,
		}}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return f.Services().Get(0).Methods().Get(0)
}

func TestMethod_resourceField_isFound(t *testing.T) {
	const pkg, thing = "lowlayer.x.v1", ".lowlayer.x.v1.Thing"
	rule := func(f func(*authzv1.MethodRule)) *authzv1.MethodRule {
		r := &authzv1.MethodRule{Permission: "x.things.do", Audience: authzv1.Audience_PUBLIC}
		if f != nil {
			f(r)
		}
		return r
	}
	plain := rule(nil)
	platform := rule(func(r *authzv1.MethodRule) { r.Scope = authzv1.Scope_PLATFORM })
	at := func(path string) *authzv1.MethodRule {
		return rule(func(r *authzv1.MethodRule) { r.ResourceField = path })
	}
	type fields = []*descriptorpb.FieldDescriptorProto
	for name, c := range map[string]struct {
		rule   *authzv1.MethodRule
		fields fields
		field  string
		err    string
	}{
		"name":                         {plain, fields{field("name", 1, "")}, "name", ""},
		"parent":                       {plain, fields{field("parent", 1, ""), field("thing", 2, thing), field("thing_id", 3, "")}, "parent", ""},
		"the name inside":              {plain, fields{field("thing", 1, thing)}, "thing.name", ""},
		"one that is made, no parent":  {plain, fields{field("thing", 1, thing), field("thing_id", 2, "")}, "", "names no resource"},
		"declared":                     {at("where"), fields{field("where", 1, ""), field("name", 2, "")}, "where", ""},
		"declared, inside":             {at("thing.name"), fields{field("thing", 1, thing), field("parent", 2, "")}, "thing.name", ""},
		"declared wrongly":             {at("wher"), fields{field("where", 1, "")}, "", "leads nowhere"},
		"declared as a message":        {at("thing"), fields{field("thing", 1, thing)}, "", "is no text"},
		"none":                         {plain, fields{field("x", 1, "")}, "", "names no resource"},
		"none, on the platform":        {platform, fields{field("x", 1, "")}, "", ""},
		"named, on the platform":       {platform, fields{field("name", 1, "")}, "", "leave the scope out"},
		"two names":                    {plain, fields{field("name", 1, ""), field("parent", 2, "")}, "", "more than one"},
		"no rule":                      {nil, fields{field("name", 1, "")}, "", "has no option"},
		"for services only, unlocated": {rule(func(r *authzv1.MethodRule) { r.Audience = authzv1.Audience_INTERNAL }), nil, "", ""},
	} {
		m, err := authz.ReadMethod(declare(t, pkg, c.rule, c.fields...))
		if (err == nil) != (c.err == "") || (err != nil && !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && m.Field != c.field {
			t.Errorf("%s: the resource is in %q", name, m.Field)
		}
	}
	if m, err := authz.ReadMethod(declare(t, "lowlayer.x.internal.v1", plain, field("name", 1, ""))); err != nil || !m.Internal {
		t.Errorf("a method of an internal package that says it is public: %+v, %v", m, err)
	}
}
