package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/low-layer/platform/tools/stack/stacktest"
)

// tree is what `lowlayer tree -o json` prints, as far as these tests look.
type tree struct {
	Name, State   string
	Organisations []organisation
	Peerings      []struct{ Name, Acceptance, State string }
}

type organisation struct {
	Name, State, Mode string
	Hub               struct{ Cidr, State string }
	Vpcs              []struct {
		Name, State, Mode, Cidr string
		Cloud                   struct{ NetworkID string }
	}
}

func treeOf(t *testing.T, s *stacktest.Platform, tenant string) tree {
	t.Helper()
	var got tree
	if err := json.Unmarshal([]byte(s.Must(t, "tree", tenant, "-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestApply_startup_makesTheTree(t *testing.T) {
	s := platform(t)
	purged(t, s, "acme")
	if first := applied(t, s, "deploy/blueprints/startup.yaml"); len(first) != 1 || first["created"] != 4 {
		t.Errorf("apply made %v, not 4 resources", first)
	}
	got := treeOf(t, s, "tenants/acme")
	if got.State != "ACTIVE" || len(got.Organisations) != 1 || got.Organisations[0].State != "ACTIVE" || got.Organisations[0].Hub.State != "ACTIVE" {
		t.Fatalf("got %+v", got)
	}
	modes := make(map[string]string)
	for _, v := range got.Organisations[0].Vpcs {
		modes[v.Name] = v.Mode + " " + v.State
	}
	want := map[string]string{
		"tenants/acme/organisations/core/vpcs/dev":  "MUTUALIZED ACTIVE",
		"tenants/acme/organisations/core/vpcs/prod": "DEDICATED ACTIVE",
	}
	if fmt.Sprint(modes) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", modes, want)
	}
	t.Run("REST answers the same objects", func(t *testing.T) { sameOverREST(t, s, got) })
	t.Run("applying again changes nothing", func(t *testing.T) {
		if again := applied(t, s, "deploy/blueprints/startup.yaml"); again["unchanged"] != 4 {
			t.Errorf("got %v", again)
		}
	})
	t.Run("the tree for people", func(t *testing.T) {
		text := s.Must(t, "tree", "acme")
		for _, word := range []string{"tenant acme", "organisation core", "bastion hub", "vpc dev", "vpc prod", "DEDICATED"} {
			if !strings.Contains(text, word) {
				t.Errorf("%q is not in\n%s", word, text)
			}
		}
	})
	t.Run("completion knows live names", func(t *testing.T) {
		if out := s.Must(t, "__complete", "vpc", "get", "acme/"); !strings.Contains(out, "acme/core/dev\n") {
			t.Errorf("got %q", out)
		}
	})
}

// applied counts what an apply says it did, by result.
func applied(t *testing.T, s *stacktest.Platform, file string) map[string]int {
	t.Helper()
	var answer struct {
		Resources []struct{ Name, Result string }
	}
	if err := json.Unmarshal([]byte(s.Must(t, "apply", "-f", file, "-o", "json")), &answer); err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for _, r := range answer.Resources {
		counts[r.Result]++
	}
	return counts
}

func sameOverREST(t *testing.T, s *stacktest.Platform, want tree) {
	code, _, answer := s.REST(t, http.MethodGet, "/v1/tenants/acme/organisations/core/vpcs", "")
	if code != http.StatusOK {
		t.Fatalf("%d %v", code, answer)
	}
	vpcs, _ := answer["vpcs"].([]any)
	if len(vpcs) != len(want.Organisations[0].Vpcs) {
		t.Fatalf("got %v", answer)
	}
	for i, v := range want.Organisations[0].Vpcs {
		got, _ := vpcs[i].(map[string]any)
		if got["name"] != v.Name || got["cidr"] != v.Cidr || got["state"] != v.State || got["mode"] != v.Mode {
			t.Errorf("REST answers %v, the CLI %+v", got, v)
		}
	}
}

func TestReflection_gatewayAndServices_listThemselves(t *testing.T) {
	a := platform(t).Addresses()
	gateway := services(t, a.Gateway)
	for _, name := range []string{
		"lowlayer.tenant.v1.TenantService", "lowlayer.tenant.v1.OrganisationService", "lowlayer.network.v1.VpcService",
		"lowlayer.operation.v1.OperationService", "grpc.health.v1.Health",
	} {
		if !slices.Contains(gateway, name) {
			t.Errorf("the gateway lists %v, not %s", gateway, name)
		}
	}
	for _, name := range gateway {
		if strings.Contains(name, ".internal.") {
			t.Errorf("the gateway shows %s", name)
		}
	}
	if got := services(t, a.Of("network")); !slices.Contains(got, "lowlayer.network.internal.v1.FoundationService") || !slices.Contains(got, "google.longrunning.Operations") {
		t.Errorf("network lists %v", got)
	}
	if got := services(t, a.Of("tenant")); !slices.Contains(got, "lowlayer.tenant.v1.TenantService") {
		t.Errorf("tenant lists %v", got)
	}
}

func services(t *testing.T, address string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stacktest.Patience)
	defer cancel()
	stream, err := grpc_reflection_v1.NewServerReflectionClient(stacktest.Dial(t, address)).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range answer.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names
}

func TestTenant_wholeLife(t *testing.T) {
	s := platform(t)
	s.Must(t, "tenant", "create", "globex", "--display-name", "Globex", "--label", "plan=trial")
	s.Must(t, "organisation", "create", "globex/main", "--mode", "DEDICATED", "--vpc", "prod@10.64.64.0/20")
	s.Must(t, "vpc", "create", "globex/main/dev", "--mode", "MUTUALIZED", "--allow", "office=tcp:443@203.0.113.0/24")
	t.Run("a VPC takes new rules", func(t *testing.T) {
		out := s.Must(t, "vpc", "update", "globex/main/dev", "--allow", "vpn=udp:51820@198.51.100.0/24", "-o", "json")
		if !strings.Contains(out, "vpn") || strings.Contains(out, "office") {
			t.Errorf("got %s", out)
		}
	})
	t.Run("two VPCs peer by request and accept", func(t *testing.T) {
		s.Must(t, "peering", "create", "globex/link", "--vpc", "globex/main/dev", "--peer", "globex/main/prod")
		if got := treeOf(t, s, "globex").Peerings; len(got) != 1 || got[0].Acceptance != "PENDING" {
			t.Fatalf("got %+v", got)
		}
		s.Must(t, "peering", "accept", "globex/link")
		if got := treeOf(t, s, "globex").Peerings; got[0].Acceptance != "ACCEPTED" || got[0].State != "ACTIVE" {
			t.Fatalf("got %+v", got)
		}
		if r := s.Lowlayer(t, "vpc", "delete", "globex/main/dev", "--yes"); r.Code != 6 || !strings.Contains(r.Err, "VPC_PEERED") {
			t.Errorf("a peered VPC can be deleted: %+v", r)
		}
		s.Must(t, "peering", "delete", "globex/link", "--yes")
	})
	t.Run("suspended it takes no orders", func(t *testing.T) {
		s.Must(t, "tenant", "suspend", "globex", "--reason", "invoice unpaid")
		stacktest.Eventually(t, "the network service hears of the suspension", func() bool {
			r := s.Lowlayer(t, "vpc", "create", "globex/main/late", "--async")
			return r.Code == 6 && strings.Contains(r.Err, "TENANT_SUSPENDED")
		})
		s.Must(t, "tenant", "resume", "globex")
		stacktest.Eventually(t, "the network service hears of the end of the suspension", func() bool {
			return s.Lowlayer(t, "vpc", "create", "globex/main/late").Code == 0
		})
	})
	t.Run("deleted it can be undeleted", func(t *testing.T) {
		if r := s.Lowlayer(t, "tenant", "delete", "globex", "--yes"); r.Code != 6 || !strings.Contains(r.Err, "TENANT_NOT_EMPTY") {
			t.Errorf("got %+v", r)
		}
		s.Must(t, "tenant", "delete", "globex", "--yes", "--force")
		s.Must(t, "tenant", "undelete", "globex")
		if got := treeOf(t, s, "globex"); got.State != "ACTIVE" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("purged nothing of it is left", func(t *testing.T) {
		s.Must(t, "tenant", "delete", "globex", "--yes", "--force", "--purge")
		if r := s.Lowlayer(t, "tenant", "get", "globex"); r.Code != 3 {
			t.Errorf("got %+v", r)
		}
		if left := s.Inventory(t, "globex"); len(left) > 0 {
			t.Errorf("the cloud still holds %v", left)
		}
	})
}

func TestOperations_allServices_oneList(t *testing.T) {
	s := platform(t)
	s.Must(t, "tenant", "create", "initech")
	s.Must(t, "organisation", "create", "initech/main", "--mode", "MUTUALIZED", "--vpc", "dev")
	code, _, answer := s.REST(t, http.MethodGet, "/v1/tenants/initech/operations", "")
	if code != http.StatusOK {
		t.Fatalf("%d %v", code, answer)
	}
	seen := make(map[string]bool)
	operations, _ := answer["operations"].([]any)
	for _, o := range operations {
		op, _ := o.(map[string]any)
		name, _ := op["name"].(string)
		seen[strings.Split(name, "_")[1]] = true
		if done, _ := op["done"].(bool); !done {
			t.Errorf("%s is not done", name)
		}
		code, _, one := s.REST(t, http.MethodGet, "/v1/"+name, "")
		if code != http.StatusOK || one["name"] != name {
			t.Errorf("%s: %d %v", name, code, one)
		}
	}
	if !seen["tenant"] || !seen["network"] {
		t.Errorf("operations of %v", seen)
	}
}

func TestOperation_workOfOthers_isShown(t *testing.T) {
	s := platform(t)
	s.Must(t, "tenant", "create", "hooli")
	name := strings.TrimSpace(s.Must(t, "organisation", "create", "hooli/main", "--mode", "MUTUALIZED", "--vpc", "dev", "--vpc", "prod", "--async"))
	s.Must(t, "operation", "wait", name)
	_, _, op := s.REST(t, http.MethodGet, "/v1/"+name, "")
	meta, _ := op["metadata"].(map[string]any)
	steps, _ := meta["steps"].([]any)
	followed := 0
	for _, x := range steps {
		step, _ := x.(map[string]any)
		if child, _ := step["operation"].(string); strings.Contains(child, "op_network_") {
			followed++
		}
		if step["state"] != "DONE" {
			t.Errorf("%v", step)
		}
	}
	if followed != 3 {
		t.Errorf("%d steps follow an operation of network, want hub, dev and prod: %v", followed, steps)
	}
}

func TestOpenAPI_explorer_isServed(t *testing.T) {
	s := platform(t)
	code, _, api := s.REST(t, http.MethodGet, "/openapi.json", "")
	paths, _ := api["paths"].(map[string]any)
	if code != http.StatusOK || paths["/v1/tenants/{tenant}/organisations/{organisation}/vpcs/{vpc}"] == nil {
		t.Errorf("%d, %d paths", code, len(paths))
	}
	resp, err := http.Get("http://" + s.Addresses().Gateway + "/docs")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(page), "<html") {
		t.Errorf("%d %v", resp.StatusCode, err)
	}
}
