package conformance

import (
	"net/http"
	"slices"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/addressscopes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/extraroutes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/subnetpools"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
)

func checkSubnet(_ *testing.T, e *env) {
	tn := e.tenant("subnet")
	n := e.net(tn, "n")
	s := e.subnet(tn, subnets.CreateOpts{NetworkID: n.ID, CIDR: "10.64.0.0/24"})
	e.check(s.GatewayIP == "10.64.0.1", "gateway: %s", s.GatewayIP)
	e.check(slices.Equal(s.AllocationPools, []subnets.AllocationPool{{Start: "10.64.0.2", End: "10.64.0.254"}}),
		"allocation pools: %+v", s.AllocationPools)
	bare := e.subnet(tn, subnets.CreateOpts{NetworkID: n.ID, CIDR: "100.64.0.0/28", GatewayIP: ptr(""), EnableDHCP: ptr(false)})
	e.check(bare.GatewayIP == "" && !bare.EnableDHCP, "without gateway: %+v", bare)
	e.check(slices.Equal(bare.AllocationPools, []subnets.AllocationPool{{Start: "100.64.0.1", End: "100.64.0.14"}}),
		"allocation pools: %+v", bare.AllocationPools)
	for _, c := range []struct {
		what, cidr, word string
		status           int
	}{
		{"overlap", "10.64.0.128/25", "overlaps with another subnet", http.StatusBadRequest},
		{"nonsense", "10.65.0.0/99", "is not in a CIDR format", http.StatusBadRequest},
	} {
		_, err := subnets.Create(e.ctx(), e.network, subnets.CreateOpts{
			NetworkID: n.ID, CIDR: c.cidr, IPVersion: 4, ProjectID: tn.projectID,
		}).Extract()
		e.wants(c.what, err, c.status, c.word)
	}
	bits := e.subnet(tn, subnets.CreateOpts{NetworkID: n.ID, CIDR: "10.65.0.7/24"})
	e.check(bits.CIDR == "10.65.0.0/24", "host bits are dropped: %s", bits.CIDR)
	got, err := networks.Get(e.ctx(), e.network, n.ID).Extract()
	e.must("get network", err)
	e.check(len(got.Subnets) == 3, "subnets of the network: %v", got.Subnets)
}

func checkSubnetPool(_ *testing.T, e *env) {
	a, b := e.tenant("pool-a"), e.tenant("pool-b")
	scope := e.scope(a)
	pool := e.pool(a, scope.ID, "10.64.0.0/24")
	_, err := subnetpools.Create(e.ctx(), e.network, e.poolOpts(a, scope.ID, "10.64.0.0/25")).Extract()
	e.wants("overlap in the scope", err, http.StatusConflict, "AddressScopePrefixConflict")
	other := e.scope(b)
	e.pool(b, other.ID, "10.64.0.0/24") // the same prefix in a scope of its own
	e.wants("delete a scope in use", addressscopes.Delete(e.ctx(), e.network, scope.ID).ExtractErr(),
		http.StatusConflict, "AddressScopeInUse")

	n := e.net(a, "n")
	first := e.subnet(a, subnets.CreateOpts{NetworkID: n.ID, SubnetPoolID: pool.ID, Prefixlen: 26})
	asked := e.subnet(a, subnets.CreateOpts{NetworkID: n.ID, SubnetPoolID: pool.ID, CIDR: "10.64.0.128/26"})
	deflt := e.subnet(a, subnets.CreateOpts{NetworkID: n.ID, SubnetPoolID: pool.ID})
	e.check(first.CIDR == "10.64.0.0/26" && asked.CIDR == "10.64.0.128/26", "allocated %s, asked for %s", first.CIDR, asked.CIDR)
	e.check(deflt.CIDR == "10.64.0.64/26" || deflt.CIDR == "10.64.0.192/26", "default length: %s", deflt.CIDR)
	for _, c := range []struct {
		what string
		opts subnets.CreateOpts
		word string
	}{
		{"too long", subnets.CreateOpts{Prefixlen: 29}, "maximum allowed prefix is 28"},
		{"too short", subnets.CreateOpts{Prefixlen: 20}, "minimum allowed prefix is 24"},
	} {
		c.opts.NetworkID, c.opts.SubnetPoolID, c.opts.IPVersion, c.opts.ProjectID = n.ID, pool.ID, 4, a.projectID
		_, err := subnets.Create(e.ctx(), e.network, c.opts).Extract()
		e.wants(c.what, err, http.StatusBadRequest, c.word)
	}
	for _, opts := range []subnets.CreateOpts{{CIDR: "10.64.0.0/27"}, {CIDR: "10.99.0.0/26"}, {Prefixlen: 24}} {
		opts.NetworkID, opts.SubnetPoolID, opts.IPVersion, opts.ProjectID = e.net(a, "m").ID, pool.ID, 4, a.projectID
		_, err := subnets.Create(e.ctx(), e.network, opts).Extract()
		e.check(err != nil, "the pool has no room for %+v", opts)
	}
	e.wants("delete a pool in use", subnetpools.Delete(e.ctx(), e.network, pool.ID).ExtractErr(),
		http.StatusBadRequest, "SubnetPoolDeleteError")
}

