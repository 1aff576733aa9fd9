package cli

import (
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
	return &cobra.Command{
		Use: "get OPERATION", Short: "Show an operation, step by step", Args: exactly(1), ValidArgsFunction: a.completeOperations,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := operationName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			op, err := api.operations.GetOperation(cmd.Context(), &longrunningpb.GetOperationRequest{Name: name})
			if err != nil {
				return fmt.Errorf("get %s: %w", name, err)
			}
			if err := printOne(a, operationView(), op); err != nil || a.output != "table" {
				return err
			}
			return a.printSteps(metadataOf(op))
		},
	}
}

func (a *app) printSteps(m *operationv1.OperationMetadata) error {
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
	if err := a.println(""); err != nil {
		return err
	}
	if err := printTable(a.streams.Out, []string{"STEP", "STATE", "TOOK", "OBJECT", "ID", "MESSAGE"}, rows); err != nil {
		return err
	}
	if b := m.GetBlockage(); b != nil {
		if at != "" {
			at = " at \"" + at + "\""
		}
		return a.println(fmt.Sprintf("\nBlocked%s, waits for %s: %s\nRemedy: %s", at, awaited(m.GetResource(), b), b.GetMessage(), remedy(m.GetResource(), b)))
	}
	return nil
}

func (a *app) operationList() *cobra.Command {
	var flags listFlags
	cmd := &cobra.Command{
		Use: "list TENANT", Short: "List the operations of a tenant, newest first", Args: exactly(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			parent, err := tenantName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			list, err := pages(flags.limit, func(size int32, token string) ([]*longrunningpb.Operation, string, error) {
				r, err := api.operations.ListOperations(cmd.Context(), &longrunningpb.ListOperationsRequest{Name: parent, Filter: flags.filter, PageSize: size, PageToken: token})
				return r.GetOperations(), r.GetNextPageToken(), err
			})
			if err != nil {
				return fmt.Errorf("list operations of %s: %w", parent, err)
			}
			return printList(a, operationView(), list)
		},
	}
	cmd.Flags().StringVar(&flags.filter, "filter", "", `for example 'done = false'`)
	cmd.Flags().IntVar(&flags.limit, "limit", 50, "at most so many; 0 means all")
	return cmd
}

func (a *app) operationWait() *cobra.Command {
	return &cobra.Command{
		Use: "wait OPERATION", Short: "Follow an operation to its end", Args: exactly(1), ValidArgsFunction: a.completeOperationsUnderWay,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := operationName(args[0])
			if err != nil {
				return err
			}
			op, err := a.wait(cmd.Context(), &longrunningpb.Operation{Name: name})
			if err != nil {
				return err
			}
			if op.GetError() != nil {
				return endedError{op}
			}
			return printOne(a, operationView(), op)
		},
	}
}

func (a *app) operationCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel OPERATION", Short: "Ask an operation to stop at the next step", Args: exactly(1), ValidArgsFunction: a.completeOperationsUnderWay,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := operationName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			if _, err := api.operations.CancelOperation(cmd.Context(), &longrunningpb.CancelOperationRequest{Name: name}); err != nil {
				return fmt.Errorf("cancel %s: %w", name, err)
			}
			a.note("%s stops at its next step", name)
			return nil
		},
	}
}
