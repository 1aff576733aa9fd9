package kittest

import (
	"context"
	"net/netip"
	"slices"

	"github.com/low-layer/platform/libs/openstack/neutron"
)

// damages changes every attribute. The last ones are lasting.
func (s *site) damages() []damage {
	return slices.Concat(s.networkDamages(), s.subnetDamages(), s.portDamages(), s.routerDamages(), s.groupDamages(), s.poolDamages())
}

// change updates one attribute of an object to another value.
func change[T any](
	step, attribute string, update func(context.Context, T, ...string) (T, error), object func(id string) T,
) damage {
	return damage{step: step, attribute: attribute, do: func(ctx context.Context, id string) error {
		_, err := update(ctx, object(id), attribute)
		return err
	}}
}

func (s *site) networkDamages() []damage {
	is := func(attribute string, n neutron.Network) damage {
		return change("network", attribute, s.cloud.UpdateNetwork, func(id string) neutron.Network { n.ID = id; return n })
	}
	return []damage{
		is("name", neutron.Network{Name: "mine"}), is("admin_state_up", neutron.Network{}), is("shared", neutron.Network{Shared: true}),
		is("router:external", neutron.Network{External: true}), is("port_security_enabled", neutron.Network{Open: true}),
		s.untag("network", neutron.TagNetwork),
	}
}

// untag takes the tags from what another step made.
func (s *site) untag(of string, kind neutron.Taggable) damage {
	return damage{step: of + "-tags", attribute: "tags", do: func(ctx context.Context, _ string) error {
		return s.cloud.SetTags(ctx, kind, s.made[of].ID, []string{"mine"})
	}}
}

func (s *site) subnetDamages() []damage {
	is := func(attribute string, x neutron.Subnet) damage {
		return change("subnet", attribute, s.cloud.UpdateSubnet, func(id string) neutron.Subnet { x.ID = id; return x })
	}
	dns := []netip.Addr{netip.MustParseAddr("192.0.2.53")}
	return []damage{
		is("name", neutron.Subnet{Name: "mine"}), is("enable_dhcp", neutron.Subnet{}),
		is("host_routes", neutron.Subnet{HostRoutes: []neutron.Route{{Destination: elsewhere, NextHop: netip.MustParseAddr("10.64.16.7")}}}),
		is("dns_nameservers", neutron.Subnet{DNS: dns}),
		is("allocation_pools", neutron.Subnet{Pools: []neutron.Range{{First: netip.MustParseAddr("10.64.16.100"), Last: netip.MustParseAddr("10.64.16.110")}}}),
		{step: "subnet", attribute: "gateway_ip", again: []string{"interface", "route"}, do: func(ctx context.Context, id string) error {
			// Neutron keeps the gateway of a subnet with a router on it.
			if err := s.detach(ctx); err != nil {
				return err
			}
			_, err := s.cloud.UpdateSubnet(ctx, neutron.Subnet{ID: id, Gateway: netip.MustParseAddr("10.64.16.254"), Pools: []neutron.Range{
				{First: netip.MustParseAddr("10.64.16.2"), Last: netip.MustParseAddr("10.64.16.253")},
			}}, "gateway_ip", "allocation_pools")
			return err
		}},
		{step: "interface", attribute: "interfaces", again: []string{"route"}, do: func(ctx context.Context, _ string) error { return s.detach(ctx) }},
		{step: "interface", attribute: "admin_state_up", do: func(ctx context.Context, _ string) error {
			ports, err := s.cloud.Ports(ctx, neutron.Filter{DeviceID: s.made["router"].ID})
			if err == nil {
				_, err = s.cloud.UpdatePort(ctx, neutron.Port{ID: ports[0].ID}, "admin_state_up")
			}
			return err
		}},
	}
}

// detach takes the router out of the subnet, with the route over it.
func (s *site) detach(ctx context.Context) error {
	if err := s.cloud.RemoveRoutes(ctx, s.made["router"].ID, []neutron.Route{route}); err != nil {
		return err
	}
	return s.cloud.DetachSubnet(ctx, s.made["router"].ID, s.made["subnet"].ID)
}

func (s *site) portDamages() []damage {
	is := func(attribute string, p neutron.Port) damage {
		return change("port", attribute, s.cloud.UpdatePort, func(id string) neutron.Port { p.ID = id; return p })
	}
	return []damage{
		is("name", neutron.Port{Name: "mine"}), is("admin_state_up", neutron.Port{}),
		is("allowed_address_pairs", neutron.Port{Pairs: []string{"192.0.2.9"}}),
		is("security_groups", neutron.Port{Groups: []string{s.made["group"].ID}}),
		is("fixed_ips", neutron.Port{Addresses: []neutron.Address{{SubnetID: s.made["subnet"].ID, IP: netip.MustParseAddr("10.64.16.50")}}}),
	}
}

