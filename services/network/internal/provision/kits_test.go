package provision_test

import (
	"net/netip"
	"testing"

	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/openstack/kit"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
)

// made makes an object by its kit, and checks that the cloud holds every attribute the kit names as it was asked for.
func made[T any](t *testing.T, typ engine.Type[T], want T) string {
	t.Helper()
	is, err := typ.Create(t.Context(), want)
	must(t, err)
	id := typ.External(is).ID
	same(t, typ, id, want)
	found, err := typ.Find(t.Context(), want)
	must(t, err)
	if len(found) != 1 || typ.External(found[0]).ID != id {
		t.Errorf("%s: found %v, made %s", typ.Name, found, id)
	}
	return id
}

// same checks that an object differs from the wanted one in no attribute.
func same[T any](t *testing.T, typ engine.Type[T], id string, want T) {
	t.Helper()
	is, err := typ.Read(t.Context(), []string{id})
	must(t, err)
	if len(is) != 1 {
		t.Fatalf("%s: read %v", typ.Name, is)
	}
	for _, a := range typ.Diff(is[0], want) {
		t.Errorf("%s %s is %+v, want %+v", typ.Name, a.Name, is[0], want)
	}
}

func TestKits_madeInTheCloud_differInNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	project := ids.New("proj")
	scope := made(t, kit.NewScopes(p.cloud).Type, neutron.Scope{Name: "scope"})
	pool := made(t, kit.NewPools(p.cloud).Type, neutron.Pool{Name: "pool", ScopeID: scope, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.64.0.0/12")}})
	networks := kit.NewNetworks(p.cloud)
	network := made(t, networks.Type, neutron.Network{Name: "network", ProjectID: project, AdminUp: true})
	cidr := netip.MustParsePrefix("10.64.16.0/20")
	subnet := made(t, kit.NewSubnets(p.cloud).Type, neutron.Subnet{
		Name: "subnet", ProjectID: project, NetworkID: network, PoolID: pool, CIDR: cidr, Gateway: cidr.Addr().Next(), DHCP: true,
		Pools: neutron.AllPools(cidr, cidr.Addr().Next()),
	})
	made(t, kit.NewPorts(p.cloud).Type, neutron.Port{
		Name: "port", ProjectID: project, NetworkID: network, AdminUp: true,
		Addresses: []neutron.Address{{SubnetID: subnet, IP: netip.MustParseAddr("10.64.16.9")}},
	})
	made(t, kit.NewRouters(p.cloud).Type, neutron.Router{Name: "router", ProjectID: project, AdminUp: true})
	made(t, kit.NewGroups(p.cloud, "").Type, neutron.Group{Name: "group", ProjectID: project})

	want := neutron.Network{ID: network, Name: "renamed", ProjectID: project}
	_, err := networks.Update(t.Context(), want)
	must(t, err)
	same(t, networks.Type, network, want)
}
