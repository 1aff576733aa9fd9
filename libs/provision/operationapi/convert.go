package operationapi

import (
	"fmt"
	"math"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource/convert"
)

// ToProto is an operation as the API shows it.
func ToProto(op *provision.Operation) (*longrunningpb.Operation, error) {
	metadata, err := anypb.New(toMetadata(op))
	if err != nil {
		return nil, fmt.Errorf("pack metadata of operation: %w", err)
	}
	out := &longrunningpb.Operation{Name: op.Name, Metadata: metadata, Done: op.Done()}
	switch {
	case !op.Done():
	case op.Error != nil:
		out.Result = &longrunningpb.Operation_Error{Error: grpcerr.ToStatus(op.Error).Proto()}
	case op.Response != nil:
		out.Result = &longrunningpb.Operation_Response{Response: op.Response}
	default:
		empty, err := anypb.New(&emptypb.Empty{})
		if err != nil {
			return nil, fmt.Errorf("pack response of operation: %w", err)
		}
		out.Result = &longrunningpb.Operation_Response{Response: empty}
	}
	return out, nil
}

func toMetadata(op *provision.Operation) *operationv1.OperationMetadata {
	m := &operationv1.OperationMetadata{
		Resource:         op.Resource,
		ResourceUid:      op.ResourceUID,
		Verb:             op.Verb,
		Service:          op.Service,
		CreateTime:       convert.Time(op.CreateTime),
		UpdateTime:       convert.Time(op.UpdateTime),
		EndTime:          convert.Time(op.EndTime),
		EstimatedEndTime: convert.Time(op.EstimatedEndTime),
		ProgressPercent:  count(op.Progress.Percent),
		StepsDone:        count(op.Progress.Done),
		StepCount:        count(op.Progress.Count),
		Blockage:         convert.Blockage(op.Blockage),
		CancelRequested:  op.CancelRequested,
		TraceId:          op.TraceID,
		RequestId:        op.RequestID,
		Receipt:          op.Receipt,
	}
	m.Steps, m.Plan = steps(op.Steps), planToProto(op.Preview)
	return m
}

func steps(in []provision.StepStatus) []*operationv1.Step {
	out := make([]*operationv1.Step, len(in))
	for i, s := range in {
		out[i] = &operationv1.Step{
			Name:            s.Name,
			Title:           s.Title,
			State:           operationv1.Step_State(operationv1.Step_State_value[string(s.State)]),
			Attempts:        count(s.Attempts),
			StartTime:       convert.Time(s.StartTime),
			EndTime:         convert.Time(s.EndTime),
			Message:         s.Message,
			CloudRequestIds: s.CloudRequestIDs,
			Operation:       s.Operation,
			ObjectType:      s.ObjectType,
			ObjectId:        s.ObjectID,
		}
	}
	return out
}

func count(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }
