package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

// plan is the fake's response to every call that only plans; it changes nothing.
func (f *fakePlatform) plan() (*longrunningpb.Operation, error) {
	if f.planned != nil {
		packed, err := anypb.New(f.planned)
		return &longrunningpb.Operation{Done: true, Metadata: packed}, err
	}
	packed, err := anypb.New(&operationv1.OperationMetadata{Verb: "change", Resource: "tenants/acme", Plan: &operationv1.Plan{
		Steps: []*operationv1.Step{{Name: "router", State: operationv1.Step_PENDING}, {Name: "network", State: operationv1.Step_SKIPPED}},
		Objects: []*operationv1.PlannedObject{
			{Action: operationv1.PlannedObject_CREATE, Type: "neutron.router", Step: "router", Title: "create the VPC router", Resource: "tenants/acme/organisations/core"},
			{Action: operationv1.PlannedObject_DELETE, Type: "neutron.port", Step: "port", Title: "remove the port", Id: "p1", Resource: "tenants/acme/organisations/core"},
		},
		Fields: []*operationv1.FieldChange{
			{Resource: "tenants/acme", Path: "display_name", Action: operationv1.FieldChange_CHANGE, Before: "Acme", After: "ACME"},
			{Resource: "tenants/acme", Path: "ingress_rules", Action: operationv1.FieldChange_ADD, After: "all tcp 0.0.0.0/0"},
			{Resource: "tenants/acme/organisations/core", Path: "labels.team", Action: operationv1.FieldChange_REMOVE, Before: "net"},
		},
		Quota: []*operationv1.QuotaEffect{{Resource: "routers", UsageChange: 1, Limit: 9, Quota: "tenants/acme/organisations/core/quotas/network.routers", TakenAfter: 4, EffectiveLimit: 9}},
	}})
	return &longrunningpb.Operation{Done: true, Metadata: packed}, err
}

// The plan of a deletion that can be taken back says what goes later, when, and how to keep it.
func TestPlan_deletion_showsThePurge(t *testing.T) {
	f, address := newFake(t)
	at := timestamppb.New(time.Date(2026, 12, 4, 10, 0, 0, 0, time.UTC))
	for resource, args := range map[string][]string{
		"tenants/acme/organisations/core": {"organisation", "delete", "acme/core"}, "tenants/acme": {"tenant", "delete", "acme"},
	} {
		f.planned = &operationv1.OperationMetadata{Verb: "delete", Resource: resource, Plan: &operationv1.Plan{
			Steps: []*operationv1.Step{{Name: "project", State: operationv1.Step_PENDING}}, PurgeTime: at,
			PurgedObjects: []*operationv1.PlannedObject{{
				Action: operationv1.PlannedObject_DELETE, Type: "neutron.router", Step: "router", Id: "r1", Name: "dev", Resource: "tenants/acme/organisations/core/vpcs/dev",
			}},
		}}
		out, errs, code := cliRun(t, address, append(args, "--force", "--plan")...)
		undelete := "At 2026-12-04T10:00:00Z the purge removes 1 object. Until then `lowlayer " + args[0] + " undelete " + args[2] + "` brings everything back"
		for _, want := range []string{"1 step, 0 objects to create, 0 to change, 0 to delete", undelete, "PURGED LATER", "neutron.router", "r1", "vpcs/dev"} {
			if code != 0 || !strings.Contains(out, want) {
				t.Errorf("%q: %d %s%s", want, code, out, errs)
			}
		}
	}
}

