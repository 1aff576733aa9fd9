package hub_test

import (
	"net/netip"
	"testing"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
)

func order() hub.Order {
	o := hub.Order{OrganisationUID: "org_1", ProjectID: "p", Mode: resource.Mutualized}
	o.Name.Tenant, o.Name.Organisation = "acme", "core"
	return o
}

func space() boundary.Boundary {
	return boundary.Boundary{Network: netip.MustParsePrefix("10.64.0.0/12")}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	h, err := order().Resolve("hub_1", space(), []ipam.Allocation{{CIDR: netip.MustParsePrefix("10.64.0.0/22")}})
	if err != nil || h.CIDR.String() != "10.64.4.0/22" || h.Tenant != space().Network || h.Revision != 1 || h.ProjectID != "p" {
		t.Errorf("got %+v, %v", h, err)
	}
	suspended := space()
	suspended.Suspended = true
	if _, err := order().Resolve("hub_1", suspended, nil); errs.ReasonOf(err) != "TENANT_SUSPENDED" {
		t.Errorf("suspended tenant: %v", err)
	}
	modeless := order()
	modeless.Mode = ""
	if _, err := modeless.Resolve("hub_1", space(), nil); errs.ReasonOf(err) != errs.ReasonInvalidFields {
		t.Errorf("no mode: %v", err)
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	h, err := order().Resolve("hub_1", space(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*hub.Order)
		want   string
	}{
		"equal":        {func(*hub.Order) {}, ""},
		"its CIDR":     {func(o *hub.Order) { o.CIDR = h.CIDR.String() }, ""},
		"other CIDR":   {func(o *hub.Order) { o.CIDR = "10.65.0.0/22" }, "HUB_EXISTS"},
		"organisation": {func(o *hub.Order) { o.OrganisationUID = "org_2" }, "HUB_EXISTS"},
		"project":      {func(o *hub.Order) { o.ProjectID = "q" }, "HUB_EXISTS"},
		"mode":         {func(o *hub.Order) { o.Mode = resource.Dedicated }, "HUB_EXISTS"},
	} {
		o := order()
		c.change(&o)
		if err := o.Same(h); errs.ReasonOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	closed, going := hub.Hub{Closed: true}, hub.Hub{}
	going.Status.State = resource.Deleting
	for want, h := range map[string]hub.Hub{"": {}, "ORGANISATION_DELETED": closed, "ORGANISATION_NOT_FOUND": going} {
		if err := h.Open(); errs.ReasonOf(err) != want {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

func TestRoom(t *testing.T) {
	t.Parallel()
	for vpcs, want := range map[int]string{0: "", hub.MaxVpcs - 1: "", hub.MaxVpcs: "VPC_LIMIT_REACHED", hub.MaxVpcs + 1: "VPC_LIMIT_REACHED"} {
		if err := (hub.Hub{}).Room(vpcs); errs.ReasonOf(err) != want {
			t.Errorf("%d VPCs: %v", vpcs, err)
		}
	}
}
