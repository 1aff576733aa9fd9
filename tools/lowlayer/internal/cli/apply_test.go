package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

func TestApply_missingResources_areCreatedOnce(t *testing.T) {
	f, address := newFake(t)
	out, errs, code := cliRun(t, address, "apply", "-f", startup)
	if code != 0 {
		t.Fatalf("%d %s", code, errs)
	}
	want := []string{"RESOURCE RESULT"}
	for _, name := range []string{"", "/organisations/core", "/organisations/core/vpcs/dev", "/organisations/core/vpcs/prod"} {
		want = append(want, "tenants/acme"+name+" created")
	}
	if got := words(out); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if !strings.Contains(errs, "done: create the network") {
		t.Errorf("no progress: %q", errs)
	}
	if order := last[*tenantv1.CreateOrganisationRequest](t, f); order.GetOrganisation().GetMode() != typev1.ResourceMode_MUTUALIZED {
		t.Errorf("got %v", order)
	}
	again, errs, code := cliRun(t, address, "apply", "-f", startup)
	if code != 0 || strings.Count(again, "unchanged") != 4 || strings.Contains(again, "created") {
		t.Errorf("%d\n%s%s", code, again, errs)
	}
}

// words are the lines of a table with one space between the cells.
func words(table string) []string {
	var lines []string
	for line := range strings.Lines(table) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

func TestApply_differences_areUpdatedOrRefused(t *testing.T) {
	f, address := newFake(t)
	if _, errs, code := cliRun(t, address, "apply", "-f", startup); code != 0 {
		t.Fatal(errs)
	}
	text, err := os.ReadFile(startup)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(from, to string) string {
		file := filepath.Join(t.TempDir(), "b.yaml")
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	out, errs, code := cliRun(t, address, "apply", "-f", edit("    displayName: Development", "    ingressRules: [{name: web, protocol: TCP, portMin: 443, sourceCidr: 0.0.0.0/0}]"))
	if code != 0 || !slices.Contains(words(out), "tenants/acme/organisations/core/vpcs/dev updated") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	if r := last[*networkv1.UpdateVpcRequest](t, f); !slices.Equal(r.GetUpdateMask().GetPaths(), []string{"ingress_rules"}) {
		t.Errorf("got %v", r)
	}
	_, errs, code = cliRun(t, address, "apply", "-f", edit("mode: MUTUALIZED", "mode: DEDICATED"))
	if code != exitPrecondition || !strings.Contains(errs, "it cannot change") {
		t.Errorf("%d %s", code, errs)
	}
}

// apply reports all impossible changes of a blueprint before the first change.
func TestApply_impossibleChangeFurtherDown_ordersNothing(t *testing.T) {
	for name, c := range map[string]struct {
		edits []string
		state typev1.State // of prod
		plan  bool
		says  []string
	}{
		"mode":     {[]string{"mode: DEDICATED", "mode: MUTUALIZED"}, typev1.State_ACTIVE, false, []string{"asks for a change that is not possible; nothing was ordered", "vpcs/prod has mode DEDICATED and the blueprint says MUTUALIZED; it cannot change"}},
		"the plan": {[]string{"mode: DEDICATED", "mode: MUTUALIZED"}, typev1.State_ACTIVE, true, []string{"it cannot change"}},
		"mode and cidr": {
			[]string{"mode: DEDICATED", "mode: MUTUALIZED\n    cidr: 10.64.64.0/20"},
			typev1.State_ACTIVE, false,
			[]string{"2 changes that are not possible; nothing was ordered", "vpcs/prod has mode", "vpcs/prod has cidr 10.64.16.0/20 and the blueprint says 10.64.64.0/20"},
		},
		"state":   {nil, typev1.State_DELETING, false, []string{"vpcs/prod is DELETING"}},
		"peering": {[]string{"vpcs:", "peerings: [{id: link, vpc: dev, peer: prod}]\nvpcs:"}, typev1.State_ACTIVE, false, []string{"peerings/link has ends"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, address := newFake(t)
			if _, errs, code := cliRun(t, address, "apply", "-f", startup); code != 0 {
				t.Fatal(errs)
			}
			f.vpcs["tenants/acme/organisations/core/vpcs/prod"].State = c.state
			f.peerings["tenants/acme/peerings/link"] = &networkv1.Peering{Name: "tenants/acme/peerings/link", Vpc: "tenants/acme/organisations/core/vpcs/other"}
			text, err := os.ReadFile(startup)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "b.yaml")
			edited := strings.NewReplacer(append([]string{"displayName: Development", "displayName: Another"}, c.edits...)...).Replace(string(text))
			if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
				t.Fatal(err)
			}
			orders := len(f.operations)
			args := []string{"apply", "-f", file}
			if c.plan {
				args = append(args, "--plan")
			}
			out, errs, code := cliRun(t, address, args...)
			if code != exitPrecondition || len(f.operations) != orders || out != "" || strings.Contains(errs, partialHint) {
				t.Errorf("%d, %d orders\n%s%s", code, len(f.operations)-orders, out, errs)
			}
			for _, text := range c.says {
				if strings.Count(errs, text) != 1 {
					t.Errorf("%q is not in once:\n%s", text, errs)
				}
			}
		})
	}
}

