package tenancy

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/low-layer/platform/libs/errs"
)

func order(change func(*CreateOrganisation)) CreateOrganisation {
	in := CreateOrganisation{Tenant: "acme", ID: "core", Mode: Mutualized, VPCs: []VPCOrder{{ID: "dev"}, {ID: "prod"}}}
	change(&in)
	return in
}

func TestOrderValidate(t *testing.T) {
	many := make([]VPCOrder, 33)
	for i := range many {
		many[i] = VPCOrder{ID: "v" + strings.Repeat("x", i+1)}
	}
	for name, c := range map[string]struct {
		change func(*CreateOrganisation)
		fields string
	}{
		"good":                {func(*CreateOrganisation) {}, ""},
		"no vpcs":             {func(in *CreateOrganisation) { in.VPCs = nil }, ""},
		"id":                  {func(in *CreateOrganisation) { in.ID = "-core" }, "organisation_id"},
		"mode missing":        {func(in *CreateOrganisation) { in.Mode = "" }, "organisation.mode"},
		"mode unknown":        {func(in *CreateOrganisation) { in.Mode = "SHARED" }, "organisation.mode"},
		"vpc mode":            {func(in *CreateOrganisation) { in.VPCs[1].Mode = "SHARED" }, "organisation.vpcs[1].mode"},
		"vpc mode of its own": {func(in *CreateOrganisation) { in.VPCs[1].Mode = Dedicated }, ""},
		"vpc id":              {func(in *CreateOrganisation) { in.VPCs[0].ID = "d" }, "organisation.vpcs[0].vpc_id"},
		"vpc id twice":        {func(in *CreateOrganisation) { in.VPCs[1].ID = "dev" }, "organisation.vpcs[1].vpc_id"},
		"vpc too large":       {func(in *CreateOrganisation) { in.VPCs[0].CIDR = "10.64.0.0/15" }, "organisation.vpcs[0].cidr"},
		"vpc too small":       {func(in *CreateOrganisation) { in.VPCs[0].CIDR = "10.64.0.0/27" }, "organisation.vpcs[0].cidr"},
		"hub":                 {func(in *CreateOrganisation) { in.HubCIDR = "10.64.0.1/22" }, "organisation.hub_cidr"},
		"display name":        {func(in *CreateOrganisation) { in.DisplayName = strings.Repeat("é", 121) }, "organisation.display_name"},
		"display name long":   {func(in *CreateOrganisation) { in.DisplayName = strings.Repeat("é", 120) }, ""},
		"label key":           {func(in *CreateOrganisation) { in.Labels = map[string]string{"Env": "x"} }, "organisation.labels"},
		"label value":         {func(in *CreateOrganisation) { in.Labels = map[string]string{"env": strings.Repeat("x", 129)} }, "organisation.labels[env]"},
		"vpc label":           {func(in *CreateOrganisation) { in.VPCs[0].Labels = map[string]string{"": "x"} }, "organisation.vpcs[0].labels"},
		"quota negative":      {func(in *CreateOrganisation) { in.Quota.Cores = -1 }, "organisation.quota.cores"},
		"quota small":         {func(in *CreateOrganisation) { in.Quota.Networks = 4 }, "organisation.quota.networks"},
		"quota enough":        {func(in *CreateOrganisation) { in.Quota.Networks = 5 }, ""},
		"too many vpcs":       {func(in *CreateOrganisation) { in.VPCs = many }, "organisation.vpcs"},
	} {
		t.Run(name, func(t *testing.T) { wantFields(t, order(c.change).check(), c.fields) })
	}
}

