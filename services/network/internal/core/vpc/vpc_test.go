package vpc_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

func ground() (boundary.Boundary, hub.Hub) {
	b := boundary.Boundary{Tenant: resourcename.Tenant{Tenant: "acme"}, Network: netip.MustParsePrefix("10.64.0.0/12")}
	h := hub.Hub{
		Name: resourcename.Hub{Tenant: "acme", Organisation: "core"}, ProjectID: "p", Mode: resource.Dedicated,
		CIDR: netip.MustParsePrefix("10.64.0.0/22"),
	}
	return b, h
}

func name() resourcename.Vpc {
	return resourcename.Vpc{Tenant: "acme", Organisation: "core", Vpc: "dev"}
}

func TestResolve_takesDefaultsFromTheHub(t *testing.T) {
	b, h := ground()
	taken := []ipam.Allocation{{CIDR: h.CIDR}, {CIDR: netip.MustParsePrefix("100.64.0.0/30")}}
	v, err := vpc.Order{Name: name()}.Resolve("vpc_1", b, h, taken)
	if err != nil {
		t.Fatal(err)
	}
	if v.Mode != resource.Dedicated || v.CIDR.String() != "10.64.16.0/20" || v.Transit.String() != "100.64.0.4/30" || v.ProjectID != "p" || v.HubCIDR != h.CIDR {
		t.Errorf("got %+v", v)
	}
}

func TestResolve_closedParent_isRefused(t *testing.T) {
	b, h := ground()
	suspended, going := b, h
	suspended.Suspended = true
	going.Status.State = resource.Deleting
	for reason, parents := range map[string]struct {
		b boundary.Boundary
		h hub.Hub
	}{"TENANT_SUSPENDED": {suspended, h}, "ORGANISATION_NOT_FOUND": {b, going}} {
		_, err := vpc.Order{Name: name()}.Resolve("vpc_1", parents.b, parents.h, nil)
		if errs.ReasonOf(err) != reason {
			t.Errorf("got %v, want %s", err, reason)
		}
	}
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name string
		in   vpc.RuleInput
		want string // field at fault
	}{
		{"any", vpc.RuleInput{Name: "a", Source: "10.0.0.0/8"}, ""},
		{"icmp", vpc.RuleInput{Name: "a", Protocol: vpc.ICMP, Source: "10.0.0.0/8"}, ""},
		{"one port", vpc.RuleInput{Name: "a", Protocol: vpc.TCP, PortMin: 80, Source: "10.0.0.0/8"}, ""},
		{"icmp with port", vpc.RuleInput{Name: "a", Protocol: vpc.ICMP, PortMin: 8, Source: "10.0.0.0/8"}, "r[0].port_min"},
		{"last port alone", vpc.RuleInput{Name: "a", Protocol: vpc.TCP, PortMax: 80, Source: "10.0.0.0/8"}, "r[0].port_min"},
		{"ports reversed", vpc.RuleInput{Name: "a", Protocol: vpc.UDP, PortMin: 90, PortMax: 80, Source: "10.0.0.0/8"}, "r[0].port_max"},
		{"no source", vpc.RuleInput{Name: "a"}, "r[0].source_cidr"},
		{"host bits", vpc.RuleInput{Name: "a", Source: "10.0.0.1/8"}, "r[0].source_cidr"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := vpc.Rules("r", []vpc.RuleInput{c.in})
			if c.want == "" {
				if err != nil || len(got) != 1 {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			e, ok := errs.As(err)
			if !ok || e.Fields[0].Field != c.want {
				t.Errorf("got %v, want a violation of %s", err, c.want)
			}
		})
	}
	got, err := vpc.Rules("r", []vpc.RuleInput{{Name: "a", Protocol: vpc.TCP, PortMin: 80, Source: "10.0.0.0/8"}})
	if err != nil || got[0].PortMax != 80 {
		t.Errorf("one port is %v, %v", got, err)
	}
	_, err = vpc.Rules("r", []vpc.RuleInput{
		{Name: "a", Protocol: vpc.TCP, PortMin: 80, Source: "10.0.0.0/8"},
		{Name: "a", Protocol: vpc.TCP, PortMin: 80, PortMax: 80, Source: "10.0.0.0/8"},
	})
	e, _ := errs.As(err)
	if e == nil || len(e.Fields) != 2 || e.Fields[0].Field != "r[1].name" || e.Fields[1].Field != "r[1]" {
		t.Errorf("got %v", err)
	}
}