// A resource that is being removed is waited for and made anew: what it was cannot conflict.
func TestApply_resourceUnderDeletion_isNotChecked(t *testing.T) {
	going := &networkv1.Vpc{Name: "v", State: typev1.State_DELETING, Reconciling: true, Mode: typev1.ResourceMode_DEDICATED}
	if got := conflictsOf(going, vpcConflicts(going, typev1.ResourceMode_MUTUALIZED, "")); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	going.Reconciling = false
	if got := conflictsOf(going, nil); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}

func TestApplyPeers(t *testing.T) {
	f, address := newFake(t)
	text, err := os.ReadFile(startup)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "b.yaml")
	if err := os.WriteFile(file, append(text, "peerings: [{id: dev-prod, vpc: dev, peer: prod}]\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := cliRun(t, address, "apply", "-f", file)
	if code != 0 || !slices.Contains(words(out), "tenants/acme/peerings/dev-prod created") {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	if p := f.peerings["tenants/acme/peerings/dev-prod"]; p.GetPeerVpc() != "tenants/acme/organisations/core/vpcs/prod" {
		t.Errorf("got %v", p)
	}
	out, _, _ = cliRun(t, address, "apply", "-f", file)
	if !slices.Contains(words(out), "tenants/acme/peerings/dev-prod unchanged") {
		t.Errorf("got %s", out)
	}
}

func TestApply_peeringOfOtherVpcs_isNotAccepted(t *testing.T) {
	f, address := newFake(t)
	text, err := os.ReadFile(startup)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "b.yaml")
	if err := os.WriteFile(file, append(text, "peerings: [{id: dev-prod, vpc: dev, peer: prod}]\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := cliRun(t, address, "peering", "create", "acme/dev-prod", "--vpc", "acme/core/prod", "--peer", "acme/other/lab"); code != 0 {
		t.Fatal(errs)
	}
	_, errs, code := cliRun(t, address, "apply", "-f", file)
	if code != exitPrecondition || !strings.Contains(errs, "acme/organisations/other/vpcs/lab") {
		t.Errorf("%d %s", code, errs)
	}
	if p := f.peerings["tenants/acme/peerings/dev-prod"]; p.GetAcceptance() != networkv1.Peering_PENDING {
		t.Errorf("accepted: %v", p)
	}
}

func TestApply_workUnderWay_isAwaited(t *testing.T) {
	f, address := newFake(t)
	if _, errs, code := cliRun(t, address, "tenant", "create", "acme", "--async"); code != 0 {
		t.Fatal(errs)
	}
	f.tenants["tenants/acme"].Reconciling = true
	out, errs, code := cliRun(t, address, "apply", "-f", startup)
	if code != 0 || !strings.Contains(errs, "create acme  done: create the router") || !slices.Contains(words(out), "tenants/acme/organisations/core created") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}

// blueprintWith writes a blueprint: the one we ship with one text replaced.
func blueprintWith(t *testing.T, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(startup)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "b.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestApply_vpcWithRules_isReportedCreated(t *testing.T) {
	_, address := newFake(t)
	file := blueprintWith(t, "    displayName: Development", "    ingressRules: [{name: web, protocol: TCP, portMin: 443, sourceCidr: 0.0.0.0/0}]")
	out, errs, code := cliRun(t, address, "apply", "-f", file)
	if code != 0 || !slices.Contains(words(out), "tenants/acme/organisations/core/vpcs/dev created") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	if again, _, _ := cliRun(t, address, "apply", "-f", file); strings.Count(again, "unchanged") != 4 {
		t.Errorf("a port alone differs from a range of one port: %s", again)
	}
}

func TestApplyOutputs(t *testing.T) {
	_, address := newFake(t)
	type answer struct {
		Resources []struct{ Name, Result, Operation string }
	}
	for i, form := range []string{"json", "yaml"} {
		out, errs, code := cliRun(t, address, "apply", "-f", startup, "-o", form)
		var got answer
		unmarshal := json.Unmarshal
		if form == "yaml" {
			unmarshal = yaml.Unmarshal
		}
		want := []string{"created", "unchanged"}[i]
		if err := unmarshal([]byte(out), &got); err != nil || code != 0 || len(got.Resources) != 4 {
			t.Fatalf("%s: %v %d %s%s", form, err, code, out, errs)
		}
		for _, r := range got.Resources {
			if r.Result != want {
				t.Errorf("%s: %+v", form, r)
			}
		}
		if work := got.Resources[0].Operation; strings.HasPrefix(work, "tenants/acme/operations/") != (i == 0) {
			t.Errorf("%s: operation %q", form, work)
		}
	}
	out, _, _ := cliRun(t, address, "apply", "-f", startup, "-o", "name")
	if out != "tenants/acme\ntenants/acme/organisations/core\ntenants/acme/organisations/core/vpcs/dev\ntenants/acme/organisations/core/vpcs/prod\n" {
		t.Errorf("got %s", out)
	}
}

func TestApply_invalidBlueprint_ordersNothing(t *testing.T) {
	f, address := newFake(t)
	_, errs, code := cliRun(t, address, "apply", "-f", blueprintWith(t, "  - id: dev", "  - id: DEV\n    cidr: 10.0.0.1/20\n    mod: DEDICATED"))
	for _, says := range []string{"3 problems; nothing was ordered", "vpcs[0].id", "vpcs[0].cidr: 10.0.0.1/20 has bits set behind its prefix; write 10.0.0.0/20", "did you mean mode?"} {
		if !strings.Contains(errs, says) {
			t.Errorf("%q is not in\n%s", says, errs)
		}
	}
	if code != exitInvalid || len(f.requests) != 0 {
		t.Errorf("%d, %d requests", code, len(f.requests))
	}
}

// overlap is the refusal of an order for what only the platform knows.
func overlap(t *testing.T) error {
	t.Helper()
	s, err := status.New(codes.InvalidArgument, "correct these fields").WithDetails(&errdetails.ErrorInfo{Reason: "CIDR_OVERLAP"})
	if err != nil {
		t.Fatal(err)
	}
	return s.Err()
}

func TestApply_refusedOrganisation_removesItsTenant(t *testing.T) {
	f, address := newFake(t)
	f.refuse("CreateOrganisation", overlap(t))
	out, errs, code := cliRun(t, address, "apply", "-f", startup)
	if code != exitInvalid || len(f.tenants) != 0 || out != "" {
		t.Errorf("%d, tenants %v\n%s", code, f.tenants, out)
	}
	if !strings.Contains(errs, "CIDR_OVERLAP") || !strings.Contains(errs, "tenants/acme, created for it, is removed again: nothing is left") {
		t.Errorf("got %s", errs)
	}
	if r := last[*tenantv1.DeleteTenantRequest](t, f); !r.GetPurge() || r.GetForce() {
		t.Errorf("the tenant must go for good, and only when nothing is in it: %v", r)
	}
}

func TestApply_refusedOrganisation_keepsAnEarlierTenant(t *testing.T) {
	f, address := newFake(t)
	if _, errs, code := cliRun(t, address, "tenant", "create", "acme", "--display-name", "Acme"); code != 0 {
		t.Fatal(errs)
	}
	f.refuse("CreateOrganisation", overlap(t))
	_, errs, code := cliRun(t, address, "apply", "-f", startup)
	if code != exitInvalid || len(f.tenants) != 1 || strings.Contains(errs, "stays") {
		t.Errorf("%d, tenants %v: %s", code, f.tenants, errs)
	}
}

// An order that was not answered may be carried out: its tenant stays, and the person is told how to go on.
func TestApply_failure_reportsCreatedResources(t *testing.T) {
	for name, refusals := range map[string]map[string]error{
		"no answer":         {"CreateOrganisation": status.Error(codes.Unavailable, "the connection broke")},
		"the removal fails": {"CreateOrganisation": overlap(t), "DeleteTenant": status.Error(codes.FailedPrecondition, "it is not empty")},
		"a later step":      {"GetVpc": status.Error(codes.Internal, "a defect")},
	} {
		t.Run(name, func(t *testing.T) {
			f, address := newFake(t)
			for method, err := range refusals {
				f.refuse(method, err)
			}
			out, errs, code := cliRun(t, address, "apply", "-f", startup)
			if code == 0 || len(f.tenants) != 1 || !slices.Contains(words(out), "tenants/acme created") || !strings.Contains(errs, partialHint) {
				t.Errorf("%d, tenants %v\n%s%s", code, f.tenants, out, errs)
			}
			again, errs, code := cliRun(t, address, "apply", "-f", startup)
			if code != 0 || !slices.Contains(words(again), "tenants/acme unchanged") {
				t.Errorf("again: %d\n%s%s", code, again, errs)
			}
		})
	}
}
