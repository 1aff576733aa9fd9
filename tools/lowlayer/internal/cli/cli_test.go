package cli

import (
	"encoding/json"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

const startup = "../../../../deploy/blueprints/startup.yaml"

func TestApplyMakesWhatIsMissingAndThenNothing(t *testing.T) {
	f, address := newFake(t)
	out, errs, code := cliRun(t, address, "apply", "-f", startup)
	if code != 0 {
		t.Fatalf("%d %s", code, errs)
	}
	for _, line := range []string{"tenants/acme created", "tenants/acme/organisations/core created", "tenants/acme/organisations/core/vpcs/dev unchanged"} {
		if !strings.Contains(out, line+"\n") {
			t.Errorf("%q is not in\n%s", line, out)
		}
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

func TestApplyChangesWhatDiffersAndRefusesWhatCannot(t *testing.T) {
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
	if code != 0 || !strings.Contains(out, "vpcs/dev updated") {
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
	if code != 0 || !strings.Contains(out, "tenants/acme/peerings/dev-prod accepted") {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	if p := f.peerings["tenants/acme/peerings/dev-prod"]; p.GetPeerVpc() != "tenants/acme/organisations/core/vpcs/prod" {
		t.Errorf("got %v", p)
	}
	out, _, _ = cliRun(t, address, "apply", "-f", file)
	if !strings.Contains(out, "tenants/acme/peerings/dev-prod unchanged") {
		t.Errorf("got %s", out)
	}
}

func TestApplyNeverAcceptsAPeeringOfOtherVpcs(t *testing.T) {
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

func TestApplyGoesOnWithWorkUnderWay(t *testing.T) {
	f, address := newFake(t)
	if _, errs, code := cliRun(t, address, "tenant", "create", "acme", "--async"); code != 0 {
		t.Fatal(errs)
	}
	f.tenants["tenants/acme"].Reconciling = true
	out, errs, code := cliRun(t, address, "apply", "-f", startup)
	if code != 0 || !strings.Contains(errs, "create acme  done: create the router") || !strings.Contains(out, "organisations/core created") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}

func TestTree(t *testing.T) {
	_, address := newFake(t)
	if _, errs, code := cliRun(t, address, "apply", "-f", startup); code != 0 {
		t.Fatal(errs)
	}
	text, _, _ := cliRun(t, address, "tree", "acme")
	for _, part := range []string{"tenant acme", "└─ organisation core", "├─ bastion hub", "├─ vpc dev", "└─ vpc prod", "DEDICATED"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
	for _, form := range []string{"json", "yaml"} {
		out, _, _ := cliRun(t, address, "tree", "tenants/acme", "-o", form)
		var got struct {
			Name          string
			Organisations []struct {
				State string
				Vpcs  []struct{ Name, Mode string }
			}
		}
		unmarshal := json.Unmarshal
		if form == "yaml" {
			unmarshal = yaml.Unmarshal
		}
		if err := unmarshal([]byte(out), &got); err != nil || got.Name != "tenants/acme" || got.Organisations[0].State != "ACTIVE" || got.Organisations[0].Vpcs[1].Mode != "DEDICATED" {
			t.Errorf("%s: %v %+v", form, err, got)
		}
	}
	names, _, _ := cliRun(t, address, "tree", "-o", "name")
	if strings.Count(names, "\n") != 5 || !strings.Contains(names, "tenants/acme/organisations/core/hub\n") {
		t.Errorf("got %s", names)
	}
}

func TestOutputsOfOneResource(t *testing.T) {
	_, address := newFake(t)
	for form, want := range map[string]string{"table": "acme", "json": `"name": "tenants/acme"`, "yaml": "name: tenants/acme", "name": "tenants/acme\n"} {
		out, errs, code := cliRun(t, address, "tenant", "create", "acme", "-o", form)
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s%s", form, code, out, errs)
		}
	}
	if _, errs, code := cliRun(t, address, "tenant", "list", "-o", "xml"); code != exitUsage || !strings.Contains(errs, "table, json, yaml, name") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestAsyncPrintsTheOperation(t *testing.T) {
	_, address := newFake(t)
	out, _, code := cliRun(t, address, "tenant", "create", "acme", "--async")
	if code != 0 || !strings.HasPrefix(out, "tenants/acme/operations/op_fake_") {
		t.Fatalf("%d %s", code, out)
	}
	got, errs, code := cliRun(t, address, "operation", "wait", strings.TrimSpace(out))
	if code != 0 || !strings.Contains(got, "done") {
		t.Errorf("%d %s%s", code, got, errs)
	}
	steps, _, _ := cliRun(t, address, "operation", "get", strings.TrimSpace(out))
	if !strings.Contains(steps, "create the router") {
		t.Errorf("got %s", steps)
	}
}

func TestBlockedWorkSaysWhoMustAct(t *testing.T) {
	f, address := newFake(t)
	f.blockage = &typev1.Blockage{Owner: typev1.Blockage_PROVIDER, Reason: "CLOUD_QUOTA_EXCEEDED", Message: "no more routers", Remedy: "raise the quota of routers", Step: "router"}
	_, errs, code := cliRun(t, address, "tenant", "create", "acme", "--timeout", "300ms")
	if code != exitBlocked || !strings.Contains(errs, "cloud provider") || !strings.Contains(errs, "raise the quota of routers") || !strings.Contains(errs, "lowlayer operation wait tenants/acme/operations/") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestVpcFlags(t *testing.T) {
	f, address := newFake(t)
	_, errs, code := cliRun(t, address, "vpc", "create", "acme/core/dev", "--mode", "dedicated", "--cidr", "10.64.32.0/20", "--allow", "web=tcp:443@0.0.0.0/0", "--allow", "games=udp:5000-5010@10.0.0.0/8", "--allow", "ping=icmp@10.0.0.0/8")
	if code != 0 {
		t.Fatal(errs)
	}
	r := last[*networkv1.CreateVpcRequest](t, f)
	rules := r.GetVpc().GetIngressRules()
	if r.GetParent() != "tenants/acme/organisations/core" || r.GetVpcId() != "dev" || len(rules) != 3 || rules[1].GetPortMax() != 5010 || rules[2].GetProtocol() != networkv1.IngressRule_ICMP {
		t.Errorf("got %v", r)
	}
	for _, bad := range [][]string{{"--mode", "shared"}, {"--allow", "web"}, {"--allow", "web=tcp:x@10.0.0.0/8"}, {"--allow", "web=sctp@10.0.0.0/8"}} {
		if _, errs, code := cliRun(t, address, append([]string{"vpc", "create", "acme/core/dev"}, bad...)...); code != exitUsage {
			t.Errorf("%v: %d %s", bad, code, errs)
		}
	}
}

func TestDeletionAsks(t *testing.T) {
	f, address := newFake(t)
	if _, errs, code := cliRun(t, address, "vpc", "create", "acme/core/dev"); code != 0 {
		t.Fatal(errs)
	}
	if _, errs, code := cliRun(t, address, "vpc", "delete", "acme/core/dev"); code != exitUsage || !strings.Contains(errs, "--yes") || len(f.vpcs) != 1 {
		t.Errorf("%d %s", code, errs)
	}
	if _, errs, code := cliRun(t, address, "vpc", "delete", "acme/core/dev", "--yes"); code != 0 || len(f.vpcs) != 0 {
		t.Errorf("%d %s", code, errs)
	}
}

func TestNames(t *testing.T) {
	cases := []struct {
		parse      func(string) (string, error)
		in, want   string
		wantsError bool
	}{
		{tenantName, "acme", "tenants/acme", false},
		{tenantName, "tenants/acme", "tenants/acme", false},
		{tenantName, "Acme", "", true},
		{organisationName, "acme/core", "tenants/acme/organisations/core", false},
		{organisationName, "acme", "", true},
		{organisationOrAllName, "acme", "tenants/acme/organisations/-", false},
		{organisationOrAllName, "tenants/acme", "tenants/acme/organisations/-", false},
		{organisationOrAllName, "acme/core", "tenants/acme/organisations/core", false},
		{vpcName, "acme/core/dev", "tenants/acme/organisations/core/vpcs/dev", false},
		{vpcName, "tenants/acme/organisations/core/vpcs/dev", "tenants/acme/organisations/core/vpcs/dev", false},
		{vpcName, "acme/dev", "", true},
		{peeringName, "acme/dev-prod", "tenants/acme/peerings/dev-prod", false},
		{operationName, "acme/op_x", "", true},
	}
	for _, c := range cases {
		if got, err := c.parse(c.in); (err != nil) != c.wantsError || err == nil && got != c.want {
			t.Errorf("%q: got %q, %v", c.in, got, err)
		}
	}
}

func TestErrorsNameFieldRemedyAndExitCode(t *testing.T) {
	s, err := status.New(codes.InvalidArgument, "correct these fields: vpc.cidr").WithDetails(
		&errdetails.ErrorInfo{Reason: "CIDR_OVERLAP"},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "vpc.cidr", Description: "overlaps dev; choose another"}}},
		&errdetails.RequestInfo{RequestId: "req_1"})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if code := report(&out, s.Err()); code != exitInvalid {
		t.Errorf("exit code %d", code)
	}
	for _, part := range []string{"Error: correct these fields: vpc.cidr", "vpc.cidr: overlaps dev; choose another", "Reason: CIDR_OVERLAP", "Request id: req_1"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not in\n%s", part, out.String())
		}
	}
	want := map[codes.Code]int{
		codes.NotFound: exitNotFound, codes.InvalidArgument: exitInvalid, codes.AlreadyExists: exitConflict, codes.Aborted: exitConflict,
		codes.FailedPrecondition: exitPrecondition, codes.ResourceExhausted: exitPrecondition, codes.Unavailable: exitUnavailable, codes.Internal: exitFailure,
	}
	for c, code := range want {
		if got := report(&strings.Builder{}, status.Error(c, "x")); got != code {
			t.Errorf("%v: %d, want %d", c, got, code)
		}
	}
}

func TestNoPlatform(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, errs, code := cliRun(t, address, "tenant", "list")
	if code != exitUnavailable || !strings.Contains(errs, "make up") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestUsageErrors(t *testing.T) {
	_, address := newFake(t)
	for _, args := range [][]string{{"nonsense"}, {"tenant", "get"}, {"tenant", "get", "a", "b"}, {"tenant", "list", "--nope"}, {"tenant", "update", "acme"}, {"vpc", "get", "acme"}} {
		if _, errs, code := cliRun(t, address, args...); code != exitUsage {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
}

func TestCompletionOfLiveNames(t *testing.T) {
	_, address := newFake(t)
	if _, errs, code := cliRun(t, address, "apply", "-f", startup); code != 0 {
		t.Fatal(errs)
	}
	for args, want := range map[string]string{"tenant get": "acme\n", "vpc get": "acme/core/dev\n", "organisation get": "acme/core\n"} {
		out, _, _ := cliRun(t, address, append([]string{"__complete"}, append(strings.Fields(args), "")...)...)
		if !strings.Contains(out, want) {
			t.Errorf("%s: %q", args, out)
		}
	}
}
