package rpc

import (
	"context"
	"errors"
	"strings"
	"testing"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
)

type step struct{}

// TestServer_checks_areInOrder: the caller, then the request's validity, then authorization, then the handler.
func TestServer_checks_areInOrder(t *testing.T) {
	var order []string
	var refuse string
	note := func(name string) error {
		order = append(order, name)
		if refuse == name {
			return errs.New(errs.PermissionDenied, "REFUSED_BY_"+strings.ToUpper(name), "no")
		}
		return nil
	}
	h := start(t, options{
		vpcs: &vpcs{get: func(ctx context.Context, r *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
			got, _ := ctx.Value(step{}).(string)
			return &networkv1.Vpc{Name: r.GetName()}, note("handler after " + got)
		}},
		access: access{
			authenticate: func(ctx context.Context, method string) (context.Context, error) {
				if strings.HasPrefix(method, "/grpc.") {
					return ctx, nil
				}
				return context.WithValue(ctx, step{}, "authenticate"), note("authenticate")
			},
			authorize: func(ctx context.Context, method string, request proto.Message) (context.Context, error) {
				if strings.HasPrefix(method, "/grpc.") {
					return ctx, nil
				}
				before, _ := ctx.Value(step{}).(string)
				r, ok := request.(*networkv1.GetVpcRequest)
				if !ok || r.GetName() != vpcName || !strings.HasSuffix(method, "/GetVpc") {
					t.Errorf("authorized %s %v", method, request)
				}
				return context.WithValue(ctx, step{}, before+", authorize"), note("authorize")
			},
		},
	})
	for _, c := range []struct{ refuse, name, order, reason string }{
		{"", vpcName, "authenticate authorize handler after authenticate, authorize", ""},
		{"authenticate", "bad", "authenticate", "REFUSED_BY_AUTHENTICATE"},
		{"authorize", "bad", "authenticate", errs.ReasonInvalidFields},
		{"authorize", vpcName, "authenticate authorize", "REFUSED_BY_AUTHORIZE"},
	} {
		order, refuse = nil, c.refuse
		_, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: c.name})
		if got := strings.Join(order, " "); got != c.order || (err != nil && grpcerr.FromError(err).Reason != c.reason) || (err == nil) != (c.reason == "") {
			t.Errorf("refused by %q: got %q, %v", c.refuse, got, err)
		}
	}
}

func TestServer_stream_isChecked(t *testing.T) {
	var seen int
	refuse := errs.New(errs.PermissionDenied, "NO", "no")
	h := start(t, options{access: access{
		authenticate: func(ctx context.Context, _ string) (context.Context, error) { return ctx, nil },
		authorize: func(ctx context.Context, method string, _ proto.Message) (context.Context, error) {
			if !strings.HasPrefix(method, "/grpc.reflection.") {
				return ctx, nil
			}
			if seen++; seen == 2 {
				return nil, refuse
			}
			return ctx, nil
		},
	}})
	stream, err := grpc_reflection_v1.NewServerReflectionClient(h.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}})
		_, received := stream.Recv()
		return errors.Join(err, received)
	}
	if err := ask(); err != nil {
		t.Errorf("the first message: %v", err)
	}
	if err := ask(); err == nil || seen != 2 {
		t.Errorf("the second message: %v after %d", err, seen)
	}
}

// A call that the edge refused is decided about, even when it is not valid, and never carried out.
func TestServer_markedCall_isNotCarriedOut(t *testing.T) {
	var refuse error
	calls, decided := 0, 0
	h := start(t, options{
		vpcs: &vpcs{get: func(context.Context, *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
			calls++
			return &networkv1.Vpc{}, nil
		}},
		access: access{
			authenticate: func(ctx context.Context, _ string) (context.Context, error) { return ctx, nil },
			authorize: func(ctx context.Context, method string, _ proto.Message) (context.Context, error) {
				if strings.HasPrefix(method, "/grpc.") {
					return ctx, nil
				}
				decided++
				return ctx, refuse
			},
		},
	})
	for reason, c := range map[string]struct {
		name   string
		refuse error
	}{
		ReasonRefused: {vpcName, nil},
		"NO":          {vpcName, errs.New(errs.CodeNotFound, "NO", "no")},
		"BAD":         {"bad", errs.New(errs.PermissionDenied, "BAD", "no")},
	} {
		refuse = c.refuse
		_, err := h.vpcs.GetVpc(WithRefused(t.Context()), &networkv1.GetVpcRequest{Name: c.name})
		if grpcerr.FromError(err).Reason != reason {
			t.Errorf("%s: got %v", reason, err)
		}
	}
	if calls != 0 || decided != 3 {
		t.Errorf("%d calls, %d decided", calls, decided)
	}
	stream, err := grpc_reflection_v1.NewServerReflectionClient(h.conn).ServerReflectionInfo(WithRefused(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); grpcerr.FromError(err).Reason != ReasonRefused {
		t.Errorf("a stream: got %v", err)
	}
	refuse = nil
	if _, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName}); err != nil || calls != 1 {
		t.Errorf("without the mark: %v", err)
	}
}