// TestPlan_everyChangingCommand_changesNothing runs every command that has the flag; none may change anything or ask a person.
func TestPlan_everyChangingCommand_changesNothing(t *testing.T) {
	f, address := newFake(t)
	a := &app{}
	var commands []string
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Flags().Lookup("plan") != nil {
			commands = append(commands, strings.TrimPrefix(cmd.CommandPath(), "lowlayer "))
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(a.command())
	if len(commands) != 25 {
		t.Errorf("%d commands have --plan: %v", len(commands), commands)
	}
	names := map[string]string{"tenant": "acme", "organisation": "acme/core", "vpc": "acme/core/dev", "peering": "acme/link"}
	more := map[string][]string{
		"update": {"--display-name", "x"}, "peering create": {"--vpc", "acme/core/dev", "--peer", "acme/core/prod"},
		"organisation create": {"--mode", "MUTUALIZED"},
	}
	for _, c := range commands {
		words := strings.Fields(c)
		if names[words[0]] == "" { // blueprints, members and service accounts have tests of their own
			continue
		}
		args := append(words, names[words[0]], "--plan")
		args = append(append(args, more[words[1]]...), more[c]...)
		out, errs, code := cliRun(t, address, args...)
		if code != 0 || !strings.Contains(out, "1 step, 1 object to create, 0 to change, 1 to delete; nothing was changed") || !strings.Contains(out, "quota routers: +1, limit 9, then 4 of 9 taken") {
			t.Errorf("%s: %d %s%s", c, code, out, errs)
		}
	}
	if n := len(f.tenants) + len(f.organisations) + len(f.vpcs) + len(f.peerings) + len(f.operations); n != 0 {
		t.Errorf("%d things were made", n)
	}
	if out, _, _ := cliRun(t, address, "tenant", "delete", "acme", "--plan"); !strings.Contains(out, "create the VPC router") ||
		!strings.Contains(out, "  ~ display_name: Acme -> ACME\n  + ingress_rules all tcp 0.0.0.0/0\n  - acme/core labels.team net\n") {
		t.Errorf("got %s", out)
	}
	// Of several objects of one resource the name comes once.
	out, errs, code := cliRun(t, address, "tenant", "delete", "acme", "--plan", "-o", "name")
	if code != 0 || out != "tenants/acme\ntenants/acme/organisations/core\n" {
		t.Errorf("%d %q %s", code, out, errs)
	}
	out, _, _ = cliRun(t, address, "vpc", "delete", "acme/core/dev", "--plan", "-o", "json")
	var got struct {
		Objects []struct{ Action, Type string }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Objects) != 2 || got.Objects[1].Action != "DELETE" {
		t.Errorf("%v %s", err, out)
	}
}

func TestApplyPlans(t *testing.T) {
	f, address := newFake(t)
	out, errs, code := cliRun(t, address, "apply", "-f", startup, "--plan")
	if code != 0 || strings.Count(out, "Plan: ") < 3 || !strings.Contains(out, "Plan: create tenants/acme/organisations/core: its objects are known once tenants/acme exists") || !strings.Contains(out, "+ mode ") || !strings.Contains(out, "+ vpcs ") || !strings.Contains(out, "+ display_name Development") || len(f.tenants) != 0 {
		t.Errorf("%d %s%s", code, out, errs)
	}
	if _, errs, code := cliRun(t, address, "tenant", "create", "acme"); code != 0 {
		t.Fatal(errs)
	}
	out, errs, code = cliRun(t, address, "apply", "-f", startup, "--plan")
	if code != 0 || len(f.organisations) != 0 || !last[*tenantv1.CreateOrganisationRequest](t, f).GetValidateOnly() {
		t.Errorf("%d %s%s", code, out, errs)
	}
}

// A call that would change something and knows no plan is not made.
func TestPlan_callWithoutPlan_isRefused(t *testing.T) {
	for req, refused := range map[proto.Message]bool{
		&tenantv1.SuspendTenantRequest{}:        false,
		&networkv1.GetVpcRequest{}:              false,
		&longrunningpb.GetOperationRequest{}:    false,
		&longrunningpb.CancelOperationRequest{}: true,
		&longrunningpb.WaitOperationRequest{}:   false,
		&networkv1.ListDriftFindingsRequest{}:   false,
	} {
		if err := validateOnly(req); (err != nil) != refused {
			t.Errorf("%T: %v", req, err)
		}
	}
}
