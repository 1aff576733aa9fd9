package main

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/low-layer/platform/gen/go/all" // registers all descriptors
	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"github.com/low-layer/platform/libs/authz"
)

// protos reports every RPC whose rule is missing or does not fit its shape.
func protos(context.Context) ([]string, error) {
	var out []string
	protoregistry.GlobalFiles.RangeFiles(func(fd protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(fd.Package()), "lowlayer.") {
			return true
		}
		services := fd.Services()
		for i := range services.Len() {
			methods := services.Get(i).Methods()
			for j := range methods.Len() {
				for _, problem := range methodProblems(methods.Get(j)) {
					out = append(out, fmt.Sprintf("%s: %s", methods.Get(j).FullName(), problem))
				}
			}
		}
		return true
	})
	sort.Strings(out)
	return out, nil
}

func methodProblems(m protoreflect.MethodDescriptor) []string {
	rule, _ := proto.GetExtension(m.Options(), authzv1.E_Rule).(*authzv1.MethodRule)
	if rule == nil {
		return []string{"has no option (lowlayer.authz.v1.rule)"}
	}
	var out []string
	if strings.Count(rule.GetPermission(), ".") < 2 {
		out = append(out, fmt.Sprintf("permission %q is not <service>.<resource>.<verb>", rule.GetPermission()))
	}
	if rule.GetAudit() == 0 || rule.GetIdempotency() == 0 || rule.GetRate() == 0 || rule.GetAudience() == 0 {
		out = append(out, "audit, idempotency, rate and audience must all be set")
	}
	if rule.GetAudit() != authzv1.AuditClass_READ && (m.IsStreamingClient() || m.IsStreamingServer()) {
		out = append(out, "it changes something, so it must not be a stream: one call is one record of the audit trail")
	}
	located, err := authz.ReadMethod(m)
	if err != nil {
		out = append(out, err.Error())
	}
	if located != nil && !located.Internal && !rule.GetStepUp() && needsStepUp(rule.GetPermission()) {
		out = append(out, "it deletes, or concerns credentials, so it needs step_up: true")
	}
	internal := strings.Contains(string(m.ParentFile().Package()), ".internal.")
	if internal != (rule.GetAudience() == authzv1.Audience_INTERNAL) {
		out = append(out, "audience does not fit the package: INTERNAL is for *.internal.* and for nothing else")
	}
	if rule.GetAudience() == authzv1.Audience_INTERNAL && len(rule.GetCallers()) == 0 {
		out = append(out, "it is for services, and callers lists none of them")
	}
	if rule.GetIdempotency() == authzv1.Idempotency_REQUEST_ID && m.Input().Fields().ByName("request_id") == nil {
		out = append(out, "idempotency is REQUEST_ID, but the request has no field request_id")
	}
	if rule.GetIdempotency() == authzv1.Idempotency_REQUEST_ID && m.Input().Fields().ByName("validate_only") == nil {
		out = append(out, "it changes something, but the request has no field validate_only to ask for the plan")
	}
	return out
}

// needsStepUp is true for permissions that cannot be reverted, and for those that give or take away access. A principal who may delete
// a resource may not always undelete it.
func needsStepUp(permission string) bool {
	verb := strings.ToLower(permission[strings.LastIndexByte(permission, '.')+1:])
	return strings.HasPrefix(verb, "delete") || strings.HasPrefix(verb, "purge") || strings.Contains(verb, "credential") || strings.Contains(verb, "secret")
}
