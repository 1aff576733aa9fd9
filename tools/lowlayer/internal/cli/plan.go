package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"github.com/low-layer/platform/libs/fielddiff"
)

// planFlag gives --plan to a command, or to all commands of a group that do not only read.
func (a *app) planFlag(cmds ...*cobra.Command) {
	for _, cmd := range cmds {
		switch {
		case cmd.HasSubCommands():
			a.planFlag(cmd.Commands()...)
		case cmd.Name() != "get" && cmd.Name() != "list":
			cmd.Flags().BoolVar(&a.plan, "plan", false, "change nothing: show what would be created, changed and deleted")
		}
	}
}

// onlyPlan turns every changing call of this command line into a request for its plan. An interceptor does it, so that no
// command can forget it; a changing call without a plan is refused.
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

// printPlan shows a plan: the change of each object, and its effect on quotas.
func (a *app) printPlan(op *longrunningpb.Operation) error {
	m := metadataOf(op)
	plan := m.GetPlan()
	if plan == nil {
		return errors.New("the response holds no plan; the platform may be older than this program")
	}
	return a.show(plannedNames(m), func() { a.drawPlan(m, plan) }, plan)
}

func (a *app) drawPlan(m *operationv1.OperationMetadata, plan *operationv1.Plan) {
	a.println("Plan: " + m.GetVerb() + " " + m.GetResource() + ": " + planSummary(plan))
	a.printFields(m.GetResource(), plan.GetFields())
	if len(plan.GetObjects()) > 0 {
		rows := make([][]string, len(plan.GetObjects()))
		for i, o := range plan.GetObjects() {
			rows[i] = []string{o.GetAction().String(), o.GetTitle(), o.GetType(), o.GetId(), o.GetName(), o.GetResource()}
		}
		a.table([]string{"ACTION", "STEP", "OBJECT", "ID", "NAME", "RESOURCE"}, rows)
	}
	a.printPurge(m)
	for _, q := range plan.GetQuota() {
		line := fmt.Sprintf("quota %s: %+d", q.GetResource(), q.GetUsageChange())
		if q.GetLimit() != 0 {
			line += fmt.Sprintf(", limit %d", q.GetLimit())
		}
		if q.GetQuota() != "" {
			line += fmt.Sprintf(", then %d of %s taken", q.GetTakenAfter(), limitWord(q.GetEffectiveLimit()))
		}
		a.println(line)
	}
	a.printPrice(plan.GetPrice())
}

// printFields prints one line for each field that differs; those of another resource begin with its name.
func (a *app) printFields(resource string, fields []*operationv1.FieldChange) {
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
		a.println("  " + escapeLine(line))
	}
}

// printUnplanned shows the fields of a resource beneath one that is only planned: the platform cannot plan its objects yet.
func (a *app) printUnplanned(name, above string, want proto.Message) error {
	m := &operationv1.OperationMetadata{Resource: name, Verb: "create", Plan: &operationv1.Plan{}}
	for _, d := range fielddiff.Compare(nil, want) {
		m.Plan.Fields = append(m.Plan.Fields, &operationv1.FieldChange{
			Resource: name, Path: d.Path, Action: operationv1.FieldChange_ADD, After: d.After,
		})
	}
	return a.show(plannedNames(m), func() {
		a.println("Plan: create " + name + ": its objects are known once " + above + " exists; nothing was changed")
		a.printFields(name, m.GetPlan().GetFields())
	}, m.GetPlan())
}

// plannedNames are the resources of a plan: that of the call, and those below it that change with it.
func plannedNames(m *operationv1.OperationMetadata) []string {
	names := []string{m.GetResource()}
	for _, o := range m.GetPlan().GetObjects() {
		if r := o.GetResource(); r != "" && !slices.Contains(names, r) {
			names = append(names, r)
		}
	}
	return names
}

// printPurge prints the objects that a deletion leaves until its purge, and the command that restores them.
func (a *app) printPurge(m *operationv1.OperationMetadata) {
	plan := m.GetPlan()
	if plan.GetPurgeTime() == nil {
		return
	}
	kind := "tenant"
	if strings.Contains(m.GetResource(), "/organisations/") {
		kind = "organisation"
	}
	at := plan.GetPurgeTime().AsTime().Format(receiptTime)
	a.printf("At %s the purge removes %s. Until then `lowlayer %s undelete %s` brings everything back; --purge does not wait.",
		at, counted(len(plan.GetPurgedObjects()), "object"), kind, shortName(m.GetResource()))
	if len(plan.GetPurgedObjects()) == 0 {
		return
	}
	rows := make([][]string, len(plan.GetPurgedObjects()))
	for i, o := range plan.GetPurgedObjects() {
		rows[i] = []string{o.GetTitle(), o.GetType(), o.GetId(), o.GetName(), o.GetResource()}
	}
	a.table([]string{"PURGED LATER", "OBJECT", "ID", "NAME", "RESOURCE"}, rows)
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
	return fmt.Sprintf("%s, %s to create, %d to change, %d to delete; nothing was changed", counted(steps, "step"),
		counted(count[operationv1.PlannedObject_CREATE], "object"), count[operationv1.PlannedObject_UPDATE], count[operationv1.PlannedObject_DELETE])
}

// printOrdered prints the result of an order that is done at once, or with --plan the result that it would have.
func printOrdered[M proto.Message](a *app, v view[M], doing string, m M) error {
	switch {
	case !a.plan:
		return printOne(a, v, m)
	case a.output != "table":
		a.note("Nothing was changed.")
		if a.output == "name" && v.name(m) == "" { // it gets one when it is created
			return nil
		}
		return printOne(a, v, m)
	}
	a.println("Plan: " + doing + "; nothing was changed")
	return printOne(a, v, m)
}