func checkPort(_ *testing.T, e *env) {
	tn := e.tenant("port")
	n := e.net(tn, "n")
	s := e.subnet(tn, subnets.CreateOpts{NetworkID: n.ID, CIDR: "10.64.0.0/29"})
	fixed := e.port(tn, ports.CreateOpts{NetworkID: n.ID, FixedIPs: []ports.IP{{SubnetID: s.ID, IPAddress: "10.64.0.5"}}})
	e.check(fixed.FixedIPs[0].IPAddress == "10.64.0.5" && fixed.Status == "DOWN", "port: %+v", fixed)
	e.check(len(fixed.SecurityGroups) == 1, "a port gets the default group: %v", fixed.SecurityGroups)
	_, err := ports.Create(e.ctx(), e.network, ports.CreateOpts{
		NetworkID: n.ID, ProjectID: tn.projectID, FixedIPs: []ports.IP{{SubnetID: s.ID, IPAddress: "10.64.0.5"}},
	}).Extract()
	e.wants("an address twice", err, http.StatusConflict, "10.64.0.5")
	_, err = ports.Create(e.ctx(), e.network, ports.CreateOpts{
		NetworkID: n.ID, ProjectID: tn.projectID, FixedIPs: []ports.IP{{SubnetID: s.ID, IPAddress: "10.65.0.5"}},
	}).Extract()
	e.wants("an address from elsewhere", err, http.StatusBadRequest, "10.65.0.5")
	auto := e.port(tn, ports.CreateOpts{NetworkID: n.ID, DeviceID: "dev-" + e.suffix})
	e.check(len(auto.FixedIPs) == 1 && auto.FixedIPs[0].SubnetID == s.ID, "allocated: %+v", auto.FixedIPs)
	pages, err := ports.List(e.network, ports.ListOpts{DeviceID: "dev-" + e.suffix}).AllPages(e.ctx())
	e.must("list ports", err)
	found, err := ports.ExtractPorts(pages)
	e.must("read ports", err)
	e.check(len(found) == 1 && found[0].ID == auto.ID, "by device: %+v", found)
	pages, err = ports.List(e.network, ports.ListOpts{
		NetworkID: n.ID, FixedIPs: []ports.FixedIPOpts{{IPAddress: "10.64.0.5"}},
	}).AllPages(e.ctx())
	e.must("list ports by address", err)
	found, err = ports.ExtractPorts(pages)
	e.must("read ports", err)
	e.check(len(found) == 1 && found[0].ID == fixed.ID, "by address: %+v", found)
}

func checkRouterInterface(_ *testing.T, e *env) {
	tn := e.tenant("iface")
	n, m := e.net(tn, "n"), e.net(tn, "m")
	s := e.subnet(tn, subnets.CreateOpts{NetworkID: n.ID, CIDR: "10.64.0.0/24"})
	over := e.subnet(tn, subnets.CreateOpts{NetworkID: m.ID, CIDR: "10.64.0.0/25"})
	r := e.router(tn, "r")
	i := e.attach(r.ID, routers.AddInterfaceOpts{SubnetID: s.ID})
	p, err := ports.Get(e.ctx(), e.network, i.PortID).Extract()
	e.must("get the interface port", err)
	e.check(p.DeviceOwner == "network:router_interface" && p.DeviceID == r.ID && p.FixedIPs[0].IPAddress == "10.64.0.1",
		"interface port: %+v", p)
	_, err = routers.AddInterface(e.ctx(), e.network, r.ID, routers.AddInterfaceOpts{SubnetID: s.ID}).Extract()
	e.wants("the subnet twice", err, http.StatusBadRequest, "already has a port on subnet")
	_, err = routers.AddInterface(e.ctx(), e.network, r.ID, routers.AddInterfaceOpts{SubnetID: over.ID}).Extract()
	e.wants("an overlapping subnet", err, http.StatusBadRequest, "overlaps")
	e.wants("delete the port", ports.Delete(e.ctx(), e.network, p.ID).ExtractErr(), http.StatusConflict, "ServicePortInUse")

	r2 := e.router(tn, "r2")
	_, err = routers.AddInterface(e.ctx(), e.network, r2.ID, routers.AddInterfaceOpts{SubnetID: s.ID}).Extract()
	e.check(gophercloud.ResponseCodeIs(err, http.StatusConflict) || gophercloud.ResponseCodeIs(err, http.StatusBadRequest),
		"the gateway address is taken: %v", err)
	own := e.port(tn, ports.CreateOpts{NetworkID: n.ID, FixedIPs: []ports.IP{{SubnetID: s.ID, IPAddress: "10.64.0.9"}}})
	e.attach(r2.ID, routers.AddInterfaceOpts{PortID: own.ID})
	_, err = routers.AddInterface(e.ctx(), e.network, r.ID, routers.AddInterfaceOpts{PortID: own.ID}).Extract()
	e.wants("a port that is attached", err, http.StatusConflict, "PortInUse")
	_, err = routers.RemoveInterface(e.ctx(), e.network, r2.ID, routers.RemoveInterfaceOpts{SubnetID: over.ID}).Extract()
	e.wants("remove what is not there", err, http.StatusNotFound, "RouterInterfaceNotFoundForSubnet")
	_, err = routers.RemoveInterface(e.ctx(), e.network, r2.ID, routers.RemoveInterfaceOpts{SubnetID: s.ID}).Extract()
	e.must("remove the adopted port", err)
	_, err = ports.Get(e.ctx(), e.network, own.ID).Extract()
	e.wants("the adopted port goes with its interface", err, http.StatusNotFound, "PortNotFound")
}

