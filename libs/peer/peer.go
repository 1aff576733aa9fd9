// Package peer makes work of another service a step of ours, through the RPCs and the operations API of that service.
//
// Begin orders the work with the step's id as request_id, so a repeated step gets the same operation. Await and Insist
// follow the operation until it ends. Remove and Removed are the same for a deletion. Preview asks for a plan only.
//
// Each call names the user on whose behalf the work runs. Errors are errs.Errors as the other service made them; a blockage
// of its work becomes our error with the same reason, so the same party must act.
package peer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/audit/behalf"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/provision"
)

const (
	// Deadline is how long work of another service may take before a step is late.
	Deadline = 30 * time.Minute
	// longPoll is long enough to see the end at once, and short enough to leave a slice in time.
	longPoll = 3 * time.Second
	pause    = 50 * time.Millisecond
	retry    = 5 * time.Second
)

// Service is another service of the platform.
type Service struct {
	name       string
	conn       grpc.ClientConnInterface
	operations operationv1.OperationServiceClient
}

// New reaches a service, named as in the registry, over a connection.
func New(name string, to grpc.ClientConnInterface) *Service {
	conn := behalf.Conn(to)
	return &Service{name: name, conn: conn, operations: operationv1.NewOperationServiceClient(conn)}
}

// Conn is the connection for generated clients of the service.
func (s *Service) Conn() grpc.ClientConnInterface { return s.conn }

// Step is the step that the work belongs to. A *provision.Run is one.
type Step interface {
	StepID() string
	Followed() string
	FollowOperation(name string)
}

// Call is an RPC of the service that responds with an operation. The same request id gets the same operation.
type Call func(ctx context.Context, requestID string) (*longrunningpb.Operation, error)

// Work is an operation of the service.
type Work struct {
	Operation, Resource, ResourceUID string

	done     bool
	err      error
	metadata *operationv1.OperationMetadata
}

// Begin orders work and shows it on the step.
func (s *Service) Begin(ctx context.Context, step Step, call Call) (Work, error) {
	return s.begin(ctx, step, step.StepID(), call)
}

// BeginPart is Begin for one of several calls of a step.
func (s *Service) BeginPart(ctx context.Context, step Step, part string, call Call) (Work, error) {
	return s.begin(ctx, step, partID(step, part), call)
}

func (s *Service) begin(ctx context.Context, step Step, requestID string, call Call) (Work, error) {
	w, err := read(call(ctx, requestID))
	if err != nil {
		return Work{}, fmt.Errorf("order work of the %s service: %w", s.name, err)
	}
	step.FollowOperation(w.Operation)
	return w, nil
}

func partID(step Step, part string) string {
	sum := sha256.Sum256([]byte(step.StepID() + "/" + part))
	return hex.EncodeToString(sum[:16])
}

// Await follows the operation of the step. It returns nil once the work succeeded, a NotYet error while it runs, and the
// error of the work when it failed or is blocked.
func (s *Service) Await(ctx context.Context, step Step) error {
	w, err := read(s.operations.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{
		Name: step.Followed(), Timeout: durationpb.New(longPoll),
	}))
	if err != nil {
		return fmt.Errorf("follow work of the %s service: %w", s.name, err)
	}
	return s.outcome(w)
}

func (s *Service) outcome(w Work) error {
	if w.done {
		return w.err
	}
	if err := w.Blocked(); err != nil {
		return err
	}
	return provision.NotYet(pause, "the %s service has done %d of %d steps", s.name, w.metadata.GetStepsDone(), w.metadata.GetStepCount())
}

// Insist is Await for work that only our resource needs. Work that was cancelled or lost is ordered again; work that was
// superseded is followed in its successor.
func (s *Service) Insist(ctx context.Context, step Step, call Call) error {
	var err error
	if step.Followed() == "" {
		var w Work
		if w, err = s.Begin(ctx, step, call); err != nil {
			return err
		}
		if w.done {
			err = w.err
		} else {
			err = s.Await(ctx, step)
		}
	} else {
		err = s.Await(ctx, step)
	}
	switch errs.ReasonOf(err) {
	case "SUPERSEDED":
		if e, ok := errs.As(err); ok && e.Metadata["operation"] != "" {
			step.FollowOperation(e.Metadata["operation"])
			return provision.NotYet(0, "a newer change of the %s service replaced this one", s.name)
		}
	case grpcerr.ReasonCancelled, "OPERATION_NOT_FOUND":
	default:
		return err
	}
	// The first request id would return the operation that ended. This one is the same after a crash.
	ended := step.Followed()
	if _, err := s.BeginPart(ctx, step, "after "+ended, call); err != nil {
		return err
	}
	return provision.NotYet(pause, "%s ended without its work; it is ordered again", ended)
}

