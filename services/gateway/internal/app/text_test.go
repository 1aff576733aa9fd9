package app_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	codec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
)

// rawCodec sends the bytes of a message with "BAD" replaced by bytes that are not UTF-8.
type rawCodec struct{ encoding.CodecV2 }

func (c rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	data, err := proto.Marshal(v.(proto.Message))
	return mem.BufferSlice{mem.SliceBuffer(strings.ReplaceAll(string(data), "BAD", "a\xff\xfe"))}, err
}

// Text with NUL, control characters or bytes that are not UTF-8 is INVALID_ARGUMENT with its field, in every form of the API.
func TestRequest_textThatIsNotPlain_namesTheField(t *testing.T) {
	e := newEdge(t)
	raw := grpc.ForceCodecV2(rawCodec{encoding.GetCodecV2(codec.Name)})
	for _, text := range []string{"a\x00", "\x1b[2J", "\u009b", "BAD"} {
		_, err := networkv1.NewVpcServiceClient(e.conn).CreateVpc(t.Context(), &networkv1.CreateVpcRequest{
			Parent: "tenants/acme/organisations/core", VpcId: "dev", Vpc: &networkv1.Vpc{DisplayName: text},
		}, raw)
		over := grpcerr.FromError(err)
		if over.Code != errs.InvalidArgument || len(over.Fields) != 1 || over.Fields[0].Field != "vpc.display_name" {
			t.Errorf("proxied %q: got %v %+v", text, over, over.Fields)
		}
		_, err = operationv1.NewOperationServiceClient(e.conn).ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: "tenants/acme", Filter: text}, raw)
		over = grpcerr.FromError(err)
		if over.Code != errs.InvalidArgument || len(over.Fields) != 1 || over.Fields[0].Field != "filter" {
			t.Errorf("served at the edge %q: got %v %+v", text, over, over.Fields)
		}
	}
	for body, name := range map[string]string{
		`{"displayName":"a\u0000"}`:            "vpc.display_name",
		`{"displayName":"\u001b[2J"}`:          "vpc.display_name",
		`{"labels":{"a":"\u0000"}}`:            `vpc.labels["a"]`,
		`{"ingressRules":[{"name":"\u0007"}]}`: "vpc.ingress_rules[0].name",
	} {
		got := e.do("POST", vpcsPath+"?vpcId=dev", body, nil)
		if p := got.problem(t); got.status != 400 || p["code"] != "INVALID_ARGUMENT" || field(p, name) == "" {
			t.Errorf("%s: got %d %s", body, got.status, got.body)
		}
	}
	for _, query := range []string{"filter=%00", "filter=%1b", "filter=%ff", "pageToken=%ff"} {
		name, _, _ := strings.Cut(query, "=")
		got := e.do("GET", vpcsPath+"?"+query, "", nil)
		if p := got.problem(t); got.status != 400 || field(p, strings.ReplaceAll(name, "pageToken", "page_token")) == "" {
			t.Errorf("%s: got %d %s", query, got.status, got.body)
		}
	}
	if n := e.vpcs.count(); n != 0 {
		t.Errorf("%d requests reached the service", n)
	}
}
