package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"github.com/low-layer/platform/libs/fielddiff"
)

// planFlag gives --plan to a command, or to all of a group that change something: everything but reading does.
func (a *app) planFlag(cmds ...*cobra.Command) {
	for _, cmd := range cmds {
		switch {
		case cmd.HasSubCommands():
			a.planFlag(cmd.Commands()...)
		case cmd.Name() != "get" && cmd.Name() != "list":
			cmd.Flags().BoolVar(&a.plan, "plan", false, "change nothing: show what would be made, changed and deleted")
		}
	}
}

// onlyPlan turns every changing call of this command line into a question for its plan. It is done in one place, on the
// way out, so that no command can forget it; a changing call that has no plan is refused rather than made.
func (a *app) onlyPlan(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if a.plan {
		if err := validateOnly(req); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
	}
	return invoke(ctx, method, req, reply, conn, opts...)
}

var errNoPlan = errors.New("this call has no plan, so it was not made")

func validateOnly(req any) error {
	m, ok := req.(proto.Message)
	if !ok {
		return errNoPlan
	}
	fields := m.ProtoReflect().Descriptor().Fields()
	if f := fields.ByName("validate_only"); f != nil {
		m.ProtoReflect().Set(f, protoreflect.ValueOfBool(true))
		return nil
	}
	_, cancels := req.(*longrunningpb.CancelOperationRequest)
	if cancels || fields.ByName("request_id") != nil {
		return errNoPlan
	}
	return nil // it only reads
}

// printPlan shows a plan: what becomes of each object, and what it does to quotas.
func (a *app) printPlan(op *longrunningpb.Operation) error {
	m := metadataOf(op)
	plan := m.GetPlan()
	if plan == nil {
		return errors.New("the platform answered no plan; it may be older than this program")
	}
	if a.output == "name" {
		return a.printPlanned(m)
	}
	if a.output != "table" {
		data, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(plan)
		if err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return a.printData(data)
	}
	if err := a.println("Plan: " + m.GetVerb() + " " + m.GetResource() + ": " + planSummary(plan)); err != nil {
		return err
	}
	if err := a.printFields(m.GetResource(), plan.GetFields()); err != nil {
		return err
	}
	if len(plan.GetObjects()) > 0 {
		rows := make([][]string, len(plan.GetObjects()))
		for i, o := range plan.GetObjects() {
			rows[i] = []string{o.GetAction().String(), o.GetTitle(), o.GetType(), o.GetId(), o.GetName(), o.GetResource()}
		}
		if err := printTable(a.streams.Out, []string{"ACTION", "STEP", "OBJECT", "ID", "NAME", "RESOURCE"}, rows); err != nil {
			return err
		}
	}
	if err := a.printPurge(m); err != nil {
		return err
	}
	for _, q := range plan.GetQuota() {
		line := fmt.Sprintf("quota %s: %+d", q.GetResource(), q.GetUsageChange())
		if q.GetLimit() != 0 {
			line += fmt.Sprintf(", limit %d", q.GetLimit())
		}
		if q.GetQuota() != "" {
			line += fmt.Sprintf(", then %d of %s taken", q.GetTakenAfter(), limitWord(q.GetEffectiveLimit()))
		}
		if err := a.println(line); err != nil {
			return err
		}
	}
	return nil
}

// printFields prints one line for each field that differs; those of another resource bear its name.
func (a *app) printFields(resource string, fields []*operationv1.FieldChange) error {
	for _, f := range fields {
		path := f.GetPath()
		if f.GetResource() != resource {
			path = shortName(f.GetResource()) + " " + path
		}
		line := "~ " + path + ": " + f.GetBefore() + " -> " + f.GetAfter()
		switch f.GetAction() {
		case operationv1.FieldChange_ADD:
			line = "+ " + path + " " + f.GetAfter()
		case operationv1.FieldChange_REMOVE:
			line = "- " + path + " " + f.GetBefore()
		}
		if err := a.println("  " + line); err != nil {
			return err
		}
	}
	return nil
}