func (s *site) routerDamages() []damage {
	is := func(attribute string, r neutron.Router) damage {
		return change("router", attribute, s.cloud.UpdateRouter, func(id string) neutron.Router { r.ID = id; return r })
	}
	return []damage{
		is("name", neutron.Router{Name: "mine"}), is("admin_state_up", neutron.Router{}),
		{step: "router", attribute: "external_gateway_info", do: s.openGateway},
		{step: "router", attribute: "routes", do: func(ctx context.Context, id string) error {
			return s.cloud.AddRoutes(ctx, id, []neutron.Route{{Destination: elsewhere, NextHop: netip.MustParseAddr("10.64.16.7")}})
		}},
		{step: "route", attribute: "routes", do: func(ctx context.Context, _ string) error {
			return s.cloud.RemoveRoutes(ctx, s.made["router"].ID, []neutron.Route{route})
		}},
		s.untag("router", neutron.TagRouter),
	}
}

// openGateway gives the router a way to an external network.
func (s *site) openGateway(ctx context.Context, id string) error {
	n, err := s.cloud.CreateNetwork(ctx, neutron.Network{Name: s.name("outside"), ProjectID: s.project})
	if err != nil {
		return err
	}
	s.t.Cleanup(func() {
		if err := s.cloud.DeleteNetwork(context.WithoutCancel(ctx), n.ID); err != nil {
			s.t.Errorf("remove the external network: %v", err)
		}
	})
	if _, err := s.cloud.UpdateNetwork(ctx, neutron.Network{ID: n.ID, External: true}, "router:external"); err != nil {
		return err
	}
	if _, err := s.cloud.CreateSubnet(ctx, neutron.Subnet{
		Name: s.name("outside"), ProjectID: s.project, NetworkID: n.ID, CIDR: elsewhere, Gateway: elsewhere.Addr().Next(),
	}); err != nil {
		return err
	}
	_, err = s.cloud.UpdateRouter(ctx, neutron.Router{ID: id, Gateway: n.ID}, "external_gateway_info")
	return err
}

func (s *site) groupDamages() []damage {
	is := func(attribute string, g neutron.Group) damage {
		return change("group", attribute, s.cloud.UpdateGroup, func(id string) neutron.Group { g.ID = id; return g })
	}
	rule := neutron.Rule{
		ProjectID: s.project, Direction: neutron.Ingress, EtherType: "IPv4", Protocol: "udp", PortMin: 53, PortMax: 53, Remote: elsewhere,
	}
	return []damage{
		is("name", neutron.Group{Name: "mine"}), is("stateful", neutron.Group{Stateless: true}), s.untag("group", neutron.TagGroup),
		{step: "rules", attribute: "security_group_rules", do: func(ctx context.Context, _ string) error {
			rule.GroupID = s.made["group"].ID
			_, err := s.cloud.CreateRules(ctx, []neutron.Rule{rule})
			return err
		}},
		{step: "rules", attribute: "security_group_rules", do: func(ctx context.Context, _ string) error {
			rules, err := s.cloud.Rules(ctx, neutron.Filter{GroupID: s.made["group"].ID})
			for _, r := range rules {
				if r.Direction == neutron.Ingress && err == nil {
					err = s.cloud.DeleteRule(ctx, r.ID)
				}
			}
			return err
		}},
	}
}

func (s *site) poolDamages() []damage {
	pool := func(attribute string, p neutron.Pool) damage {
		return change("pool", attribute, s.cloud.UpdatePool, func(id string) neutron.Pool { p.ID = id; return p })
	}
	scope := func(attribute string, x neutron.Scope) damage {
		return change("scope", attribute, s.cloud.UpdateScope, func(id string) neutron.Scope { x.ID = id; return x })
	}
	wider := pool("prefixes", neutron.Pool{Prefixes: []netip.Prefix{space, netip.MustParsePrefix("10.96.0.0/12")}})
	shared := scope("shared", neutron.Scope{Shared: true})
	wider.lasting, shared.lasting = true, true
	return []damage{
		scope("name", neutron.Scope{Name: "mine"}), pool("name", neutron.Pool{Name: "mine"}),
		pool("address_scope_id", neutron.Pool{ScopeID: s.made["other-scope"].ID}), wider, shared,
	}
}
