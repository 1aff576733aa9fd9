package rpc

import (
	"context"
	"testing"
	"time"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
)

func remaining(t *testing.T) (*harness, *time.Duration) {
	t.Helper()
	left := new(time.Duration)
	h := start(t, options{vpcs: &vpcs{get: func(ctx context.Context, _ *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
		deadline, ok := ctx.Deadline()
		if !ok {
			t.Error("the call has no deadline")
		}
		*left = time.Until(deadline)
		return &networkv1.Vpc{}, nil
	}}})
	return h, left
}

func TestDeadline_eachHop_shortensIt(t *testing.T) {
	h, left := remaining(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := h.vpcs.GetVpc(ctx, &networkv1.GetVpcRequest{Name: vpcName}); err != nil {
		t.Fatal(err)
	}
	if *left > 10*time.Second-hop || *left < 5*time.Second {
		t.Errorf("%s of 10s arrived, want at most 9.98s", *left)
	}
}

func TestClient_everyCall_hasADeadline(t *testing.T) {
	h, left := remaining(t)
	if _, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName}); err != nil {
		t.Fatal(err)
	}
	if *left > defaultTimeout || *left < defaultTimeout/2 {
		t.Errorf("%s arrived, want about %s", *left, defaultTimeout)
	}
}

// direct calls the interceptor as gRPC would, to see what it does to a deadline without a network in between; 0 is none.
func direct(t *testing.T, timeout time.Duration) (left time.Duration, bounded bool, err error) {
	t.Helper()
	h := start(t, options{})
	ctx := t.Context()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	_, err = h.server.unary(ctx, &networkv1.GetVpcRequest{Name: vpcName}, unaryInfo(networkv1.VpcService_GetVpc_FullMethodName),
		func(ctx context.Context, _ any) (any, error) {
			var deadline time.Time
			deadline, bounded = ctx.Deadline()
			left = time.Until(deadline)
			return &networkv1.Vpc{}, nil
		})
	return left, bounded, err
}

func TestServer_noDeadline_isBounded(t *testing.T) {
	left, bounded, err := direct(t, 0)
	if err != nil || !bounded || left > defaultTimeout {
		t.Errorf("left %s, bounded %v, %v", left, bounded, err)
	}
}

func TestServer_longPoll_hasNoDeadline(t *testing.T) {
	for _, method := range []string{
		"/lowlayer.operation.v1.OperationService/WaitOperation", "/google.longrunning.Operations/WaitOperation",
	} {
		if !registeredPolicies()[method].waits {
			t.Errorf("%s is not known to wait", method)
		}
	}
}

func TestServer_tooLittleTime_isRefused(t *testing.T) {
	_, _, err := direct(t, minimumLeft-time.Millisecond)
	if e := grpcerr.FromError(err); e.Code != errs.DeadlineExceeded || e.Reason != ReasonDeadlineTooShort {
		t.Errorf("got %v", err)
	}
}