func checkRoutes(_ *testing.T, e *env) {
	tn := e.tenant("routes")
	n := e.net(tn, "transit")
	s := e.subnet(tn, subnets.CreateOpts{NetworkID: n.ID, CIDR: "100.64.0.0/28", GatewayIP: ptr(""), EnableDHCP: ptr(false)})
	r := e.router(tn, "r")
	own := e.port(tn, ports.CreateOpts{NetworkID: n.ID, FixedIPs: []ports.IP{{SubnetID: s.ID, IPAddress: "100.64.0.1"}}})
	e.attach(r.ID, routers.AddInterfaceOpts{PortID: own.ID})
	route := func(dest, hop string) *[]routers.Route {
		return &[]routers.Route{{DestinationCIDR: dest, NextHop: hop}}
	}
	for _, hop := range []string{"10.9.9.9", "100.64.0.1"} {
		_, err := routers.Update(e.ctx(), e.network, r.ID, routers.UpdateOpts{Routes: route("10.64.1.0/24", hop)}).Extract()
		e.wants("next hop "+hop, err, http.StatusBadRequest, "InvalidRoutes")
	}
	_, err := routers.Update(e.ctx(), e.network, r.ID, routers.UpdateOpts{Routes: route("10.64.1.0/24", "100.64.0.2")}).Extract()
	e.must("set routes", err)
	for range 2 { // adding what is there changes nothing
		got, err := extraroutes.Add(e.ctx(), e.network, r.ID, extraroutes.Opts{Routes: route("10.64.2.0/24", "100.64.0.3")}).Extract()
		e.must("add a route", err)
		e.check(len(got.Routes) == 2, "routes: %+v", got.Routes)
	}
	_, err = routers.RemoveInterface(e.ctx(), e.network, r.ID, routers.RemoveInterfaceOpts{SubnetID: s.ID}).Extract()
	e.wants("remove an interface that routes need", err, http.StatusConflict, "RouterInterfaceInUseByRoute")
	for range 2 {
		got, err := extraroutes.Remove(e.ctx(), e.network, r.ID, extraroutes.Opts{Routes: route("10.64.1.0/24", "100.64.0.2")}).Extract()
		e.must("remove a route", err)
		e.check(len(got.Routes) == 1 && got.Routes[0].NextHop == "100.64.0.3", "routes: %+v", got.Routes)
	}
}

func checkDeleteConflicts(_ *testing.T, e *env) {
	tn := e.tenant("conflict")
	n := e.net(tn, "n")
	s := e.subnet(tn, subnets.CreateOpts{NetworkID: n.ID, CIDR: "10.64.0.0/24"})
	r := e.router(tn, "r")
	e.attach(r.ID, routers.AddInterfaceOpts{SubnetID: s.ID})
	e.wants("network", networks.Delete(e.ctx(), e.network, n.ID).ExtractErr(), http.StatusConflict, "NetworkInUse")
	e.wants("subnet", subnets.Delete(e.ctx(), e.network, s.ID).ExtractErr(), http.StatusConflict, "SubnetInUse")
	e.wants("router", routers.Delete(e.ctx(), e.network, r.ID).ExtractErr(), http.StatusConflict, "RouterInUse")
}
