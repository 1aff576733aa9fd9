package main

import (
	"slices"
	"strconv"
	"strings"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// method is one public RPC with one of its HTTP rules.
type method struct {
	desc protoreflect.MethodDescriptor
	rule *authzv1.MethodRule
	// verb is the HTTP method, template the path as it is declared, body the field the body fills.
	verb, template, body string
	// binding is 0 for its first HTTP rule and counts the additional ones.
	binding int
}

// id is the operationId that protoc-gen-openapiv3 gives.
func (m method) id() string {
	id := string(m.desc.Parent().Name()) + "_" + string(m.desc.Name())
	if m.binding > 0 {
		id += "_" + strconv.Itoa(m.binding)
	}
	return id
}

// methods are the public RPCs with an HTTP rule, by name.
func methods(files *protoregistry.Files) []method {
	var out []method
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(f.Package()), "lowlayer.") {
			return true
		}
		for i := range f.Services().Len() {
			ms := f.Services().Get(i).Methods()
			for j := range ms.Len() {
				out = append(out, rules(ms.Get(j))...)
			}
		}
		return true
	})
	slices.SortFunc(out, func(a, b method) int { return strings.Compare(a.id()+a.template, b.id()+b.template) })
	return out
}

func rules(d protoreflect.MethodDescriptor) []method {
	rule, _ := proto.GetExtension(d.Options(), authzv1.E_Rule).(*authzv1.MethodRule)
	http, _ := proto.GetExtension(d.Options(), annotations.E_Http).(*annotations.HttpRule)
	if rule.GetAudience() != authzv1.Audience_PUBLIC || http == nil {
		return nil
	}
	var out []method
	for i, h := range append([]*annotations.HttpRule{http}, http.GetAdditionalBindings()...) {
		m := method{desc: d, rule: rule, body: h.GetBody(), binding: i}
		switch p := h.GetPattern().(type) {
		case *annotations.HttpRule_Get:
			m.verb, m.template = "get", p.Get
		case *annotations.HttpRule_Post:
			m.verb, m.template = "post", p.Post
		case *annotations.HttpRule_Put:
			m.verb, m.template = "put", p.Put
		case *annotations.HttpRule_Patch:
			m.verb, m.template = "patch", p.Patch
		case *annotations.HttpRule_Delete:
			m.verb, m.template = "delete", p.Delete
		default:
			continue
		}
		out = append(out, m)
	}
	return out
}

// extensions are what the method says of itself.
func (m method) extensions(op object) {
	op["x-lowlayer-rpc"] = string(m.desc.FullName())
	op["x-lowlayer-permission"] = m.rule.GetPermission()
	op["x-lowlayer-audit"] = m.rule.GetAudit().String()
	op["x-lowlayer-idempotency"] = m.rule.GetIdempotency().String()
	op["x-lowlayer-rate"] = m.rule.GetRate().String()
	if m.rule.GetStepUp() {
		op["x-lowlayer-step-up"] = true
	}
}

// etag is true when a change by this method can be made conditional.
func (m method) etag() bool {
	if m.desc.Input().Fields().ByName("etag") != nil {
		return true
	}
	f := m.desc.Input().Fields().ByName(protoreflect.Name(m.body))
	return f != nil && f.Message() != nil && f.Message().Fields().ByName("etag") != nil && m.verb == "patch"
}

// wildcard is true when the last id of the path may stand for all.
func (m method) wildcard() bool {
	parent := m.desc.Input().Fields().ByName("parent")
	if parent == nil {
		return false
	}
	wild, _ := proto.GetExtension(parent.Options(), typev1.E_Wildcard).(bool)
	return wild
}
