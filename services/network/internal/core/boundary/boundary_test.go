package boundary_test

import (
	"testing"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
)

func order() boundary.Order {
	o := boundary.Order{TenantUID: "ten_1", Network: "10.64.0.0/12"}
	o.Tenant.Tenant = "acme"
	return o
}

func TestResolve(t *testing.T) {
	t.Parallel()
	b, err := order().Resolve("bnd_1")
	if err != nil || b.Network.String() != "10.64.0.0/12" || b.Name() != "tenants/acme/boundary" || b.Revision != 1 {
		t.Errorf("got %+v, %v", b, err)
	}
	for _, network := range []string{"", "10.64.0.0", "10.64.0.1/12", "100.64.0.0/12", "10.64.0.0/24", "fd00::/16"} {
		o := order()
		o.Network = network
		_, err := o.Resolve("bnd_1")
		if e, ok := errs.As(err); !ok || len(e.Fields) != 1 || e.Fields[0].Field != "network_cidr" {
			t.Errorf("network %q: %v", network, err)
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	b, err := order().Resolve("bnd_1")
	if err != nil {
		t.Fatal(err)
	}
	uid, network := order(), order()
	uid.TenantUID, network.Network = "ten_2", "10.80.0.0/12"
	for name, c := range map[string]struct {
		order boundary.Order
		want  string
	}{"equal": {order(), ""}, "tenant": {uid, "BOUNDARY_EXISTS"}, "network": {network, "BOUNDARY_EXISTS"}} {
		if err := c.order.Same(b); errs.ReasonOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	going := boundary.Boundary{}
	going.Status.State = resource.Deleting
	for want, b := range map[string]boundary.Boundary{"": {}, "TENANT_SUSPENDED": {Suspended: true}, "TENANT_NOT_FOUND": going} {
		if err := b.Open(); errs.ReasonOf(err) != want {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
