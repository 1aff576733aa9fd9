package cli

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/grpc/status"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
)

func operationView() view[*longrunningpb.Operation] {
	return view[*longrunningpb.Operation]{
		heads: []string{"OPERATION", "VERB", "RESOURCE", "PROGRESS", "STATUS", "AGE"},
		row: func(op *longrunningpb.Operation) []string {
			m := metadataOf(op)
			return []string{shortName(op.GetName()), m.GetVerb(), m.GetResource(), fmt.Sprintf("%d/%d", m.GetStepsDone(), m.GetStepCount()), operationStatus(op, m), age(m.GetCreateTime())}
		},
		name:  (*longrunningpb.Operation).GetName,
		plain: "operations",
	}
}

func operationStatus(op *longrunningpb.Operation, m *operationv1.OperationMetadata) string {
	switch {
	case op.GetError() != nil:
		return strings.ToLower(status.FromProto(op.GetError()).Code().String())
	case op.GetDone():
		return "done"
	case m.GetBlockage() != nil:
		return fmt.Sprintf("blocked (%s: %s)", m.GetBlockage().GetOwner(), m.GetBlockage().GetReason())
	default:
		return "running"
	}
}

func (a *app) operationCommand() *cobra.Command {
	return group("operation", "Work that is under way or done", []string{"op", "operations"},
		a.operationGet(), a.operationList(), a.operationWait(), a.operationCancel())
}

func (a *app) operationGet() *cobra.Command {
	return a.calls("get OPERATION", "Show an operation, step by step", 1, a.completeOperations, operationName,
		func(ctx context.Context, api *client, name string, _ []string) error {
			op, err := api.operations.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
			if err != nil {
				return fmt.Errorf("get %s: %w", name, err)
			}
			if err := printOne(a, operationView(), op); err != nil || a.output != "table" {
				return err
			}
			a.printSteps(metadataOf(op))
			return nil
		})
}

func (a *app) printSteps(m *operationv1.OperationMetadata) {
	rows := make([][]string, 0, len(m.GetSteps()))
	at := ""
	for _, s := range m.GetSteps() {
		if s.GetName() == m.GetBlockage().GetStep() {
			at = s.GetTitle()
		}
		if s.GetState() == operationv1.Step_SKIPPED {
			continue
		}
		took := ""
		if s.GetEndTime().IsValid() && s.GetStartTime().IsValid() {
			took = elapsed(s.GetEndTime().AsTime().Sub(s.GetStartTime().AsTime()))
		}
		rows = append(rows, []string{s.GetTitle(), s.GetState().String(), took, s.GetObjectType(), s.GetObjectId(), s.GetMessage()})
	}
	a.println("")
	a.table([]string{"STEP", "STATE", "TOOK", "OBJECT", "ID", "MESSAGE"}, rows)
	if b := m.GetBlockage(); b != nil {
		if at != "" {
			at = " at \"" + at + "\""
		}
		a.printf("\nBlocked%s, waits for %s: %s\nRemedy: %s", at, awaited(m.GetResource(), b), b.GetMessage(), remedy(m.GetResource(), b))
	}
}

func (a *app) operationList() *cobra.Command {
	return listing(a, operationView(), "operations", "List the operations of a tenant, newest first", "done = false", 50,
		func(ctx context.Context, api *client, parent, filter string, size int32, token string) ([]*longrunningpb.Operation, string, error) {
			r, err := api.operations.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: parent, Filter: filter, PageSize: size, PageToken: token})
			return r.GetOperations(), r.GetNextPageToken(), err
		})
}

func (a *app) operationWait() *cobra.Command {
	return a.calls("wait OPERATION", "Follow an operation to its end", 1, a.completeOperationsUnderWay, operationName,
		func(ctx context.Context, _ *client, name string, _ []string) error {
			op, err := a.wait(ctx, &longrunningpb.Operation{Name: name})
			if err != nil {
				return err
			}
			if op.GetError() != nil {
				return endedError{op}
			}
			return printOne(a, operationView(), op)
		})
}

func (a *app) operationCancel() *cobra.Command {
	return a.calls("cancel OPERATION", "Stop an operation at its next step", 1, a.completeOperationsUnderWay, operationName,
		func(ctx context.Context, api *client, name string, _ []string) error {
			if _, err := api.operations.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: name}); err != nil {
				return fmt.Errorf("cancel %s: %w", name, err)
			}
			a.note("%s stops at its next step", name)
			return nil
		})
}
