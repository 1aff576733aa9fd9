package rpc

import (
	"maps"
	"slices"
	"strings"
	"testing"

	buf "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/low-layer/platform/gen/go/all" // registers all descriptors
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/errs"
)

// patternsOf are the patterns of the fields of messages, with one field that has each.
func patternsOf(messages protoreflect.MessageDescriptors, found map[string]string) {
	for i := range messages.Len() {
		patternsOf(messages.Get(i).Messages(), found)
		fields := messages.Get(i).Fields()
		for j := range fields.Len() {
			rules, _ := proto.GetExtension(fields.Get(j).Options(), buf.E_Field).(*buf.FieldRules)
			for _, r := range []*buf.FieldRules{rules, rules.GetMap().GetKeys(), rules.GetMap().GetValues(), rules.GetRepeated().GetItems()} {
				if p := r.GetString().GetPattern(); p != "" {
					found[p] = string(fields.Get(j).FullName())
				}
			}
		}
	}
}

func TestPattern_ofEveryField_hasWords(t *testing.T) {
	found := make(map[string]string)
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(f.Package()), "lowlayer.") {
			patternsOf(f.Messages(), found)
		}
		return true
	})
	for pattern, field := range found {
		if patternWords[pattern] == "" {
			t.Errorf("pattern.go has no words for %s of %s", pattern, field)
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(patternWords)) {
		if found[pattern] == "" {
			t.Errorf("no field has the pattern %s any more: take it out of pattern.go", pattern)
		}
		if strings.ContainsAny(patternWords[pattern], `^$[]+\()`) {
			t.Errorf("the words of %s are a pattern themselves: %s", pattern, patternWords[pattern])
		}
	}
}

func TestValidate_badField_isRefusedInWords(t *testing.T) {
	validator, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	for field, c := range map[string]struct {
		request proto.Message
		words   string
	}{
		"vpc_id":        {&networkv1.CreateVpcRequest{Parent: "tenants/acme/organisations/core", VpcId: "Dev", Vpc: &networkv1.Vpc{}}, "must be 2 to 40 lower-case letters"},
		"parent":        {&networkv1.CreateVpcRequest{Parent: "acme/core", VpcId: "dev", Vpc: &networkv1.Vpc{}}, "must be tenants/{tenant}/organisations/{organisation};"},
		"tenant_id":     {&tenantv1.CreateTenantRequest{TenantId: "ab", Tenant: &tenantv1.Tenant{}}, "must be 3 to 40 lower-case letters"},
		"tenant.labels": {&tenantv1.CreateTenantRequest{TenantId: "abc", Tenant: &tenantv1.Tenant{Labels: map[string]string{"E": ""}}}, "the key must be 1 to 63"},
	} {
		e, _ := errs.As(validate(validator, c.request))
		if e == nil || len(e.Fields) != 1 || !strings.HasPrefix(e.Fields[0].Field, field) || !strings.HasPrefix(e.Fields[0].Description, c.words) {
			t.Errorf("%s: %+v", field, e)
		}
	}
}
