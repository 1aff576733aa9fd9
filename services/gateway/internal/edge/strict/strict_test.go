package strict_test

import (
	"strings"
	"testing"

	"github.com/low-layer/platform/services/gateway/internal/edge/strict"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/typepb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
)

func descriptor(m proto.Message) protoreflect.MessageDescriptor { return m.ProtoReflect().Descriptor() }

func TestExplain_allViolations_areNamed(t *testing.T) {
	body := `{"displayNam": 1, "moed": "FREE", "quota": {"cores": "many", "ram_mib": 1.5, "instances": 3000000000}, "vpcs": [{"vpcId": true}, 7, {"labels": {"a": "b", "a": "c"}}], "mode": "FREE"}`
	want := map[string]string{
		"organisation.displayNam":          "did you mean displayName?",
		"organisation.moed":                "did you mean mode?",
		"organisation.quota.cores":         "whole number from -2147483648 to 2147483647",
		"organisation.quota.ram_mib":       "whole number",
		"organisation.quota.instances":     "whole number",
		"organisation.vpcs[0].vpc_id":      "is a boolean; it must be text in quotes",
		"organisation.vpcs[1]":             "the number 7; it must be an object",
		`organisation.vpcs[2].labels["a"]`: "given twice",
		"organisation.mode":                "one of MUTUALIZED, DEDICATED",
	}
	got := strict.Explain([]byte(body), descriptor(&tenantv1.Organisation{}), "organisation.")
	if len(got) != len(want) {
		t.Errorf("got %d violations: %+v", len(got), got)
	}
	for _, v := range got {
		if !strings.Contains(v.Description, want[v.Field]) || want[v.Field] == "" {
			t.Errorf("%s: %s", v.Field, v.Description)
		}
	}
}

func TestCheck_goodBody_hasNoViolations(t *testing.T) {
	for body, m := range map[string]proto.Message{
		`{}`: &tenantv1.Tenant{},
		`{"displayName":"é","labels":{"a":"b"},"createTime":"2026-11-23T10:00:00.5Z","state":2,"blockage":null}`: &tenantv1.Tenant{},
		`{"quota":{"cores":"4","ramMib":1e3,"instances":2.0}}`:                                                   &tenantv1.Organisation{},
		`{"name":"a","timeout":"1.5s"}`:                                                                          &longrunningpb.WaitOperationRequest{},
		`{"vpc":{"ingressRules":[]},"updateMask":"displayName,labels"}`:                                          &networkv1.UpdateVpcRequest{},
		`{"a":[1,{"b":null}]}`: &structpb.Struct{},
		` "text" `:             &wrapperspb.StringValue{},
	} {
		if err := protojson.Unmarshal([]byte(body), m); err != nil {
			t.Errorf("%s: protojson refuses it: %v", body, err)
		}
		if v := strict.Check([]byte(body), descriptor(m), ""); len(v) > 0 {
			t.Errorf("%s: %+v", body, v)
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	deep := strings.Repeat(`{"a":`, strict.MaxDepth+1) + "1" + strings.Repeat("}", strict.MaxDepth+1)
	v := strict.Check([]byte(deep), descriptor(&structpb.Struct{}), "")
	if len(v) != 1 || !strings.Contains(v[0].Description, "deeper than 64") {
		t.Errorf("got %+v", v)
	}
}

func TestExplain_manyViolations_areBounded(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		b.WriteString(`"` + strings.Repeat("x", i+1) + `":1,`)
	}
	v := strict.Explain([]byte("{"+strings.TrimSuffix(b.String(), ",")+"}"), descriptor(&tenantv1.Tenant{}), "")
	if len(v) > 32 {
		t.Errorf("%d violations", len(v))
	}
	for _, x := range v {
		if len(x.Field) > 80 {
			t.Errorf("a name of %d bytes is repeated", len(x.Field))
		}
	}
}

func TestSuggest(t *testing.T) {
	names := []string{"pageSize", "pageToken", "filter"}
	for key, want := range map[string]string{
		"page_size": "; did you mean pageSize?", "fliter": "; did you mean filter?", "zzz": "; it has filter, pageSize, pageToken",
	} {
		if got := strict.Suggest(key, names); got != want {
			t.Errorf("%s: %s", key, got)
		}
	}
	if got := strict.Suggest("x", nil); got != "; leave it out" {
		t.Errorf("got %s", got)
	}
}

// A body that protojson accepts has no violations; a body that it refuses has some, without text of the libraries.
func FuzzAgreesWithProtojson(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"name":"a"}`, `{"name":1}`, `{"options":[{"name":"x","value":{"@type":"x"}}]}`, `{"fields":[{"number":"1","packed":true}]}`,
		`{"syntax":"SYNTAX_PROTO3"}`, `{"syntax":7}`, `{"oneofs":["a",null]}`, `{"a":{"a":{}}}`, "{\"a\xff\":1}", `{"fields":[{"number":1e0}]}`,
		`[]`, `null`, `{"name":"a"} x`, `{"name":"a","name":"b"}`, `{"fields":[{"defaultValue":"\ud800"}]}`, `{"fields":null,"sourceContext":{"fileName":""}}`,
	} {
		f.Add([]byte(s))
	}
	read := protojson.UnmarshalOptions{RecursionLimit: strict.MaxDepth}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &typepb.Type{}
		found := strict.Check(data, descriptor(m), "")
		if err := read.Unmarshal(data, m); err == nil && len(found) > 0 {
			t.Errorf("protojson takes %q, and yet: %+v", data, found)
		}
		for _, v := range strict.Explain(data, descriptor(m), "") {
			if v.Field == "" || v.Description == "" || strings.Contains(v.Description, "proto:") || strings.Contains(v.Description, "json:") {
				t.Errorf("%q: %+v", data, v)
			}
		}
	})
}
