package drift_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/drift"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/topology"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// small is a hub with one VPC, in sync with the cloud.
type small struct {
	cloud  drift.Snapshot
	owned  []drift.Owned
	wanted drift.Wanted
}

func inSync() *small {
	h := hub.Hub{Name: resourcename.Hub{Tenant: "acme", Organisation: "core"}, ProjectID: "p", CIDR: netip.MustParsePrefix("10.64.0.0/22"), Tenant: netip.MustParsePrefix("10.64.0.0/12")}
	h.UID, h.Cloud.RouterID = "hub_1", "hub-router"
	v := vpc.Vpc{
		Name: resourcename.Vpc{Tenant: "acme", Organisation: "core", Vpc: "dev"}, ProjectID: "p", CIDR: netip.MustParsePrefix("10.64.16.0/20"),
		Transit: netip.MustParsePrefix("100.64.0.0/30"), HubCIDR: h.CIDR,
	}
	v.UID = "vpc_1"
	s := &small{wanted: drift.Wanted{Hubs: []hub.Hub{h}, Vpcs: []vpc.Vpc{v}, Skip: map[string]bool{}}}
	s.own("hub_1", topology.StepRouter, topology.TypeRouter, "hub-router", "hub-router", nil)
	s.own("vpc_1", topology.StepNetwork, topology.TypeNetwork, "net", "net", nil)
	s.own("vpc_1", topology.StepTransitNetwork, topology.TypeNetwork, "transit", "transit", nil)
	s.own("vpc_1", topology.StepSubnet, topology.TypeSubnet, "sub", "sub", nil)
	s.own("vpc_1", topology.StepRouter, topology.TypeRouter, "router", "router", nil)
	s.own("vpc_1", topology.StepInterface, topology.TypeInterface, "if", "", map[string]string{topology.AttrRouter: "router", topology.AttrSubnet: "sub"})
	s.own("vpc_1", topology.StepTransitPort, topology.TypePort, "tp", "tp", nil)
	s.own("vpc_1", topology.StepTransitInterface, topology.TypeInterface, "tp", "", map[string]string{topology.AttrRouter: "router", topology.AttrSubnet: "tsub"})
	s.own("vpc_1", topology.StepHubRoute, topology.TypeRoute, "hr", "", map[string]string{
		topology.AttrRouter: "hub-router", topology.AttrDestination: "10.64.16.0/20", topology.AttrNextHop: "100.64.0.2",
	})
	s.own("vpc_1", topology.StepGroup, topology.TypeGroup, "group", "group", nil)
	tags := naming.Tags("vpc_1", "acme")
	s.cloud = drift.Snapshot{
		Networks: []neutron.Network{{ID: "net", Name: "net", AdminUp: true, Tags: tags}, {ID: "transit", Name: "transit", AdminUp: true, Tags: tags}},
		Subnets:  []neutron.Subnet{{ID: "sub", Name: "sub", NetworkID: "net", CIDR: v.CIDR, Gateway: netip.MustParseAddr("10.64.16.1"), DHCP: true}},
		Routers: []neutron.Router{
			{ID: "hub-router", Name: "hub-router", AdminUp: true, Tags: naming.Tags("hub_1", "acme"), Routes: topology.HubRoutes([]vpc.Vpc{v})},
			{ID: "router", Name: "router", AdminUp: true, Tags: tags, Routes: []neutron.Route{topology.VpcRoute(v)}},
		},
		Ports: []neutron.Port{
			{ID: "if", NetworkID: "net", DeviceID: "router", AdminUp: true},
			{ID: "tp", Name: "tp", NetworkID: "transit", DeviceID: "router", AdminUp: true},
			{ID: "vm", NetworkID: "net", DeviceOwner: "compute:nova", ProjectID: "p", AdminUp: true},
			{ID: "meta", NetworkID: "net", DeviceOwner: "network:distributed", AdminUp: true},
			{ID: "elsewhere", NetworkID: "other", AdminUp: true},
		},
		Groups: []neutron.Group{{ID: "group", Name: "group", Tags: tags, Rules: topology.VpcRules(v)}},
	}
	return s
}

