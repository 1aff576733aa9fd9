package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

func failing(err error) *vpcs {
	return &vpcs{get: func(context.Context, *networkv1.GetVpcRequest) (*networkv1.Vpc, error) { return nil, err }}
}

func TestServer_handlerError_reachesTheCaller(t *testing.T) {
	want := errs.Failed("CIDR_EXHAUSTED", "no /20 is left in 10.64.0.0/12; delete a VPC or ask for a smaller one").With("pool", "10.64.0.0/12")
	want.Quota = []errs.QuotaViolation{{Subject: "tenants/acme", Description: "256 of 256 VPCs in use"}}
	want.Retry = 3 * time.Second
	h := start(t, options{vpcs: failing(fmt.Errorf("get: %w", want))})

	ctx := metadata.AppendToOutgoingContext(t.Context(), requestIDKey, "my-call-1")
	_, err := h.vpcs.GetVpc(ctx, &networkv1.GetVpcRequest{Name: vpcName})
	got := grpcerr.FromError(err)
	if got.Code != errs.FailedPrecondition || got.Reason != want.Reason || got.Message != want.Message ||
		got.Metadata["pool"] != "10.64.0.0/12" || got.Retry != want.Retry || len(got.Quota) != 1 || got.Quota[0] != want.Quota[0] {
		t.Errorf("got %+v", got)
	}
	if id := grpcerr.RequestID(err); id != "my-call-1" {
		t.Errorf("request id %q", id)
	}
}

func TestServer_internalError_isMaskedAndLogged(t *testing.T) {
	secret := errors.New(`password authentication failed for user "network" at 10.1.2.3:5432`)
	for name, cause := range map[string]error{
		"plain":  fmt.Errorf("read vpc: %w", secret),
		"ours":   errs.Internal(secret),
		"status": status.Error(codes.FailedPrecondition, secret.Error()),
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, options{vpcs: failing(cause)})
			_, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName})
			got := grpcerr.FromError(err)
			if got.Code != errs.CodeInternal || got.Reason != errs.ReasonInternal {
				t.Errorf("got %+v", got)
			}
			if text := fmt.Sprint(status.Convert(err).Proto()); strings.Contains(text, "password") || strings.Contains(text, "10.1.2.3") {
				t.Errorf("the cause leaks: %s", text)
			}
			reference := grpcerr.Reference(got)
			line := h.logs.calls(t)[0]
			if reference == "" || line["reference"] != reference || line["level"] != "ERROR" ||
				!strings.Contains(fmt.Sprint(line["error"]), "password") {
				t.Errorf("reference %q, log %v", reference, line)
			}
		})
	}
}

func TestServer_panic_costsOneCall(t *testing.T) {
	calls := 0
	h := start(t, options{vpcs: &vpcs{get: func(context.Context, *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
		if calls++; calls == 1 {
			panic("boom")
		}
		return &networkv1.Vpc{Name: vpcName}, nil
	}}})
	_, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName})
	if e := grpcerr.FromError(err); e.Code != errs.CodeInternal || strings.Contains(e.Message, "boom") {
		t.Errorf("got %v", e)
	}
	if text := h.logs.String(); !strings.Contains(text, "boom") || !strings.Contains(text, "errors_test.go") {
		t.Errorf("the log has no stack: %s", text)
	}
	if _, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName}); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestServer_invalidRequest_isRefused(t *testing.T) {
	h := start(t, options{vpcs: &vpcs{create: func(context.Context, *networkv1.CreateVpcRequest) (*longrunningpb.Operation, error) {
		return nil, errors.New("the handler was called")
	}}})
	_, err := h.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{
		Parent: "tenants/acme/organisations/core", VpcId: "Not Valid",
		Vpc: &networkv1.Vpc{
			DisplayName: strings.Repeat("x", 121), Labels: map[string]string{"BAD KEY": "x"}, Mode: 99,
			IngressRules: []*networkv1.IngressRule{{Name: "ssh", PortMin: 70000, SourceCidr: "0.0.0.0/0"}},
		},
	})
	e := grpcerr.FromError(err)
	if e.Code != errs.InvalidArgument || e.Reason != errs.ReasonInvalidFields {
		t.Fatalf("got %v", e)
	}
	found := map[string]string{}
	for _, f := range e.Fields {
		found[f.Field] = f.Description
	}
	for _, field := range []string{"vpc_id", "vpc.display_name", `vpc.labels["BAD KEY"]`, "vpc.mode", "vpc.ingress_rules[0].port_min"} {
		if !strings.Contains(found[field], "must") {
			t.Errorf("field %s: %q; all: %v", field, found[field], found)
		}
	}
	_, err = h.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{Parent: "tenants/acme/organisations/core", VpcId: "dev"})
	e = grpcerr.FromError(err)
	if len(e.Fields) != 1 || e.Fields[0].Field != "vpc" || e.Fields[0].Description != "is required: set it" {
		t.Errorf("a missing field: %+v", e.Fields)
	}
}

func TestServer_contextErrors_haveTheirCodes(t *testing.T) {
	for want, cause := range map[errs.Code]error{
		errs.Canceled:         fmt.Errorf("query: %w", context.Canceled),
		errs.DeadlineExceeded: fmt.Errorf("query: %w", context.DeadlineExceeded),
	} {
		h := start(t, options{vpcs: failing(cause)})
		_, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName})
		if e := grpcerr.FromError(err); e.Code != want || e.Ambiguous {
			t.Errorf("%v became %v", cause, e)
		}
	}
}

func TestServer_unknownMethod_isATypedError(t *testing.T) {
	h := start(t, options{})
	for _, method := range []string{"/lowlayer.network.v1.VpcService/Nope", "/nobody.Here/Get"} {
		err := h.conn.Invoke(t.Context(), method, &emptypb.Empty{}, &emptypb.Empty{})
		e := grpcerr.FromError(err)
		if e.Code != errs.Unimplemented || e.Reason != grpcerr.ReasonUnimplemented || grpcerr.RequestID(err) == "" {
			t.Errorf("%s: %+v", method, e)
		}
	}
	_, err := h.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: vpcName})
	if e := grpcerr.FromError(err); e.Reason != grpcerr.ReasonUnimplemented {
		t.Errorf("a method the service does not implement: %v", e)
	}
}

func TestMessagesAreBounded(t *testing.T) {
	h := start(t, options{maxMessage: 1024})
	_, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: strings.Repeat("x", 2048)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v", err)
	}
}

func TestRequestID_travels_withTheCall(t *testing.T) {
	var seen []string
	h := start(t, options{vpcs: &vpcs{get: func(ctx context.Context, _ *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
		seen = append(seen, RequestID(ctx))
		return &networkv1.Vpc{}, nil
	}}})
	call := func(ctx context.Context) string {
		var header metadata.MD
		if _, err := h.vpcs.GetVpc(ctx, &networkv1.GetVpcRequest{Name: vpcName}, grpc.Header(&header)); err != nil {
			t.Fatal(err)
		}
		return strings.Join(header.Get(requestIDKey), ",")
	}
	made := call(t.Context())
	own := call(WithRequestID(t.Context(), "job-7"))
	hostile := call(metadata.AppendToOutgoingContext(t.Context(), requestIDKey, "a b\"c"))
	if !strings.HasPrefix(made, "req-") || own != "job-7" || !strings.HasPrefix(hostile, "req-") || hostile == made {
		t.Errorf("headers: made %q, own %q, hostile %q", made, own, hostile)
	}
	if len(seen) != 3 || seen[0] != made || seen[1] != own || seen[2] != hostile {
		t.Errorf("handlers saw %v", seen)
	}
}
