package openstack

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// Observe lists everything that decides who can reach whom, of all projects: seven lists side by side, and an eighth when a
// rule names an address group. A page holds 1000 objects.
func (c *Cloud) Observe(ctx context.Context) (reachability.State, error) {
	var s reachability.State
	var interfaces []observedPort
	err := together(
		observe(ctx, c, "networks", &s.Networks, observedNetwork.network, "id", "name", "project_id", "router:external", "tags"),
		observe(ctx, c, "subnets", &s.Subnets, observedSubnet.subnet, "id", "name", "network_id", "cidr", "gateway_ip", "host_routes"),
		observe(ctx, c, "ports", &interfaces, func(p observedPort) observedPort { return p }, "id", "name", "project_id", "network_id", "device_id",
			"device_owner", "fixed_ips", "allowed_address_pairs", "security_groups", "port_security_enabled", "admin_state_up"),
		observe(ctx, c, "routers", &s.Routers, observedRouter.router, "id", "name", "project_id", "admin_state_up", "routes", "external_gateway_info"),
		observe(ctx, c, "security-groups", &s.Groups, observedGroup.group, "id", "name", "project_id", "stateful", "security_group_rules"),
		observe(ctx, c, "rbac-policies", &s.Shares, observedShare.share, "id", "object_type", "object_id", "action", "target_tenant"),
		observe(ctx, c, "floatingips", &s.Floating, observedFloating.floating, "id", "floating_network_id", "floating_ip_address",
			"router_id", "port_id", "fixed_ip_address"),
	)
	if err != nil {
		return s, err
	}
	s.Ports = mapped(interfaces, observedPort.port)
	if namesAddresses(s.Groups) {
		err = observe(ctx, c, "address-groups", &s.Addresses, observedAddresses.group, "id", "name", "addresses")()
	}
	return s, err
}

func namesAddresses(groups []reachability.Group) bool {
	return slices.ContainsFunc(groups, func(g reachability.Group) bool {
		return slices.ContainsFunc(g.Rules, func(r reachability.Rule) bool { return r.RemoteAddressGroupID != "" })
	})
}

// observe lists one collection.
func observe[W, T any](ctx context.Context, c *Cloud, path string, into *[]T, convert func(W) T, fields ...string) func() error {
	return func() error {
		wires, err := list[W](ctx, c, path, fields)
		*into = mapped(wires, convert)
		return err
	}
}

// together runs what does not depend on one another at the same time.
func together(calls ...func() error) error {
	results := make(chan error, len(calls))
	for _, call := range calls {
		go func() { results <- call() }()
	}
	var all []error
	for range calls {
		all = append(all, <-results)
	}
	return errors.Join(all...)
}

type observedNetwork struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	ProjectID string   `json:"project_id"`
	External  bool     `json:"router:external"`
	Tags      []string `json:"tags"`
}

func (w observedNetwork) network() reachability.Network { return reachability.Network(w) }

type observedSubnet struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	NetworkID  string      `json:"network_id"`
	CIDR       string      `json:"cidr"`
	GatewayIP  string      `json:"gateway_ip"`
	HostRoutes []routeWire `json:"host_routes"`
}

func (w observedSubnet) subnet() reachability.Subnet {
	return reachability.Subnet{
		ID: w.ID, Name: w.Name, NetworkID: w.NetworkID, CIDR: prefix(w.CIDR), Gateway: addr(w.GatewayIP), HostRoutes: mapped(w.HostRoutes, observedRoute),
	}
}

func observedRoute(r routeWire) reachability.Route {
	return reachability.Route{Destination: prefix(r.Destination), NextHop: addr(r.NextHop)}
}

type observedPort struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	ProjectID   string        `json:"project_id"`
	NetworkID   string        `json:"network_id"`
	DeviceID    string        `json:"device_id"`
	DeviceOwner string        `json:"device_owner"`
	Addresses   []addressWire `json:"fixed_ips"`
	Pairs       []struct {
		IP string `json:"ip_address"`
	} `json:"allowed_address_pairs"`
	Groups  []string `json:"security_groups"`
	Secured *bool    `json:"port_security_enabled"`
	AdminUp bool     `json:"admin_state_up"`
}