func (s *small) own(uid, step, typ, id, name string, attributes map[string]string) {
	s.owned = append(s.owned, drift.Owned{ResourceUID: uid, Resource: uid, Tenant: "acme", Step: step, Type: typ, ID: id, Name: name, Attributes: attributes})
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(*small)
		// want is kind, type, id and steps of each finding.
		want []string
	}{
		{"in sync", func(*small) {}, nil},
		{"network gone", func(s *small) { s.cloud.Networks = s.cloud.Networks[1:] }, []string{"MISSING neutron.network net network"}},
		{"renamed and off is one finding", func(s *small) { s.cloud.Networks[0].Name, s.cloud.Networks[0].AdminUp = "x", false }, []string{"CHANGED neutron.network net network"}},
		{"tag gone", func(s *small) { s.cloud.Routers[1].Tags = nil }, []string{"CHANGED neutron.router router tag-router"}},
		{"gateway", func(s *small) { s.cloud.Subnets[0].Gateway = netip.Addr{} }, []string{"CHANGED neutron.subnet sub subnet"}},
		{"hub route gone", func(s *small) { s.cloud.Routers[0].Routes = nil }, []string{"CHANGED neutron.router hub-router hub-route"}},
		{"route added", func(s *small) {
			s.cloud.Routers[1].Routes = append(s.cloud.Routers[1].Routes, neutron.Route{Destination: netip.MustParsePrefix("10.64.32.0/20"), NextHop: netip.MustParseAddr("100.64.0.1")})
		}, []string{"CHANGED neutron.router router router"}},
		{"rule gone and rule added", func(s *small) {
			s.cloud.Groups[0].Rules[2].PortMin = 22
		}, []string{"CHANGED neutron.security_group group security-group-rules"}},
		{"interface gone", func(s *small) { s.cloud.Ports = s.cloud.Ports[1:] }, []string{"CHANGED neutron.router router router-interface"}},
		{"port of an interface gone", func(s *small) { s.cloud.Ports = append(s.cloud.Ports[:1:1], s.cloud.Ports[2:]...) }, []string{"MISSING neutron.port tp transit-port"}},
		{"router gone takes its interfaces along", func(s *small) {
			s.cloud.Routers, s.cloud.Ports = s.cloud.Routers[:1], s.cloud.Ports[2:]
			s.owned = append(s.owned[:6:6], s.owned[7:]...)
		}, []string{"MISSING neutron.router router router"}},
		{"hub router gone is the hub's finding", func(s *small) { s.cloud.Routers = s.cloud.Routers[1:] }, []string{"MISSING neutron.router hub-router router"}},
		{"server on a link", func(s *small) {
			s.cloud.Ports = append(s.cloud.Ports, neutron.Port{ID: "odd", NetworkID: "transit", DeviceOwner: "compute:nova", ProjectID: "p"})
		}, []string{"FOREIGN neutron.port odd "}},
		{"server of another project", func(s *small) { s.cloud.Ports[2].ProjectID = "q" }, []string{"FOREIGN neutron.port vm "}},
		{"router joined elsewhere", func(s *small) { s.cloud.Ports[4].DeviceID = "router" }, []string{"FOREIGN neutron.port elsewhere "}},
		{"subnet of others", func(s *small) { s.cloud.Subnets = append(s.cloud.Subnets, neutron.Subnet{ID: "odd", NetworkID: "net"}) }, []string{"FOREIGN neutron.subnet odd "}},
		{"made by hand in our project", func(s *small) {
			s.cloud.Scopes = append(s.cloud.Scopes, neutron.Scope{ID: "odd-scope", ProjectID: "p"})
			s.cloud.Pools = append(s.cloud.Pools, neutron.Pool{ID: "odd-pool", ProjectID: "p"})
			s.cloud.Networks = append(s.cloud.Networks, neutron.Network{ID: "odd-net", Name: "mine", ProjectID: "p"}, neutron.Network{ID: "shared", ProjectID: "q"})
			s.cloud.Routers = append(s.cloud.Routers, neutron.Router{ID: "odd-router", ProjectID: "p"})
			s.cloud.Groups = append(s.cloud.Groups, neutron.Group{ID: "odd-group", ProjectID: "p"}, neutron.Group{ID: "usual", Name: "default", ProjectID: "p"})
			// The finding of a foreign network covers its objects; an object in a network elsewhere has a finding of its own.
			s.cloud.Subnets = append(s.cloud.Subnets, neutron.Subnet{ID: "theirs", NetworkID: "odd-net", ProjectID: "p"}, neutron.Subnet{ID: "odd-sub", NetworkID: "shared", ProjectID: "p"})
			s.cloud.Ports = append(s.cloud.Ports, neutron.Port{ID: "theirs", NetworkID: "odd-net", ProjectID: "p"}, neutron.Port{ID: "odd-port", NetworkID: "shared", ProjectID: "p"})
		}, []string{
			"FOREIGN neutron.address_scope odd-scope ", "FOREIGN neutron.subnetpool odd-pool ", "FOREIGN neutron.network odd-net ",
			"FOREIGN neutron.router odd-router ", "FOREIGN neutron.security_group odd-group ", "FOREIGN neutron.subnet odd-sub ",
			"FOREIGN neutron.port odd-port ",
		}},
		{"made elsewhere", func(s *small) {
			s.cloud.Networks = append(s.cloud.Networks, neutron.Network{ID: "n", ProjectID: "q"}, neutron.Network{ID: "none"})
			s.cloud.Routers = append(s.cloud.Routers, neutron.Router{ID: "r", ProjectID: "q"})
			s.cloud.Groups = append(s.cloud.Groups, neutron.Group{ID: "g", ProjectID: "q"})
		}, nil},
		{"being made or removed at this moment", func(s *small) {
			s.wanted.Skip["vpc_2"] = true
			s.cloud.Networks = append(s.cloud.Networks, neutron.Network{ID: "n", Name: naming.Object("dev", "network", "vpc_2"), ProjectID: "p"})
			s.cloud.Routers = append(s.cloud.Routers, neutron.Router{ID: "r", Name: "renamed", ProjectID: "p", Tags: naming.Tags("vpc_2", "acme")})
		}, nil},
		{"left behind", func(s *small) {
			s.cloud.Groups = append(s.cloud.Groups, neutron.Group{ID: "g", Name: naming.Object("dev", "vpc", "vpc_2"), ProjectID: "p"})
		}, []string{"FOREIGN neutron.security_group g "}},
		{"worked on", func(s *small) {
			s.cloud, s.wanted.Skip = drift.Snapshot{}, map[string]bool{"vpc_1": true, "hub_1": true}
		}, nil},
		{"no longer wanted", func(s *small) { s.cloud, s.wanted = drift.Snapshot{}, drift.Wanted{} }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := inSync()
			c.damage(s)
			var got []string
			for _, f := range drift.Compare(s.cloud, s.owned, s.wanted) {
				got = append(got, string(f.Kind)+" "+f.ObjectType+" "+f.ObjectID+" "+strings.Join(f.Steps, ","))
				if f.Detail == "" || f.Tenant != "acme" || f.Resource == "" {
					t.Errorf("got %+v", f)
				}
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
