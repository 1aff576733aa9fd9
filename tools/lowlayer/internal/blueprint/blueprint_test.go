package blueprint_test

import (
	"errors"
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

func TestParse_shippedBlueprint_succeeds(t *testing.T) {
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
	const rule = "{name: https, protocol: TCP, portMin: 443, sourceCidr: 0.0.0.0/0}"
	cases := map[string]struct{ from, to, says string }{
		"empty":                {good, "", "is empty"},
		"not yaml":             {good, "a: [", "not YAML"},
		"a text":               {good, "hello", `line 1: (file): must hold fields, not "hello"`},
		"a loop":               {good, "vpcs: &a [{labels: *a}]", "vpcs[0].labels: must hold keys with texts, not a list"},
		"unknown field":        {"mode: DEDICATED", "mod: DEDICATED", "line 9: vpcs[1].mod: there is no such field; did you mean mode?"},
		"field of elsewhere":   {"cores: 8", "cpus: 8", "line 5: organisation.quota.cpus: there is no such field; here go cores, ramMib"},
		"wrong type":           {"cores: 8", "cores: many", `line 5: organisation.quota.cores: must be a whole number in decimal digits, not "many"`},
		"a text for a list":    {"ingressRules: [" + rule + "]", "ingressRules: all", `vpcs[1].ingressRules: must hold a list, not "all"`},
		"a list for a text":    {"{id: dev}", "{id: [dev]}", "vpcs[0].id: must be a text, not a list"},
		"twice in a mapping":   {"mode: DEDICATED", "mode: DEDICATED\n    mode: MUTUALIZED", "vpcs[1].mode: stands on line 9 and on line 10"},
		"labels":               {"{id: dev}", "{id: dev, labels: {a: [b]}}", "vpcs[0].labels: each value must be a text"},
		"label key":            {"{id: dev}", "{id: dev, labels: {Stage: test}}", `vpcs[0].labels: the key "Stage"`},
		"display name":         {"{id: dev}", "{id: dev, displayName: " + strings.Repeat("x", 121) + "}", "vpcs[0].displayName: has 121 characters"},
		"version":              {"lowlayer/v1", "lowlayer/v9", "apiVersion: must be lowlayer/v1"},
		"kind":                 {"kind: Blueprint", "kind: Pod", "kind: must be Blueprint"},
		"tenant id":            {"id: acme", "id: A", "tenant.id"},
		"mode missing":         {"mode: MUTUALIZED, ", "", "organisation.mode: must be MUTUALIZED"},
		"mode wrong":           {"mode: DEDICATED", "mode: dedicated", "vpcs[1].mode"},
		"twice":                {"id: prod", "id: dev", "vpcs[1].id: \"dev\" is used twice, vpcs[0] has it too"},
		"no such vpc":          {"peer: prod", "peer: nope", `peerings[0].peer: there is no VPC "nope"`},
		"peered with itself":   {"peer: prod", "peer: dev", "peerings[0].peer: is the same VPC as vpc"},
		"peered twice":         {"peer: prod}", "peer: prod}, {id: prod-dev, vpc: prod, peer: dev}", "peerings[1]: peers the same VPCs as peerings[0]"},
		"protocol":             {"protocol: TCP", "protocol: tcp", "protocol: must be TCP"},
		"second document":      {"peerings:", "---\npeerings:", "one blueprint"},
		"rule without cidr":    {", sourceCidr: 0.0.0.0/0", "", "sourceCidr: is missing"},
		"rule with bad cidr":   {"0.0.0.0/0", "anywhere", `sourceCidr: "anywhere" is not a CIDR`},
		"port":                 {"portMin: 443", "portMin: 70000", "portMin: is 70000; a port is 1 to 65535"},
		"ports swapped":        {"portMin: 443", "portMin: 443, portMax: 80", "portMax: 80 is below portMin 443"},
		"port of icmp":         {"protocol: TCP", "protocol: ICMP", "portMin: ports go with TCP and UDP only"},
		"rule twice":           {rule, rule + ", " + strings.Replace(rule, "https", "web", 1), "ingressRules[1]: allows the same traffic as vpcs[1].ingressRules[0]"},
		"bad cidr":             {"10.0.16.0/20", "10.0.16.0", `vpcs[1].cidr: "10.0.16.0" is not a CIDR; write it like`},
		"host bits":            {"10.0.16.0/20", "10.0.17.0/20", "vpcs[1].cidr: 10.0.17.0/20 has bits set behind its prefix; write 10.0.16.0/20"},
		"size":                 {"10.0.16.0/20", "10.0.16.0/28", "vpcs[1].cidr: 10.0.16.0/28 must be between /16 and /26"},
		"outside":              {"10.0.16.0/20", "10.16.0.0/20", "vpcs[1].cidr: 10.16.0.0/20 is outside of tenant.networkCidr 10.0.0.0/12"},
		"overlap":              {"{id: dev}", "{id: dev, cidr: 10.0.16.0/24}", "vpcs[1].cidr: 10.0.16.0/20 overlaps 10.0.16.0/24 of vpcs[0].cidr"},
		"overlap with the hub": {"{id: core,", "{id: core, hubCidr: 10.0.16.0/22,", "vpcs[1].cidr: 10.0.16.0/20 overlaps 10.0.16.0/22 of organisation.hubCidr"},
		"reserved":             {"10.0.0.0/12", "100.64.0.0/12", "tenant.networkCidr: 100.64.0.0/12 overlaps 100.64.0.0/15"},
		"quota negative":       {"cores: 8", "cores: -8", "organisation.quota.cores: is -8"},
		"quota too small":      {"cores: 8", "routers: 2", "organisation.quota.routers: is 2, but the hub and the 2 VPCs need 3"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := blueprint.Parse([]byte(strings.Replace(good, c.from, c.to, 1)))
			var invalid *blueprint.InvalidError
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
		})
	}
}