// port takes port security for on where the cloud does not say: that is how Neutron is without the extension.
func (w observedPort) port() reachability.Port {
	p := reachability.Port{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, NetworkID: w.NetworkID, DeviceID: w.DeviceID, DeviceOwner: w.DeviceOwner,
		GroupIDs: w.Groups, Down: !w.AdminUp, Open: w.Secured != nil && !*w.Secured,
		Addresses: mapped(w.Addresses, func(a addressWire) reachability.Address {
			return reachability.Address{SubnetID: a.SubnetID, IP: addr(a.IP)}
		}),
	}
	for _, pair := range w.Pairs {
		p.Pairs = append(p.Pairs, block(pair.IP))
	}
	return p
}

// block reads an address or a CIDR.
func block(s string) netip.Prefix {
	if ip := addr(s); ip.IsValid() {
		return netip.PrefixFrom(ip, ip.BitLen())
	}
	return prefix(s)
}

type observedRouter struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	ProjectID string      `json:"project_id"`
	AdminUp   bool        `json:"admin_state_up"`
	Routes    []routeWire `json:"routes"`
	Gateway   *struct {
		NetworkID string `json:"network_id"`
		SNAT      *bool  `json:"enable_snat"`
	} `json:"external_gateway_info"`
}

func (w observedRouter) router() reachability.Router {
	r := reachability.Router{ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, Down: !w.AdminUp, Routes: mapped(w.Routes, observedRoute)}
	if w.Gateway != nil && w.Gateway.NetworkID != "" {
		r.Gateway = &reachability.Gateway{NetworkID: w.Gateway.NetworkID, SNAT: w.Gateway.SNAT == nil || *w.Gateway.SNAT}
	}
	return r
}

type observedGroup struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	ProjectID string         `json:"project_id"`
	Stateful  *bool          `json:"stateful"`
	Rules     []observedRule `json:"security_group_rules"`
}

func (w observedGroup) group() reachability.Group {
	return reachability.Group{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, Stateless: w.Stateful != nil && !*w.Stateful, Rules: mapped(w.Rules, observedRule.rule),
	}
}

type observedRule struct {
	ID                   string `json:"id"`
	Description          string `json:"description"`
	Direction            string `json:"direction"`
	EtherType            string `json:"ethertype"`
	Protocol             string `json:"protocol"`
	Min                  *int   `json:"port_range_min"`
	Max                  *int   `json:"port_range_max"`
	Remote               string `json:"remote_ip_prefix"`
	RemoteGroupID        string `json:"remote_group_id"`
	RemoteAddressGroupID string `json:"remote_address_group_id"`
}

func (w observedRule) rule() reachability.Rule {
	return reachability.Rule{
		ID: w.ID, Description: w.Description, Egress: w.Direction == string(neutron.Egress), IPv6: w.EtherType == "IPv6", Protocol: w.Protocol,
		Min: w.Min, Max: w.Max, Remote: prefix(w.Remote), RemoteGroupID: w.RemoteGroupID, RemoteAddressGroupID: w.RemoteAddressGroupID,
	}
}

type observedShare struct {
	ID         string `json:"id"`
	ObjectType string `json:"object_type"`
	ObjectID   string `json:"object_id"`
	Action     string `json:"action"`
	Target     string `json:"target_tenant"`
}

func (w observedShare) share() reachability.Share { return reachability.Share(w) }

type observedFloating struct {
	ID        string `json:"id"`
	NetworkID string `json:"floating_network_id"`
	IP        string `json:"floating_ip_address"`
	RouterID  string `json:"router_id"`
	PortID    string `json:"port_id"`
	Fixed     string `json:"fixed_ip_address"`
}

func (w observedFloating) floating() reachability.FloatingIP {
	return reachability.FloatingIP{ID: w.ID, NetworkID: w.NetworkID, IP: addr(w.IP), RouterID: w.RouterID, PortID: w.PortID, Fixed: addr(w.Fixed)}
}

type observedAddresses struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
}

func (w observedAddresses) group() reachability.AddressGroup {
	return reachability.AddressGroup{ID: w.ID, Name: w.Name, Prefixes: mapped(w.Addresses, block)}
}
