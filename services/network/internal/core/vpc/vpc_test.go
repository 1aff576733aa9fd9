package vpc_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resourcename"
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

func TestResolveTakesWhatIsNotSaidFromTheHub(t *testing.T) {
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

func TestResolveRefusesClosedParents(t *testing.T) {
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

func TestUpdate(t *testing.T) {
	b, h := ground()
	rule := vpc.IngressRule{Name: "a", Source: netip.MustParsePrefix("10.0.0.0/8")}
	v, err := vpc.Order{Name: name(), DisplayName: "old", Labels: map[string]string{"a": "1"}, Ingress: []vpc.IngressRule{rule}}.
		Resolve("vpc_1", b, h, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		update vpc.Update
		check  func(vpc.Vpc) bool
		reason string
		says   string
	}{
		{"empty mask changes what is set", vpc.Update{DisplayName: "new"}, func(v vpc.Vpc) bool {
			return v.DisplayName == "new" && v.Labels["a"] == "1" && len(v.Ingress) == 1 && v.Revision == 2
		}, "", ""},
		{"mask clears", vpc.Update{Mask: []string{"labels", "ingress_rules"}}, func(v vpc.Vpc) bool {
			return v.DisplayName == "old" && len(v.Labels) == 0 && len(v.Ingress) == 0
		}, "", ""},
		{"star replaces all that can change", vpc.Update{Mask: []string{"*"}}, func(v vpc.Vpc) bool {
			return v.DisplayName == "" && len(v.Labels) == 0 && v.Mode == resource.Dedicated
		}, "", ""},
		{"output fields are passed over", vpc.Update{Mask: []string{"state", "name", "etag"}}, func(v vpc.Vpc) bool { return v.DisplayName == "old" }, "", ""},
		{"the same mode is no change", vpc.Update{Mask: []string{"mode", "cidr"}, Mode: resource.Dedicated, CIDR: v.CIDR.String()}, func(vpc.Vpc) bool { return true }, "", ""},
		{"mode", vpc.Update{Mode: resource.Mutualized}, nil, errs.ReasonInvalidFields, "vpc.mode"},
		{"cidr", vpc.Update{Mask: []string{"cidr"}}, nil, errs.ReasonInvalidFields, "vpc.cidr"},
		{"unknown", vpc.Update{Mask: []string{"colour"}}, nil, errs.ReasonInvalidFields, "colour"},
		{"stale", vpc.Update{Etag: "x"}, nil, errs.ReasonEtagMismatch, "read it again"},
		{"fresh", vpc.Update{Etag: v.Etag(), DisplayName: "n"}, func(v vpc.Vpc) bool { return v.DisplayName == "n" }, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.update.Apply(v)
			if c.reason != "" {
				if errs.ReasonOf(err) != c.reason || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v, want %s saying %q", err, c.reason, c.says)
				}
				return
			}
			if err != nil || !c.check(got) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	if !slices.Equal(v.Ingress, []vpc.IngressRule{rule}) || v.Revision != 1 {
		t.Error("an update changed the VPC it was applied to")
	}
}