// Remove orders a deletion. A resource that is absent needs none.
func (s *Service) Remove(ctx context.Context, step Step, call Call) error {
	_, err := s.Begin(ctx, step, call)
	return ignoreAbsent(err)
}

// Removed follows a deletion like Insist. It returns nil once the resource is gone.
func (s *Service) Removed(ctx context.Context, step Step, call Call) error {
	return ignoreAbsent(s.Insist(ctx, step, call))
}

func ignoreAbsent(err error) error {
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	return err
}

// Blocked is the blockage of the work as our error, nil when it has none.
func (w Work) Blocked() error { return Blocked(w.metadata.GetBlockage()) }

// Blocked turns the blockage of a resource or operation into our error, nil for none.
func Blocked(b *typev1.Blockage) error {
	if b == nil {
		return nil
	}
	code := errs.Unavailable
	switch b.GetOwner() {
	case typev1.Blockage_USER:
		code = errs.FailedPrecondition
	case typev1.Blockage_PROVIDER:
		code = errs.ResourceExhausted
	}
	e := errs.New(code, b.GetReason(), "%s; %s", b.GetMessage(), b.GetRemedy())
	e.Retry = 2 * time.Second
	return e
}

// Preview makes a call with validate_only and returns the objects of its plan.
func (s *Service) Preview(ctx context.Context, call Call) ([]provision.PlannedObject, error) {
	w, err := read(call(ctx, ""))
	if err != nil {
		return nil, s.Unavailable("preview work", err)
	}
	return Objects(w.metadata.GetPlan().GetObjects()), nil
}

// Objects reads planned objects.
func Objects(in []*operationv1.PlannedObject) []provision.PlannedObject {
	out := make([]provision.PlannedObject, len(in))
	for i, o := range in {
		out[i] = provision.PlannedObject{
			Action: provision.PlanAction(o.GetAction().String()), Step: o.GetStep(), Type: o.GetType(), ID: o.GetId(), Name: o.GetName(),
			Resource: o.GetResource(), Service: o.GetService(),
		}
	}
	return out
}

// Unavailable is the error of a read that a caller waits for. An error that the service made stands. Without a response from
// the service the error says that nothing was stored, and when to retry.
func (s *Service) Unavailable(doing string, err error) error {
	known := grpcerr.FromError(err)
	if known == nil {
		return nil
	}
	switch known.Code {
	case errs.Unavailable, errs.DeadlineExceeded, errs.Unknown, errs.CodeInternal, errs.Unimplemented, errs.Canceled:
		e := errs.Wrap(fmt.Errorf("%s: %w", doing, known), errs.Unavailable, strings.ToUpper(s.name)+"_UNAVAILABLE",
			"the %s service does not respond, so nothing was changed; try again in a few seconds", s.name)
		e.Retry = retry
		return e
	}
	return known
}

func read(op *longrunningpb.Operation, err error) (Work, error) {
	if err != nil {
		return Work{}, grpcerr.FromError(err)
	}
	m := &operationv1.OperationMetadata{}
	if op.GetMetadata() != nil {
		if err := op.GetMetadata().UnmarshalTo(m); err != nil {
			return Work{}, fmt.Errorf("read metadata of %s: %w", op.GetName(), err)
		}
	}
	w := Work{Operation: op.GetName(), Resource: m.GetResource(), ResourceUID: m.GetResourceUid(), done: op.GetDone(), metadata: m}
	if op.GetError() != nil {
		if known := grpcerr.FromError(status.FromProto(op.GetError()).Err()); known != nil {
			w.err = known
		}
	}
	return w, nil
}
