package main_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
)

const child = `[a-z][a-z0-9-]{0,20}[a-z0-9]`

func TestName_printed_parsesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tenant := rapid.StringMatching(`[a-z][a-z0-9-]{1,20}[a-z0-9]`).Draw(t, "tenant")
		org, leaf := rapid.StringMatching(child).Draw(t, "org"), rapid.StringMatching(child).Draw(t, "leaf")
		same(t, resourcename.Tenant{Tenant: tenant}, resourcename.ParseTenant)
		same(t, resourcename.Organisation{Tenant: tenant, Organisation: org}, resourcename.ParseOrganisation)
		same(t, resourcename.Organisation{Tenant: tenant, Organisation: org}, resourcename.ParseOrganisationOrAll)
		same(t, resourcename.Hub{Tenant: tenant, Organisation: org}, resourcename.ParseHub)
		same(t, resourcename.Vpc{Tenant: tenant, Organisation: org, Vpc: leaf}, resourcename.ParseVpc)
		same(t, resourcename.Peering{Tenant: tenant, Peering: leaf}, resourcename.ParsePeering)
		same(t, resourcename.Receipt{Tenant: tenant, Receipt: ids.New("rcpt_network")}, resourcename.ParseReceipt)
		same(t, resourcename.Operation{Tenant: tenant, Operation: ids.New("op_network")}, resourcename.ParseOperation)
	})
}

func same[N interface {
	comparable
	fmt.Stringer
}](t *rapid.T, name N, parse func(string) (N, error),
) {
	got, err := parse(name.String())
	if err != nil || got != name {
		t.Fatalf("%q parsed to %v, %v", name, got, err)
	}
}

func TestParse_malformedName_isRefused(t *testing.T) {
	for _, s := range []string{
		"", "/", "tenants", "tenants/", "tenants/A", "tenants/ab/", "tenant/acme", "tenants/a_b", "tenants/-ab", "tenants/ab-",
		"tenants/acme/x", "tenants/" + strings.Repeat("a", 41), "tenants/acme\n",
	} {
		if n, err := resourcename.ParseTenant(s); errs.ReasonOf(err) != "INVALID_NAME" {
			t.Errorf("ParseTenant(%q) = %v, %v", s, n, err)
		}
	}
	if _, err := resourcename.ParseVpc("tenants/acme/organisations/-/vpcs/dev"); err == nil {
		t.Error("a wildcard is no VPC's organisation")
	}
	if _, err := resourcename.ParseOperation("tenants/acme/operations/op_x"); err == nil {
		t.Error("op_x is no operation id")
	}
}

func TestParseOrganisationOrAll_wildcard_isTaken(t *testing.T) {
	n, err := resourcename.ParseOrganisationOrAll("tenants/acme/organisations/-")
	if err != nil || n.Organisation != resourcename.Wildcard || n.Tenant != "acme" {
		t.Errorf("got %v, %v", n, err)
	}
	if _, err := resourcename.ParseOrganisation("tenants/acme/organisations/-"); err == nil {
		t.Error("ParseOrganisation took the wildcard")
	}
}

func TestReceipt_service_isInItsID(t *testing.T) {
	if got := (resourcename.Receipt{Tenant: "acme", Receipt: ids.New("rcpt_tenant")}).Service(); got != "tenant" {
		t.Errorf("got %q", got)
	}
	if got := (resourcename.Receipt{Receipt: "x"}).Service(); got != "" {
		t.Errorf("got %q", got)
	}
	if _, err := resourcename.ParseReceipt("tenants/acme/receipts/rcpt_x"); err == nil {
		t.Error("rcpt_x is no receipt id")
	}
}

func TestOperation_service_isInItsID(t *testing.T) {
	op := resourcename.Operation{Tenant: "acme", Operation: ids.New("op_network")}
	if got := op.Service(); got != "network" {
		t.Errorf("got %q", got)
	}
	if got := (resourcename.Operation{Operation: "x"}).Service(); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestParent_ofNestedName_isItsHolder(t *testing.T) {
	v := resourcename.Vpc{Tenant: "acme", Organisation: "core", Vpc: "dev"}
	if got := v.Parent().Parent().String(); got != "tenants/acme" {
		t.Errorf("got %q", got)
	}
	if got := (resourcename.Hub{Tenant: "acme", Organisation: "core"}).Parent().String(); got != "tenants/acme/organisations/core" {
		t.Errorf("got %q", got)
	}
}

func TestParseQuota_ofTenantOrOrganisation(t *testing.T) {
	for name, service := range map[string]string{
		"tenants/acme/quotas/tenant.organisations": "tenant", "tenants/acme/quotas/network.vpcs": "network",
		"tenants/acme/organisations/core/quotas/network.security_groups": "network",
	} {
		q, err := resourcename.ParseQuota(name)
		if err != nil || q.String() != name || q.Service() != service {
			t.Errorf("%s: got %s of %s, %v", name, q, q.Service(), err)
		}
	}
	for _, name := range []string{"", "tenants/acme/quotas/", "tenants/acme/quotas/network.Vpcs", "tenants/acme/organisations/-/quotas/network.ports", "tenants/acme/quota/network.vpcs", "tenants/acme/quotas/vpcs"} {
		if _, err := resourcename.ParseQuota(name); errs.ReasonOf(err) != "INVALID_NAME" {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func FuzzParseQuota(f *testing.F) {
	f.Add("tenants/acme/quotas/network.vpcs")
	f.Add("tenants/acme/organisations/core/quotas/network.security_groups")
	f.Fuzz(func(t *testing.T, s string) {
		if q, err := resourcename.ParseQuota(s); err == nil && q.String() != s {
			t.Errorf("%q prints as %q", s, q)
		}
	})
}