// Problems of the shape hide none of the values, and each field has one problem.
func TestParse_manyProblems_reportsAllAtOnce(t *testing.T) {
	_, err := blueprint.Parse([]byte("apiVersion: x\nkind: y\ntenant: {id: [no], name: Acme}\nvpcs: [{id: dev, cidr: 10.0.0.0/33}, {id: dev}]\n"))
	var invalid *blueprint.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	want := []string{
		"line 1: apiVersion", "line 1: organisation.id", "line 1: organisation.mode", "line 2: kind", "line 3: tenant.id: must be a text",
		"line 3: tenant.name: there is no such field", "line 4: vpcs[1].id", "line 4: vpcs[0].cidr",
	}
	if len(invalid.Problems) != len(want) || !strings.Contains(invalid.Summary(), "8 problems; nothing was ordered") {
		t.Errorf("got %v", err)
	}
	for _, says := range want {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %s", err, says)
		}
	}
}

func TestAnchorsAndMerging(t *testing.T) {
	const vpcs = "vpcs:\n  - {id: dev}\n  - id: prod\n    mode: DEDICATED"
	text := strings.Replace(good, vpcs, "vpcs:\n  - &base {id: dev, labels: {a: b}}\n  - <<: *base\n    id: prod\n    mode: DEDICATED", 1)
	b, err := blueprint.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if b.VPCs[1].ID != "prod" || b.VPCs[1].Labels["a"] != "b" {
		t.Errorf("got %+v", b.VPCs)
	}
}

func TestParse_tooLargeFile_fails(t *testing.T) {
	if _, err := blueprint.Parse(make([]byte, blueprint.MaxSize+1)); err == nil {
		t.Error("accepted")
	}
}

func TestParse_valueOfAnotherType_isNotConverted(t *testing.T) {
	cases := map[string]struct{ from, to, says string }{
		"octal port":        {"portMin: 443", "portMin: 0443", `line 11: vpcs[1].ingressRules[0].portMin: must be a whole number without leading zeros, not "0443"; write 443`},
		"many zeros":        {"portMin: 443", "portMin: 00", `not "00"; write 0`},
		"YAML 1.2 octal":    {"portMin: 443", "portMin: 0o673", `portMin: must be a whole number in decimal digits, not "0o673"`},
		"hexadecimal":       {"portMin: 443", "portMin: 0x1bb", "portMin: must be a whole number in decimal digits"},
		"binary":            {"portMin: 443", "portMin: 0b11", "portMin: must be a whole number in decimal digits"},
		"underscores":       {"portMin: 443", "portMin: 4_43", "portMin: must be a whole number in decimal digits"},
		"exponent":          {"portMin: 443", "portMin: 4e2", "portMin: must be a whole number in decimal digits"},
		"quoted number":     {"portMin: 443", `portMin: "443"`, "portMin: must be a whole number in decimal digits"},
		"too large number":  {"portMin: 443", "portMin: 4294967739", "portMin: must be a whole number in decimal digits"},
		"fraction":          {"cores: 8", "cores: 0.5", `line 5: organisation.quota.cores: must be a whole number in decimal digits, not "0.5"`},
		"whole fraction":    {"cores: 8", "cores: 8.0", "organisation.quota.cores: must be a whole number"},
		"yes for true":      {"{id: dev}", "{id: dev, deletionProtection: yes}", `line 7: vpcs[0].deletionProtection: must be true or false, not "yes"`},
		"text for true":     {"{id: dev}", `{id: dev, deletionProtection: "true"}`, "vpcs[0].deletionProtection: must be true or false"},
		"one for true":      {"{id: dev}", "{id: dev, deletionProtection: 1}", "vpcs[0].deletionProtection: must be true or false"},
		"number for a text": {"{id: dev}", "{id: dev, displayName: 1.10}", `line 7: vpcs[0].displayName: must be a text; write "1.10" with its quotes`},
		"bool for a text":   {"{id: dev}", "{id: dev, displayName: true}", `vpcs[0].displayName: must be a text; write "true" with its quotes`},
		"label number":      {"{id: dev}", "{id: dev, labels: {version: 2}}", `line 7: vpcs[0].labels.version: must be a text; write "2" with its quotes`},
		"label key bool":    {"{id: dev}", "{id: dev, labels: {true: a}}", `vpcs[0].labels: must be a text; write "true" with its quotes`},
		"binary tag":        {"{id: dev}", "{id: dev, displayName: !!binary YWJj}", "line 7: vpcs[0].displayName: has the tag !!binary; remove it"},
		"integer tag":       {"cores: 8", `cores: !!int "8"`, "organisation.quota.cores: has the tag !!int; remove it"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := blueprint.Parse([]byte(strings.Replace(good, c.from, c.to, 1)))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

// Texts that only YAML 1.1 reads as another type are texts.
func TestParse_textOfTheCoreSchema_isKept(t *testing.T) {
	for _, text := range []string{"yes", "off", "2026-11-30", "1_000", "12:30:45", `"0443"`} {
		b, err := blueprint.Parse([]byte(strings.Replace(good, "{id: dev}", "{id: dev, displayName: "+text+", deletionProtection: false, labels: {a: "+text+"}}", 1)))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		want := strings.Trim(text, `"`)
		if v := b.VPCs[0]; v.DisplayName != want || v.Labels["a"] != want || v.DeletionProtection == nil || *v.DeletionProtection {
			t.Errorf("%s: got %+v", text, v)
		}
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