func TestOrderNetworks(t *testing.T) {
	acme := Tenant{ID: "acme", NetworkCIDR: "10.64.0.0/12"}
	for name, c := range map[string]struct {
		change         func(*CreateOrganisation)
		reason, fields string
	}{
		"none asked for": {func(*CreateOrganisation) {}, "", ""},
		"apart":          {func(in *CreateOrganisation) { in.HubCIDR, in.VPCs[0].CIDR = "10.64.0.0/22", "10.64.16.0/20" }, "", ""},
		"outside":        {func(in *CreateOrganisation) { in.VPCs[1].CIDR = "10.80.0.0/20" }, "CIDR_OUTSIDE_TENANT", "organisation.vpcs[1].cidr"},
		"larger than the tenant": {
			func(in *CreateOrganisation) { in.HubCIDR = "10.0.0.0/8" }, "CIDR_OUTSIDE_TENANT", "organisation.hub_cidr",
		},
		"overlap": {
			func(in *CreateOrganisation) { in.VPCs[0].CIDR, in.VPCs[1].CIDR = "10.64.0.0/16", "10.64.240.0/20" },
			"CIDR_OVERLAP", "organisation.vpcs[1].cidr",
		},
		"overlap with the hub": {
			func(in *CreateOrganisation) { in.HubCIDR, in.VPCs[0].CIDR = "10.64.0.0/22", "10.64.0.0/20" },
			"CIDR_OVERLAP", "organisation.vpcs[0].cidr",
		},
		"both": {
			func(in *CreateOrganisation) {
				in.HubCIDR, in.VPCs[0].CIDR, in.VPCs[1].CIDR = "10.64.0.0/22", "10.64.0.0/20", "192.168.0.0/20"
			},
			errs.ReasonInvalidFields, "organisation.vpcs[1].cidr organisation.vpcs[0].cidr",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := order(c.change).checkNetworks(acme)
			wantFields(t, err, c.fields)
			if errs.ReasonOf(err) != c.reason {
				t.Errorf("reason %q, want %q", errs.ReasonOf(err), c.reason)
			}
		})
	}
}

func TestTenantCIDR(t *testing.T) {
	for cidr, good := range map[string]bool{
		"": true, "10.0.0.0/8": true, "10.64.0.0/12": true, "172.16.0.0/12": true, "192.168.0.0/16": true, "10.0.0.0/20": true,
		"10.0.0.0/21": false, "10.0.0.0/7": false, "100.64.0.0/16": false, "100.65.0.0/16": false, "100.66.0.0/16": true,
		"100.0.0.0/8": false, "127.0.0.0/16": false, "169.254.0.0/16": false, "240.0.0.0/8": false, "0.0.0.0/8": false,
		"10.64.0.1/12": false, "10.64.0.0": false, "::/8": false, "10.64.0.0/33": false,
	} {
		err := CreateTenant{ID: "acme", NetworkCIDR: cidr}.Validate()
		if (err == nil) != good {
			t.Errorf("%q: %v, want good %t", cidr, err, good)
		}
	}
}

// TestNames shows that Keystone takes every name, and that no two resources share one.
func TestNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[a-z][a-z0-9-]{0,38}[a-z0-9]`).Draw(t, "id")
		uid := rapid.StringMatching(`[0-9a-hjkmnp-tv-z]{26}`).Draw(t, "uid")
		name := CloudName(id, "org_"+uid)
		if len(name) > 64 {
			t.Fatalf("%s has %d characters", name, len(name))
		}
		if !strings.HasPrefix(name, NamePrefix) || !strings.HasSuffix(name, "-"+uid) {
			t.Fatalf("%s is not of the form", name)
		}
	})
}

func TestQuotaDefaults(t *testing.T) {
	defaults := Quota{Cores: 1, RAMMiB: 2, Instances: 3, Networks: 4, Routers: 5, Ports: 6, SecurityGroups: 7}
	got := Quota{Cores: 9, Ports: 8}.Or(defaults)
	want := defaults
	want.Cores, want.Ports = 9, 8
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func wantFields(t *testing.T, err error, want string) {
	t.Helper()
	var got []string
	if e, ok := errs.As(err); ok {
		for _, f := range e.Fields {
			got = append(got, f.Field)
		}
	} else if err != nil {
		t.Fatalf("not a typed error: %v", err)
	}
	if strings.Join(got, " ") != want {
		t.Errorf("fields %v, want %q (%v)", got, want, err)
	}
}
