package rpc

import (
	"strings"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// policy is what a method's rule means for how its calls are run.
type policy struct {
	// mutates: the call changes something, so its log line is one an operator wants to keep.
	mutates bool
	// waits: a stream or long poll; it gets no default deadline and is ended when the server drains.
	waits bool
	// repeats: repeating it has no further effect, so a client may do so when the server was unavailable.
	repeats bool
}

// policyOf reads the rule of a method. Methods of other people's services (health, reflection, long-running
// operations) carry none; they are known by the verb they begin with, and none of them is repeated unless it reads.
func policyOf(method protoreflect.MethodDescriptor) policy {
	streams := method.IsStreamingClient() || method.IsStreamingServer()
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	rule, _ := proto.GetExtension(options, authzv1.E_Rule).(*authzv1.MethodRule)
	if rule == nil {
		name := string(method.Name())
		reads := streams
		for _, verb := range []string{"Get", "List", "Wait", "Check", "Watch"} {
			reads = reads || strings.HasPrefix(name, verb)
		}
		return policy{
			mutates: !reads, waits: streams || strings.HasPrefix(name, "Wait"), repeats: reads && !streams,
		}
	}
	return policy{
		mutates: rule.GetAudit() != authzv1.AuditClass_READ,
		waits:   streams || rule.GetRate() == authzv1.RateClass_STREAM,
		repeats: !streams && rule.GetIdempotency() == authzv1.Idempotency_IDEMPOTENT,
	}
}

// fullMethod is how gRPC writes a method on the wire.
func fullMethod(method protoreflect.MethodDescriptor) string {
	return "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
}
