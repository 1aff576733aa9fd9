package peering_test

import (
	"net/netip"
	"testing"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

func end(tenant, id string) vpc.Vpc {
	v := vpc.Vpc{Meta: resource.Meta{UID: "vpc_" + id, Status: resource.Status{State: resource.Active}}}
	v.Name.Tenant, v.Name.Organisation, v.Name.Vpc = tenant, "core", id
	return v
}

func order() peering.Order {
	o := peering.Order{Vpc: end("acme", "dev").Name, Peer: end("acme", "prod").Name}
	o.Name.Tenant, o.Name.Peering = "acme", "link"
	return o
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*peering.Order)
		fields []string
	}{
		"good":             {func(*peering.Order) {}, nil},
		"peer of another":  {func(o *peering.Order) { o.Peer.Tenant = "globex" }, []string{"peering.peer_vpc"}},
		"ends of another":  {func(o *peering.Order) { o.Vpc.Tenant, o.Peer.Tenant = "globex", "globex" }, []string{"peering.vpc", "peering.peer_vpc"}},
		"one VPC for both": {func(o *peering.Order) { o.Peer = o.Vpc }, []string{"peering.peer_vpc"}},
	} {
		o := order()
		c.change(&o)
		var got []string
		if e, ok := errs.As(o.Validate()); ok {
			for _, f := range e.Fields {
				got = append(got, f.Field)
			}
		}
		if len(got) != len(c.fields) {
			t.Errorf("%s: %v, want %v", name, got, c.fields)
			continue
		}
		for i := range got {
			if got[i] != c.fields[i] {
				t.Errorf("%s: %v, want %v", name, got, c.fields)
			}
		}
	}
}

func TestRivals(t *testing.T) {
	t.Parallel()
	o := order()
	for other, want := range map[string]string{"": "", o.Name.String(): "PEERING_EXISTS", "tenants/acme/peerings/other": "PEERING_EXISTS"} {
		if err := o.Rivals(other); errs.ReasonOf(err) != want {
			t.Errorf("%q: %v", other, err)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	a, b := end("acme", "dev"), end("acme", "prod")
	taken := []ipam.Allocation{{CIDR: netip.MustParsePrefix("100.65.0.0/30")}}
	p, err := order().Resolve("peer_1", a, b, taken)
	if err != nil || p.Acceptance != peering.Pending || p.Revision != 1 || p.VpcUID != a.UID || p.PeerUID != b.UID || p.Link.String() != "100.65.0.4/30" {
		t.Errorf("got %+v, %v", p, err)
	}
	going := b
	going.Status.State = resource.Deleting
	for name, ends := range map[string][2]vpc.Vpc{"asking": {going, a}, "asked": {a, going}} {
		if _, err := order().Resolve("peer_1", ends[0], ends[1], nil); errs.ReasonOf(err) != "VPC_NOT_FOUND" {
			t.Errorf("%s VPC deleting: %v", name, err)
		}
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	pending := peering.Peering{Meta: resource.Meta{UID: "peer_1", Revision: 1}, Acceptance: peering.Pending}
	got, err := pending.Accept()
	if err != nil || got.Acceptance != peering.Accepted || got.Revision != 2 || got.Etag() == pending.Etag() {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := got.Accept(); errs.ReasonOf(err) != "PEERING_NOT_PENDING" {
		t.Errorf("accepted twice: %v", err)
	}
	going := pending
	going.Status.State = resource.Deleting
	if _, err := going.Accept(); errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("deleting: %v", err)
	}
}
