package drift_test

import (
	"slices"
	"testing"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/drift"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// small is a hub with one VPC, and a server in the VPC.
type small struct {
	cloud neutron.Snapshot
	owned []drift.Owned
	busy  map[string]bool
}

func newSmall() *small {
	s := &small{busy: map[string]bool{"hub_1": false, "vpc_1": false}}
	s.own("hub", "hub_1", topology.StepRouter, topology.TypeRouter, "hub-router")
	s.own("vpc", "vpc_1", topology.StepNetwork, topology.TypeNetwork, "net")
	s.own("vpc", "vpc_1", topology.StepTransitNetwork, topology.TypeNetwork, "transit")
	s.own("vpc", "vpc_1", topology.StepSubnet, topology.TypeSubnet, "sub")
	s.own("vpc", "vpc_1", topology.StepRouter, topology.TypeRouter, "router")
	s.own("vpc", "vpc_1", topology.StepInterface, topology.TypeInterface, "if")
	s.own("vpc", "vpc_1", topology.StepTransitPort, topology.TypePort, "tp")
	s.own("vpc", "vpc_1", topology.StepGroup, topology.TypeGroup, "group")
	s.cloud = neutron.Snapshot{
		Networks: []neutron.Network{{ID: "net", ProjectID: "p"}, {ID: "transit", ProjectID: "p"}},
		Subnets:  []neutron.Subnet{{ID: "sub", NetworkID: "net", ProjectID: "p"}},
		Routers:  []neutron.Router{{ID: "hub-router", ProjectID: "p"}, {ID: "router", ProjectID: "p"}},
		Ports: []neutron.Port{
			{ID: "if", NetworkID: "net", DeviceID: "router", ProjectID: "p"},
			{ID: "tp", NetworkID: "transit", DeviceID: "router", ProjectID: "p"},
			{ID: "vm", NetworkID: "net", DeviceOwner: "compute:nova", ProjectID: "p"},
			{ID: "dhcp", NetworkID: "net", DeviceOwner: "network:dhcp", ProjectID: "p"},
			{ID: "elsewhere", NetworkID: "other"},
		},
		Groups: []neutron.Group{{ID: "group", ProjectID: "p"}},
	}
	return s
}

func (s *small) own(kind, uid, step, typ, id string) {
	s.owned = append(s.owned, drift.Owned{Kind: kind, ResourceUID: uid, Resource: uid, Tenant: "acme", Step: step, Type: typ, ID: id, Name: id})
}

// odd puts a subnet of others into the VPC, and a router into the project.
func (s *small) odd() {
	s.cloud.Subnets = append(s.cloud.Subnets, neutron.Subnet{ID: "odd", NetworkID: "net"})
	s.cloud.Routers = append(s.cloud.Routers, neutron.Router{ID: "odd", ProjectID: "p"})
}

func TestStrangers_objectsOfOthers_areReported(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(*small)
		// want is the type and the id of each stranger.
		want []string
	}{
		{"none", func(*small) {}, nil},
		{"server on a link", func(s *small) {
			s.cloud.Ports = append(s.cloud.Ports, neutron.Port{ID: "odd", NetworkID: "transit", DeviceOwner: "compute:nova", ProjectID: "p"})
		}, []string{"neutron.port odd"}},
		{"server of another project", func(s *small) { s.cloud.Ports[2].ProjectID = "q" }, []string{"neutron.port vm"}},
		{"router joined elsewhere", func(s *small) { s.cloud.Ports[4].DeviceID = "router" }, []string{"neutron.port elsewhere"}},
		{"subnet of others", func(s *small) { s.cloud.Subnets = append(s.cloud.Subnets, neutron.Subnet{ID: "odd", NetworkID: "net"}) }, []string{"neutron.subnet odd"}},
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
			"neutron.address_scope odd-scope", "neutron.subnetpool odd-pool", "neutron.network odd-net",
			"neutron.router odd-router", "neutron.security_group odd-group", "neutron.subnet odd-sub",
			"neutron.port odd-port",
		}},
		{"made elsewhere", func(s *small) {
			s.cloud.Networks = append(s.cloud.Networks, neutron.Network{ID: "n", ProjectID: "q"}, neutron.Network{ID: "none"})
			s.cloud.Routers = append(s.cloud.Routers, neutron.Router{ID: "r", ProjectID: "q"})
			s.cloud.Groups = append(s.cloud.Groups, neutron.Group{ID: "g", ProjectID: "q"})
		}, nil},
		{"being made or removed at this moment", func(s *small) {
			s.busy["vpc_2"] = true
			s.cloud.Networks = append(s.cloud.Networks, neutron.Network{ID: "n", Name: naming.Object("dev", "network", "vpc_2"), ProjectID: "p"})
			s.cloud.Routers = append(s.cloud.Routers, neutron.Router{ID: "r", Name: "renamed", ProjectID: "p", Tags: naming.Tags("vpc_2", "acme")})
		}, nil},
		{"left behind", func(s *small) {
			s.cloud.Groups = append(s.cloud.Groups, neutron.Group{ID: "g", Name: naming.Object("dev", "vpc", "vpc_2"), ProjectID: "p"})
		}, []string{"neutron.security_group g"}},
		{"worked on", func(s *small) {
			s.odd()
			s.busy["vpc_1"], s.busy["hub_1"] = true, true
		}, nil},
		{"no longer known", func(s *small) {
			s.odd()
			delete(s.busy, "vpc_1")
			delete(s.busy, "hub_1")
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSmall()
			c.damage(s)
			var got []string
			for _, f := range drift.Strangers(&s.cloud, s.owned, s.busy) {
				got = append(got, f.ObjectType+" "+f.ObjectID)
				if f.Detail == "" || f.With.Tenant != "acme" || f.With.Resource == "" {
					t.Errorf("got %+v", f)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
