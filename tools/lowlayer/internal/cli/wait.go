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

// retryPause is the pause before a platform that did not respond is called again.
const retryPause = 500 * time.Millisecond

// follow waits for an operation and unpacks its response into out. With --async it prints the operation's name instead, with
// --plan the plan, and returns false.
func (a *app) follow(ctx context.Context, op *longrunningpb.Operation, out proto.Message) (bool, error) {
	if a.plan {
		return false, a.printPlan(op)
	}
	if a.async {
		return false, a.show([]string{op.GetName()}, func() { a.println(op.GetName()) }, op)
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
		return false, fmt.Errorf("read the response of %s: %w", op.GetName(), err)
	}
	return true, nil
}

// wait follows an operation to its end and draws its progress. It first reads an operation that it knows by name only. The
// work survives restarts of the platform, so an unavailable platform ends no wait: only --timeout and the person do.
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
				bar.say("The platform responds again.")
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
				bar.say("The platform does not respond (%s). The work goes on: still waiting, at most %s.", statusOf(err).Message(), a.timeout)
			}
			away = err
			pause(ctx, retryPause)
		default:
			return nil, fmt.Errorf("wait for %s: %w", op.GetName(), err)
		}
	}
}

// ask reads an operation: at once when only its name is known, otherwise when it is done or after a long poll.
func (c *client) ask(ctx context.Context, op *longrunningpb.Operation) (*longrunningpb.Operation, error) {
	if op.GetMetadata() == nil {
		return c.operations.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: op.GetName()})
	}
	return c.operations.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: op.GetName(), Timeout: durationpb.New(longPoll)})
}

// passing is true for an error that ends by itself: the service is away or stopping, or gives a time to retry.
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

// overdue is true when the deadline of the wait ended a call. Each hop keeps some time for its response, so a call ends before
// its context does.
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