// printUnplanned shows the fields of a resource beneath one that is only planned: the platform cannot plan its objects yet.
func (a *app) printUnplanned(name, above string, want proto.Message) error {
	m := &operationv1.OperationMetadata{Resource: name, Verb: "create", Plan: &operationv1.Plan{}}
	for _, d := range fielddiff.Compare(nil, want) {
		m.Plan.Fields = append(m.Plan.Fields, &operationv1.FieldChange{
			Resource: name, Path: d.Path, Action: operationv1.FieldChange_ADD, After: d.After,
		})
	}
	switch a.output {
	case "table":
		if err := a.println("Plan: create " + name + ": its objects are known once " + above + " is there; nothing was changed"); err != nil {
			return err
		}
		return a.printFields(name, m.GetPlan().GetFields())
	case "name":
		return a.printPlanned(m)
	}
	data, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m.GetPlan())
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return a.printData(data)
}

// printPlanned names the resources that a plan concerns: that of the call, and those below it that go along.
func (a *app) printPlanned(m *operationv1.OperationMetadata) error {
	names := []string{m.GetResource()}
	for _, o := range m.GetPlan().GetObjects() {
		if r := o.GetResource(); r != "" && !slices.Contains(names, r) {
			names = append(names, r)
		}
	}
	return a.println(strings.Join(names, "\n"))
}

// printPurge prints what a deletion leaves until its purge, and how it is taken back before.
func (a *app) printPurge(m *operationv1.OperationMetadata) error {
	plan := m.GetPlan()
	if plan.GetPurgeTime() == nil {
		return nil
	}
	kind := "tenant"
	if strings.Contains(m.GetResource(), "/organisations/") {
		kind = "organisation"
	}
	at := plan.GetPurgeTime().AsTime().Format(receiptTime)
	if err := a.println(fmt.Sprintf("At %s the purge removes %d objects. Until then `lowlayer %s undelete %s` brings everything back; --purge does not wait.",
		at, len(plan.GetPurgedObjects()), kind, shortName(m.GetResource()))); err != nil {
		return err
	}
	if len(plan.GetPurgedObjects()) == 0 {
		return nil
	}
	rows := make([][]string, len(plan.GetPurgedObjects()))
	for i, o := range plan.GetPurgedObjects() {
		rows[i] = []string{o.GetTitle(), o.GetType(), o.GetId(), o.GetName(), o.GetResource()}
	}
	return printTable(a.streams.Out, []string{"PURGED LATER", "OBJECT", "ID", "NAME", "RESOURCE"}, rows)
}

func planSummary(plan *operationv1.Plan) string {
	count := map[operationv1.PlannedObject_Action]int{}
	for _, o := range plan.GetObjects() {
		count[o.GetAction()]++
	}
	steps := 0
	for _, s := range plan.GetSteps() {
		if s.GetState() != operationv1.Step_SKIPPED {
			steps++
		}
	}
	return fmt.Sprintf("%d steps, %d objects to make, %d to change, %d to delete; nothing was changed", steps,
		count[operationv1.PlannedObject_CREATE], count[operationv1.PlannedObject_UPDATE], count[operationv1.PlannedObject_DELETE])
}

// printOrdered prints the answer to an order that is done at once. With --plan that is what would be, and the person is told that
// it is not.
func printOrdered[M proto.Message](a *app, v view[M], doing string, m M) error {
	switch {
	case !a.plan:
		return printOne(a, v, m)
	case a.output != "table":
		a.note("Nothing was changed.")
		if a.output == "name" && v.name(m) == "" { // it gets one when it is made
			return nil
		}
		return printOne(a, v, m)
	}
	if err := a.println("Plan: " + doing + "; nothing was changed"); err != nil {
		return err
	}
	return printTable(a.streams.Out, v.heads, [][]string{v.row(m)})
}