func TestUpdateApply(t *testing.T) {
	t.Parallel()
	b, h := ground()
	rule := vpc.IngressRule{Name: "a", Source: netip.MustParsePrefix("10.0.0.0/8")}
	v, err := vpc.Order{Name: name(), DisplayName: "old", Labels: map[string]string{"a": "1"}, Ingress: []vpc.IngressRule{rule}}.
		Resolve("vpc_1", b, h, nil)
	if err != nil {
		t.Fatal(err)
	}
	u := vpc.Update{DisplayName: "new", Labels: map[string]string{"b": "2"}, Protected: true}
	for path, changed := range map[string]func(vpc.Vpc) bool{
		"display_name":        func(v vpc.Vpc) bool { return v.DisplayName == "new" },
		"labels":              func(v vpc.Vpc) bool { return v.Labels["b"] == "2" && v.Labels["a"] == "" },
		"ingress_rules":       func(v vpc.Vpc) bool { return len(v.Ingress) == 0 },
		"deletion_protection": func(v vpc.Vpc) bool { return v.Protected },
	} {
		got := u.Apply(v, []string{path})
		if !changed(got) || got.Revision != 2 {
			t.Errorf("%s: %+v", path, got)
		}
		if rest := u.Apply(v, nil); changed(rest) {
			t.Errorf("%s changes without its path", path)
		}
	}
	u.Labels["b"] = "3"
	if got := u.Apply(v, []string{"labels"}); got.Labels["b"] != "3" {
		t.Errorf("labels are %v", got.Labels)
	}
	if v.DisplayName != "old" || v.Labels["a"] != "1" || !slices.Equal(v.Ingress, []vpc.IngressRule{rule}) || v.Revision != 1 {
		t.Errorf("Apply changed its argument: %+v", v)
	}
}

func TestChangeable(t *testing.T) {
	t.Parallel()
	v := vpc.Vpc{Meta: resource.Meta{UID: "vpc_1", Revision: 3}, Name: name()}
	going := v
	going.Status.State = resource.Deleting
	for what, c := range map[string]struct {
		v     vpc.Vpc
		etag  string
		wants string
	}{
		"no etag":    {v, "", ""},
		"its etag":   {v, v.Etag(), ""},
		"other etag": {v, "x", errs.ReasonEtagMismatch},
		"deleting":   {going, v.Etag(), "VPC_NOT_FOUND"},
	} {
		if err := c.v.Changeable(c.etag); errs.ReasonOf(err) != c.wants {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestWhole(t *testing.T) {
	t.Parallel()
	for want, cases := range map[bool][]vpc.Vpc{
		true: {
			{Meta: resource.Meta{Status: resource.Status{State: resource.Active}}},
			{Meta: resource.Meta{Status: resource.Status{State: resource.Updating}}},
			{Meta: resource.Meta{Status: resource.Status{State: resource.Blocked}}, Cloud: vpc.Cloud{RouterID: "r"}},
		},
		false: {
			{Meta: resource.Meta{Status: resource.Status{State: resource.Creating}}, Cloud: vpc.Cloud{RouterID: "r"}},
			{Meta: resource.Meta{Status: resource.Status{State: resource.Blocked}}},
		},
	} {
		for _, v := range cases {
			if v.Whole() != want {
				t.Errorf("%s with router %q: Whole is %t", v.Status.State, v.Cloud.RouterID, !want)
			}
		}
	}
}
