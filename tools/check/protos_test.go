package main

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
)

func TestProtos_ours_pass(t *testing.T) {
	got, err := protos(context.Background())
	if err != nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestMethodProblems_badRule_isNamed(t *testing.T) {
	good := &authzv1.MethodRule{
		Permission: "a.b.get", Audit: authzv1.AuditClass_READ, Idempotency: authzv1.Idempotency_IDEMPOTENT,
		Rate: authzv1.RateClass_GET, Audience: authzv1.Audience_PUBLIC, Scope: authzv1.Scope_PLATFORM,
	}
	change := func(f func(*authzv1.MethodRule)) *authzv1.MethodRule {
		r, _ := proto.Clone(good).(*authzv1.MethodRule)
		f(r)
		return r
	}
	cases := map[string]struct {
		rule *authzv1.MethodRule
		want string
	}{
		"none":       {nil, "has no option"},
		"good":       {good, ""},
		"permission": {change(func(r *authzv1.MethodRule) { r.Permission = "get" }), "permission"},
		"audit":      {change(func(r *authzv1.MethodRule) { r.Audit = 0 }), "must all be set"},
		"audience":   {change(func(r *authzv1.MethodRule) { r.Audience = authzv1.Audience_INTERNAL }), "audience"},
		"callers":    {change(func(r *authzv1.MethodRule) { r.Audience = authzv1.Audience_INTERNAL }), "callers lists none"},
		"request id": {change(func(r *authzv1.MethodRule) { r.Idempotency = authzv1.Idempotency_REQUEST_ID }), "request_id"},
		"resource":   {change(func(r *authzv1.MethodRule) { r.Scope = 0 }), "names no resource"},
		"nowhere":    {change(func(r *authzv1.MethodRule) { r.Scope, r.ResourceField = 0, "a.b" }), "leads nowhere"},
		"step-up":    {change(func(r *authzv1.MethodRule) { r.Permission = "a.b.delete" }), "step_up"},
		"secrets":    {change(func(r *authzv1.MethodRule) { r.Permission = "a.b.readCredential" }), "step_up"},
		"plan":       {change(func(r *authzv1.MethodRule) { r.Idempotency = authzv1.Idempotency_REQUEST_ID }), "validate_only"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(methodProblems(method(t, c.rule)), "; ")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func method(t *testing.T, rule *authzv1.MethodRule) protoreflect.MethodDescriptor {
	t.Helper()
	opts := &descriptorpb.MethodOptions{}
	if rule != nil {
		proto.SetExtension(opts, authzv1.E_Rule, rule)
	}
	fd, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("x.proto"), Package: proto.String("lowlayer.x.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M")}},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("S"),
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name: proto.String("Get"), InputType: proto.String(".lowlayer.x.v1.M"), OutputType: proto.String(".lowlayer.x.v1.M"), Options: opts,
			}},
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return fd.Services().Get(0).Methods().Get(0)
}
