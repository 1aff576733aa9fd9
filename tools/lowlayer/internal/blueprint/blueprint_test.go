package blueprint_test

import (
	"os"
	"strings"
	"testing"

	"github.com/low-layer/platform/tools/lowlayer/internal/blueprint"
)

const good = `
apiVersion: lowlayer/v1
kind: Blueprint
tenant: {id: acme, networkCidr: 10.0.0.0/12}
organisation: {id: core, mode: MUTUALIZED, quota: {cores: 8}}
vpcs:
  - {id: dev}
  - id: prod
    mode: DEDICATED
    cidr: 10.0.16.0/20
    ingressRules: [{name: https, protocol: TCP, portMin: 443, sourceCidr: 0.0.0.0/0}]
peerings: [{id: dev-prod, vpc: dev, peer: prod}]
`

func TestParse(t *testing.T) {
	b, err := blueprint.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if b.Tenant.ID != "acme" || b.Organisation.Quota.Cores != 8 || len(b.VPCs) != 2 || b.VPCs[1].Mode != "DEDICATED" ||
		b.VPCs[1].IngressRules[0].PortMin != 443 || b.Peerings[0].Peer != "prod" {
		t.Errorf("got %+v", b)
	}
}

func TestTheBlueprintWeShip(t *testing.T) {
	text, err := os.ReadFile("../../../../deploy/blueprints/startup.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := blueprint.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if b.Tenant.ID != "acme" || b.Organisation.ID != "core" || len(b.VPCs) != 2 {
		t.Errorf("got %+v", b)
	}
}

func TestProblemsAreNamed(t *testing.T) {
	cases := map[string]struct{ from, to, says string }{
		"empty":             {good, "", "empty"},
		"not yaml":          {good, "a: [", "not YAML"},
		"unknown field":     {"mode: DEDICATED", "mod: DEDICATED", `line 9: there is no field "mod"`},
		"wrong type":        {"cores: 8", "cores: many", "line 5"},
		"version":           {"lowlayer/v1", "lowlayer/v9", "apiVersion: must be lowlayer/v1"},
		"kind":              {"kind: Blueprint", "kind: Pod", "kind: must be Blueprint"},
		"tenant id":         {"id: acme", "id: A", "tenant.id"},
		"mode missing":      {"mode: MUTUALIZED, ", "", "organisation.mode: must be MUTUALIZED or DEDICATED"},
		"mode wrong":        {"mode: DEDICATED", "mode: dedicated", "vpcs[1].mode"},
		"twice":             {"id: prod", "id: dev", "used twice"},
		"no such vpc":       {"peer: prod", "peer: nope", `peerings[0].peer: there is no VPC "nope"`},
		"protocol":          {"protocol: TCP", "protocol: tcp", "protocol: must be TCP"},
		"second document":   {"peerings:", "---\npeerings:", "one blueprint"},
		"rule without cidr": {", sourceCidr: 0.0.0.0/0", "", "sourceCidr: say where"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := blueprint.Parse([]byte(strings.Replace(good, c.from, c.to, 1)))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := blueprint.Parse([]byte("apiVersion: x\nkind: y\n"))
	for _, says := range []string{"apiVersion", "kind", "tenant.id", "organisation.id", "organisation.mode"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not name %s", err, says)
		}
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	if _, err := blueprint.Parse(make([]byte, blueprint.MaxSize+1)); err == nil {
		t.Error("accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := blueprint.Parse(text)
		if (b == nil) == (err == nil) {
			t.Errorf("got %v and %v", b, err)
		}
	})
}
