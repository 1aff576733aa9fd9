package authz_test

import (
	"strings"
	"testing"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/authz"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"tenants/acme": "tenant tenants/acme", core: "organisation " + core, dev: "vpc " + dev, core + "/hub": "hub " + core,
		dev + "/clusters/main/nodePools/a": "node pool " + dev, "tenants/acme/driftFindings/x": "drift finding tenants/acme",
		"tenants/acme/operations/op_x_1": "operation tenants/acme", "tenants/acme/organisations/-": "tenant tenants/acme",
		"isolationReport": "isolation report platform", "tenants/acme/isolationReport": "tenant tenants/acme",
		"": "", "tenants": "", "tenants/": "", "tenants/a": "", "tenants/ac": "", "tenants/Acme": "", "tenants/acme/": "", "/tenants/acme": "",
		"tenants/acme/organisations": "", "tenants/acme/organisations/": "", "tenants/acme/organisations/-/vpcs/x": "", "tenants/-": "",
		"tenants/acme/vpcs/x": "", "tenants/acme//x": "", "tenants/acme/../x": "", "tenants/acme/peerings/..": "", "tenants/acme/peerings/.": "",
		"tenants/acme\n": "", "tenants/acmé": "", "tenants/acme-": "", "tenants/acme/x/tenants": "", "tenants/" + strings.Repeat("a", 41): "",
	} {
		r, ok := authz.ParseResource(name)
		got := ""
		if ok {
			got = r.Kind + " " + r.At()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// A name means the same to the decision and to the handler.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"tenants/acme", core, dev, core + "/hub", "tenants/acme/organisations/-", "tenants/a/../b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		r, ok := authz.ParseResource(name)
		if n, err := resourcename.ParseTenant(name); err == nil && (!ok || r.At() != n.String()) {
			t.Fatalf("tenant %q is %+v", name, r)
		}
		if n, err := resourcename.ParseOrganisation(name); err == nil && (!ok || r.At() != n.String()) {
			t.Fatalf("organisation %q is %+v", name, r)
		}
		if n, err := resourcename.ParseVpc(name); err == nil && (!ok || r.At() != n.String()) {
			t.Fatalf("vpc %q is %+v", name, r)
		}
		for _, parse := range []func(string) (string, error){
			func(s string) (string, error) { n, err := resourcename.ParseHub(s); return n.Parent().String(), err },
			func(s string) (string, error) {
				n, err := resourcename.ParsePeering(s)
				return n.Parent().String(), err
			},
			func(s string) (string, error) {
				n, err := resourcename.ParseOperation(s)
				return n.Parent().String(), err
			},
		} {
			if at, err := parse(name); err == nil && (!ok || r.At() != at) {
				t.Fatalf("%q is %+v", name, r)
			}
		}
		if ok && r.At() != "platform" && !strings.HasPrefix(name, r.At()) {
			t.Fatalf("%q is %+v", name, r)
		}
	})
}
