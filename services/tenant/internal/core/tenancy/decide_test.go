package tenancy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
)

func TestUpdate_setsTheGivenFieldsAlone(t *testing.T) {
	t.Parallel()
	name, labels, on := "New", map[string]string{"env": "prod"}, true
	ten := Tenant{ID: "acme", DisplayName: "Old", Labels: map[string]string{"a": "b"}, Suspended: true}
	if err := (UpdateTenant{DisplayName: &name}).Apply(&ten); err != nil || ten.DisplayName != "New" || ten.Labels["a"] != "b" || ten.Protected {
		t.Errorf("got %+v, %v", ten, err)
	}
	if err := (UpdateTenant{Labels: &labels, Protected: &on}).Apply(&ten); err != nil || ten.DisplayName != "New" || ten.Labels["env"] != "prod" || !ten.Protected {
		t.Errorf("got %+v, %v", ten, err)
	}
	org := Organisation{TenantID: "acme", ID: "core", Quota: Quota{Cores: 1, Ports: 2}}
	cores := func(q Quota) Quota { q.Cores = 9; return q }
	if err := (UpdateOrganisation{Quota: cores, DisplayName: &name}).Apply(&org); err != nil || org.Quota != (Quota{Cores: 9, Ports: 2}) || org.DisplayName != "New" {
		t.Errorf("got %+v, %v", org, err)
	}
}

func TestUpdate_wrongValues_nameTheirFields(t *testing.T) {
	t.Parallel()
	long, labels := strings.Repeat("x", 121), map[string]string{"Bad Key": "x"}
	negative := func(Quota) Quota { return Quota{Cores: -1, Networks: 1} }
	wantFields(t, UpdateTenant{DisplayName: &long, Labels: &labels}.Validate(), "tenant.display_name tenant.labels")
	wantFields(t, UpdateOrganisation{DisplayName: &long, Quota: negative}.Validate(), "organisation.display_name organisation.quota.cores")
	wantFields(t, UpdateTenant{}.Validate(), "")
	wantFields(t, UpdateOrganisation{}.Validate(), "")
}

func TestValidate_quota_defaultsMustSuffice(t *testing.T) {
	t.Parallel()
	defaults := Quota{Networks: 5, Routers: 3, Ports: 7, SecurityGroups: 4} // just enough for two VPCs
	for name, c := range map[string]struct {
		vpcs   int
		quota  Quota
		fields string
	}{
		"as many as fit":      {2, Quota{}, ""},
		"one more":            {3, Quota{}, "organisation.quota.networks organisation.quota.routers organisation.quota.ports organisation.quota.security_groups"},
		"some limits set":     {3, Quota{Networks: 7, Routers: 4}, "organisation.quota.ports organisation.quota.security_groups"},
		"all limits set":      {3, Quota{Networks: 7, Routers: 4, Ports: 10, SecurityGroups: 5}, ""},
		"a limit set too low": {3, Quota{Networks: 6, Routers: 4, Ports: 10, SecurityGroups: 5}, "organisation.quota.networks"},
	} {
		t.Run(name, func(t *testing.T) {
			in := CreateOrganisation{Tenant: "acme", ID: "core", Mode: Mutualized, Quota: c.quota}
			for i := range c.vpcs {
				in.VPCs = append(in.VPCs, VPCOrder{ID: "v" + strings.Repeat("x", i+1)})
			}
			err := in.Validate(defaults)
			wantFields(t, err, c.fields)
			if e, ok := errs.As(err); ok && !strings.Contains(e.Fields[0].Description, "set it") && !strings.Contains(e.Fields[0].Description, "raise it") {
				t.Errorf("no remedy in %q", e.Fields[0].Description)
			}
		})
	}
}

