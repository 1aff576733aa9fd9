package rpc

import (
	"context"
	"errors"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	codec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// rawCodec sends the bytes of a message with "BAD" replaced by bytes that are not UTF-8.
type rawCodec struct{ encoding.CodecV2 }

func (c rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	data, err := proto.Marshal(v.(proto.Message))
	return mem.BufferSlice{mem.SliceBuffer(strings.ReplaceAll(string(data), "BAD", "a\xff\xfe"))}, err
}

// A request with text that is not plain is refused with its field, before the audit and the handler.
func TestServer_textThatIsNotPlain_namesTheField(t *testing.T) {
	t.Parallel()
	h := start(t, options{vpcs: &vpcs{create: func(context.Context, *networkv1.CreateVpcRequest) (*longrunningpb.Operation, error) {
		return nil, errors.New("the handler was called")
	}}})
	for name, text := range map[string]string{"NUL": "a\x00", "escape": "\x1b[2J", "not UTF-8": "BAD"} {
		_, err := h.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{
			Parent: "tenants/acme/organisations/core", VpcId: "dev", Vpc: &networkv1.Vpc{DisplayName: text, Labels: map[string]string{"a": text}},
		}, grpc.ForceCodecV2(rawCodec{encoding.GetCodecV2(codec.Name)}))
		e := grpcerr.FromError(err)
		if e.Code != errs.InvalidArgument || e.Reason != errs.ReasonInvalidFields || len(e.Fields) != 2 ||
			e.Fields[0].Field != "vpc.display_name" || e.Fields[1].Field != `vpc.labels["a"]` {
			t.Errorf("%s: got %v with %+v", name, e, e.Fields)
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"34560000s": "400 days (34560000s)", "86400s": "24 hours (86400s)", "172800s": "2 days (172800s)", "7200s": "2 hours (7200s)", "3600s": "3600s", "90s": "90s", "0s": "0s",
	} {
		if got := seconds.ReplaceAllStringFunc(text, span); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
