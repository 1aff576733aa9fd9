package cli

import (
	"encoding/json"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"google.golang.org/protobuf/types/known/timestamppb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

const startup = "../../../../deploy/blueprints/startup.yaml"

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

// A tree has what is deleted and can come back, and says of what stands in it that it goes.
func TestTree_deletedOrganisation_showsItsPurge(t *testing.T) {
	f, address := newFake(t)
	if _, errs, code := cliRun(t, address, "apply", "-f", startup); code != 0 {
		t.Fatal(errs)
	}
	f.mu.Lock()
	at := timestamppb.New(time.Date(2026, 12, 4, 10, 0, 0, 0, time.UTC))
	for _, o := range f.organisations {
		o.State, o.PurgeTime = typev1.State_DELETED, at
	}
	for _, v := range f.vpcs {
		v.Conditions = append(v.Conditions, &typev1.Condition{Type: "OrganisationActive", Status: "False", Reason: "OrganisationDeleted"})
	}
	f.mu.Unlock()
	text, _, _ := cliRun(t, address, "tree", "acme")
	for _, part := range []string{"organisation core  DELETED", "purged at 2026-12-04T10:00:00Z, can be undeleted until then", "ACTIVE (organisation deleted)"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
	if !last[*tenantv1.ListOrganisationsRequest](t, f).GetShowDeleted() {
		t.Error("it does not ask for what is deleted")
	}
	if list, _, _ := cliRun(t, address, "vpc", "list", "acme/core"); !strings.Contains(list, "ACTIVE (organisation deleted)") {
		t.Errorf("got %s", list)
	}
}

func TestGet_eachOutput_showsTheResource(t *testing.T) {
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

func TestAsync_order_printsTheOperation(t *testing.T) {
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

func TestBlockedWork_error_namesTheParty(t *testing.T) {
	f, address := newFake(t)
	f.blockage = &typev1.Blockage{Owner: typev1.Blockage_PROVIDER, Reason: "CLOUD_QUOTA_EXCEEDED", Message: "no more routers", Remedy: "raise the quota of routers", Step: "router"}
	_, errs, code := cliRun(t, address, "tenant", "create", "acme", "--timeout", "300ms")
	op, _, _ := cliRun(t, address, "operation", "list", "acme", "-o", "name")
	if steps, _, _ := cliRun(t, address, "operation", "get", strings.TrimSpace(op)); !strings.Contains(steps, `Blocked at "create the router"`) {
		t.Errorf("got %s", steps)
	}
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
	for _, bad := range [][]string{{"--mode", "shared"}, {"--allow", "web"}, {"--allow", "web=tcp:x@10.0.0.0/8"}, {"--allow", "web=tcp:0@10.0.0.0/8"}, {"--allow", "web=tcp:1-0@10.0.0.0/8"}, {"--allow", "web=tcp:65536@10.0.0.0/8"}, {"--allow", "web=sctp@10.0.0.0/8"}} {
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
		{(&app{}).peeringKind().full, "acme/dev-prod", "tenants/acme/peerings/dev-prod", false},
		{operationName, "acme/op_x", "", true},
	}
	for _, c := range cases {
		if got, err := c.parse(c.in); (err != nil) != c.wantsError || err == nil && got != c.want {
			t.Errorf("%q: got %q, %v", c.in, got, err)
		}
	}
}

func TestRun_noPlatform_isUnavailable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, errs, code := cliRun(t, address, "tenant", "list")
	if code != exitUnavailable || !strings.Contains(errs, "the platform cannot be reached: dial tcp "+address+": connect: connection refused\n") || !strings.Contains(errs, "make up") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestUsageErrors(t *testing.T) {
	_, address := newFake(t)
	for _, args := range [][]string{{"nonsense"}, {"tenant", "get"}, {"tenant", "get", "a", "b"}, {"tenant", "list", "--nope"}, {"vpc", "get", "acme"}} {
		if _, errs, code := cliRun(t, address, args...); code != exitUsage {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
}

func TestCompletion_argument_listsNames(t *testing.T) {
	_, address := newFake(t)
	if _, errs, code := cliRun(t, address, "apply", "-f", startup); code != 0 {
		t.Fatal(errs)
	}
	const noFiles, noSpace = ":4\n", ":6\n"
	for line, want := range map[string]string{
		"tenant get ":         "acme\n" + noFiles,
		"organisation get ":   "acme/core\n" + noFiles,
		"vpc get acme/core/d": "acme/core/dev\nacme/core/prod\n" + noFiles,
		"vpc get tenants/acme/organisations/core/": "tenants/acme/organisations/core/vpcs/dev\ntenants/acme/organisations/core/vpcs/prod\n" + noFiles,
		"tree tenants/":                "tenants/acme\n" + noFiles,
		"peering create acme/x --vpc ": "acme/core/dev\nacme/core/prod\n" + noFiles,
		"vpc create ":                  "acme/core/\n" + noSpace,
		"organisation create ":         "acme/\n" + noSpace,
		"tenant create ":               noFiles,
		"vpc list -o ":                 "table\njson\nyaml\nname\n" + noFiles,
		"vpc list --filter ":           noFiles,
		"apply -f ":                    "yaml\nyml\n:8\n",
	} {
		args := strings.Split(line, " ")
		if out, errs, _ := cliRun(t, address, append([]string{"__complete"}, args...)...); out != want {
			t.Errorf("%s: got %q, want %q: %s", line, out, want, errs)
		}
	}
}

func TestCompletionOfOperations(t *testing.T) {
	_, address := newFake(t)
	op, _, _ := cliRun(t, address, "tenant", "create", "acme", "--async")
	op = shortName(strings.TrimSpace(op))
	if out, _, _ := cliRun(t, address, "__complete", "operation", "wait", "acme/"); !strings.HasPrefix(out, op+"\n") {
		t.Errorf("got %q, want %s", out, op)
	}
	if table, _, _ := cliRun(t, address, "operation", "list", "acme"); !strings.Contains(table, op+" ") {
		t.Errorf("the table has no name that can be given back: %s", table)
	}
}

func TestDelete_eachOutput_namesTheResource(t *testing.T) {
	_, address := newFake(t)
	const name = "tenants/acme/organisations/core/vpcs/dev"
	for form, want := range map[string]string{"name": name + "\n", "json": "{\n  \"name\": \"" + name + "\"\n}\n", "yaml": "name: " + name + "\n", "table": ""} {
		if _, errs, code := cliRun(t, address, "vpc", "create", "acme/core/dev"); code != 0 {
			t.Fatal(errs)
		}
		out, errs, code := cliRun(t, address, "vpc", "delete", "acme/core/dev", "--yes", "-o", form)
		if code != 0 || out != want || (form == "table") != strings.Contains(errs, "is deleted") {
			t.Errorf("%s: %d %q %s", form, code, out, errs)
		}
	}
}

func TestNames_printedForm_isAnArgument(t *testing.T) {
	_, address := newFake(t)
	if _, errs, code := cliRun(t, address, "apply", "-f", startup); code != 0 {
		t.Fatal(errs)
	}
	names, _, _ := cliRun(t, address, "tree", "acme", "-o", "name")
	for name := range strings.Lines(names) {
		name = strings.TrimSpace(name)
		kind := map[int]string{2: "tenant", 4: "organisation", 5: "hub", 6: "vpc"}[strings.Count(name, "/")+1]
		if out, errs, code := cliRun(t, address, kind, "get", name, "-o", "name"); code != 0 || out != name+"\n" {
			t.Errorf("%s get %s: %d %s%s", kind, name, code, out, errs)
		}
	}
}