func TestAdmit_order_isWeighedAgainstItsTenant(t *testing.T) {
	t.Parallel()
	ready := Tenant{ID: "acme", NetworkCIDR: DefaultNetworkCIDR, DomainID: "domain", ReadyTime: noon}
	for name, c := range map[string]struct {
		change func(*Tenant)
		taken  bool
		want   string
	}{
		"ready":               {func(*Tenant) {}, false, ""},
		"a taken id":          {func(*Tenant) {}, true, "ORGANISATION_EXISTS"},
		"in the works":        {func(t *Tenant) { t.ReadyTime = time.Time{} }, true, "TENANT_NOT_READY"},
		"without a domain":    {func(t *Tenant) { t.DomainID = "" }, false, "TENANT_NOT_READY"},
		"suspended":           {func(t *Tenant) { t.Suspended = true }, true, "TENANT_SUSPENDED"},
		"deleted":             {func(t *Tenant) { t.DeleteTime = noon }, false, "TENANT_DELETED"},
		"being removed":       {func(t *Tenant) { t.Removing = true }, false, "TENANT_DELETED"},
		"networks do not fit": {func(t *Tenant) { t.NetworkCIDR = "192.168.0.0/16" }, false, "CIDR_OUTSIDE_TENANT"},
	} {
		ten := ready
		c.change(&ten)
		in := CreateOrganisation{Tenant: "acme", ID: "core", Mode: Mutualized, HubCIDR: "10.64.0.0/22"}
		err := in.Admit(ten, c.taken)
		if errs.ReasonOf(err) != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
		if e, ok := errs.As(err); ok && e.Reason == "TENANT_NOT_READY" && e.Retry == 0 {
			t.Errorf("%s: the refusal has no time to retry", name)
		}
	}
}

func TestOpen_placeWithoutCloud_isNotReady(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"":                       Tenant{DomainID: "d"}.Open(),
		"TENANT_NOT_READY":       Tenant{}.Open(),
		"TENANT_SUSPENDED":       Tenant{DomainID: "d", Suspended: true}.Open(),
		"ORGANISATION_NOT_READY": Organisation{}.Open(),
		"ORGANISATION_DELETED":   Organisation{ProjectID: "p", DeleteTime: noon}.Open(),
	} {
		if errs.ReasonOf(err) != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := (Organisation{ProjectID: "p"}).Open(); err != nil {
		t.Errorf("an organisation in the cloud: %v", err)
	}
}

func TestStale_credential_nearItsEndOrOfOtherRoles(t *testing.T) {
	t.Parallel()
	at := DueTimes{Now: noon, CredentialsBefore: noon.Add(time.Hour), CredentialRoles: Roles([]string{"reader", "member", "reader"})}
	if !slices.Equal(at.CredentialRoles, []string{"member", "reader"}) {
		t.Fatalf("roles %v", at.CredentialRoles)
	}
	good := Credential{ExpireTime: noon.Add(2 * time.Hour), Roles: []string{"member", "reader"}}
	for name, c := range map[string]struct {
		change func(*Credential)
		want   bool
	}{
		"good":        {func(*Credential) {}, false},
		"at the end":  {func(c *Credential) { c.ExpireTime = at.CredentialsBefore }, true},
		"a role less": {func(c *Credential) { c.Roles = c.Roles[:1] }, true},
		"unknown":     {func(c *Credential) { c.Roles = nil }, true},
		"none in use": {func(c *Credential) { *c = Credential{} }, false},
	} {
		v := good
		c.change(&v)
		if at.Stale(v) != c.want {
			t.Errorf("%s: stale %t", name, !c.want)
		}
	}
}

func TestNew_resources_startAtRevisionOne(t *testing.T) {
	t.Parallel()
	ten := CreateTenant{ID: "acme", DisplayName: "Acme"}.Tenant("ten_1", noon)
	if ten.NetworkCIDR != DefaultNetworkCIDR || ten.Revision != 1 || !ten.CreateTime.Equal(noon) || ten.Settled() != StateActive || ten.Ready() {
		t.Errorf("got %+v", ten)
	}
	org := CreateOrganisation{Tenant: "acme", ID: "core", VPCs: []VPCOrder{{ID: "dev"}}}.Organisation("org_1", "ten_1", noon)
	if org.Name() != "tenants/acme/organisations/core" || org.TenantName() != "tenants/acme" || org.TenantUID != "ten_1" || org.CredentialGeneration != 1 || org.Revision != 1 {
		t.Errorf("got %+v", org)
	}
}
