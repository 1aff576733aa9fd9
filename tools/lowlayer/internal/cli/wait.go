package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
)

// longPoll is how long one WaitOperation call may take: progress is drawn anew after each.
const longPoll = time.Second

// retryPause is how long to wait before a platform that did not answer is asked again.
const retryPause = 500 * time.Millisecond

// follow waits for an operation and unpacks its response into out. With --async it prints the operation's name instead and
// answers false, and with --plan it prints the plan.
func (a *app) follow(ctx context.Context, op *longrunningpb.Operation, out proto.Message) (bool, error) {
	if a.plan {
		return false, a.printPlan(op)
	}
	if a.async {
		if a.output == "name" || a.output == "table" {
			return false, a.println(op.GetName())
		}
		return false, printOne(a, operationView(), op)
	}
	done, err := a.wait(ctx, op)
	if interrupted, ok := errors.AsType[interruptedError](err); ok {
		interrupted.taken = true
		return false, interrupted
	}
	if err != nil {
		return false, err
	}
	if done.GetError() != nil {
		return false, endedError{done}
	}
	if out == nil || !done.GetResponse().MessageIs(out) {
		return true, nil
	}
	if err := done.GetResponse().UnmarshalTo(out); err != nil {
		return false, fmt.Errorf("read the answer of %s: %w", op.GetName(), err)
	}
	return true, nil
}

// wait follows an operation to its end, drawing its progress. One of which only the name is known is asked for first. The
// work survives restarts of the platform, so a platform that is away for a while ends no wait: only --timeout and the
// person do.
func (a *app) wait(ctx context.Context, op *longrunningpb.Operation) (*longrunningpb.Operation, error) {
	api, err := a.dial()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	bar := newProgress(a)
	defer bar.end()
	var away error
	for {
		meta := metadataOf(op)
		bar.draw(meta)
		if op.GetDone() {
			return op, nil
		}
		next, err := api.ask(ctx, op)
		switch {
		case err == nil:
			op = next
			if away != nil {
				away = nil
				bar.say("The platform answers again.")
			}
		case errors.Is(ctx.Err(), context.Canceled):
			return nil, interruptedError{operation: op.GetName()}
		case ctx.Err() != nil || overdue(ctx, err):
			<-ctx.Done()
			if meta.GetBlockage() != nil {
				return nil, blockedError{op.GetName(), meta.GetResource(), meta.GetBlockage()}
			}
			return nil, timeoutError{op.GetName(), a.timeout, meta, away}
		case passing(err):
			if away == nil {
				bar.say("The platform does not answer at the moment (%s). The work survives that: still waiting, at most %s.", statusOf(err).Message(), a.timeout)
			}
			away = err
			pause(ctx, retryPause)
		default:
			return nil, fmt.Errorf("wait for %s: %w", op.GetName(), err)
		}
	}
}

// ask answers an operation as it is: at once when nothing is known of it, otherwise when it is done or after a while.
func (c *client) ask(ctx context.Context, op *longrunningpb.Operation) (*longrunningpb.Operation, error) {
	if op.GetMetadata() == nil {
		return c.operations.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: op.GetName()})
	}
	return c.operations.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: op.GetName(), Timeout: durationpb.New(longPoll)})
}

// passing tells whether a call failed for a cause that goes by itself: what it asks for is away or stopping, or says when to
// come back.
func passing(err error) bool {
	s := statusOf(err)
	switch s.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return true
	}
	for _, d := range s.Details() {
		if _, ok := d.(*errdetails.RetryInfo); ok {
			return true
		}
	}
	return false
}

// overdue tells whether the deadline of the wait ended a call. Each hop keeps some time for its response, so a call ends before its
// context does.
func overdue(ctx context.Context, err error) bool {
	deadline, ok := ctx.Deadline()
	return ok && statusOf(err).Code() == codes.DeadlineExceeded && time.Until(deadline) < longPoll
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func metadataOf(op *longrunningpb.Operation) *operationv1.OperationMetadata {
	meta := &operationv1.OperationMetadata{}
	if err := op.GetMetadata().UnmarshalTo(meta); err != nil {
		return &operationv1.OperationMetadata{}
	}
	return meta
}
