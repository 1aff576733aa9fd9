package client

import (
	"context"
	"net/netip"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	"github.com/low-layer/platform/libs/openstack/neutron"
)

type networkWire struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	ProjectID string    `json:"project_id"`
	AdminUp   bool      `json:"admin_state_up"`
	Shared    bool      `json:"shared"`
	External  bool      `json:"router:external"`
	Secured   *bool     `json:"port_security_enabled"`
	Tags      []string  `json:"tags"`
	Created   time.Time `json:"created_at"`
}

// network takes port security for on where the cloud does not say: that is how Neutron is without the extension.
func (w networkWire) network() neutron.Network {
	return neutron.Network{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, AdminUp: w.AdminUp, Shared: w.Shared, External: w.External,
		Open: w.Secured != nil && !*w.Secured, Tags: w.Tags, Created: w.Created,
	}
}

func networkFields() []string {
	return []string{
		"id", "name", "project_id", "admin_state_up", "shared", "router:external", "port_security_enabled", "tags", "created_at",
	}
}

// Networks lists networks.
func (c *Neutron) Networks(ctx context.Context, f neutron.Filter) ([]neutron.Network, error) {
	wires, err := list[networkWire](ctx, c, "networks", networkFields(), f)
	return mapped(wires, networkWire.network), err
}

// CreateNetwork makes a network.
func (c *Neutron) CreateNetwork(ctx context.Context, n neutron.Network) (neutron.Network, error) {
	return one(ctx, c, "create network", "network", networkWire.network, func(client *gophercloud.ServiceClient) gophercloud.Result {
		return networks.Create(ctx, client, networks.CreateOpts{Name: n.Name, ProjectID: n.ProjectID}).Result
	})
}

// UpdateNetwork writes attributes of a network.
func (c *Neutron) UpdateNetwork(ctx context.Context, n neutron.Network, attributes ...string) (neutron.Network, error) {
	return update(ctx, c, "network", "networks", n.ID, networkWire.network, attributes, map[string]any{
		"name": n.Name, "admin_state_up": n.AdminUp, "shared": n.Shared, "router:external": n.External, "port_security_enabled": !n.Open,
	})
}

// DeleteNetwork removes a network.
func (c *Neutron) DeleteNetwork(ctx context.Context, id string) error {
	return c.drop(ctx, "delete network", func(client *gophercloud.ServiceClient) error {
		return networks.Delete(ctx, client, id).ExtractErr()
	})
}

type rangeWire struct {
	First string `json:"start"`
	Last  string `json:"end"`
}

type subnetWire struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	ProjectID  string      `json:"project_id"`
	NetworkID  string      `json:"network_id"`
	PoolID     string      `json:"subnetpool_id"`
	CIDR       string      `json:"cidr"`
	GatewayIP  string      `json:"gateway_ip"`
	DHCP       bool        `json:"enable_dhcp"`
	HostRoutes []routeWire `json:"host_routes"`
	DNS        []string    `json:"dns_nameservers"`
	Pools      []rangeWire `json:"allocation_pools"`
}

func (w subnetWire) subnet() neutron.Subnet {
	return neutron.Subnet{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, NetworkID: w.NetworkID, PoolID: w.PoolID,
		CIDR: prefix(w.CIDR), Gateway: addr(w.GatewayIP), DHCP: w.DHCP, HostRoutes: mapped(w.HostRoutes, routeWire.route), DNS: mapped(w.DNS, addr),
		Pools: mapped(w.Pools, func(r rangeWire) neutron.Range { return neutron.Range{First: addr(r.First), Last: addr(r.Last)} }),
	}
}

func subnetFields() []string {
	return []string{
		"id", "name", "project_id", "network_id", "subnetpool_id", "cidr", "gateway_ip", "enable_dhcp", "host_routes", "dns_nameservers",
		"allocation_pools",
	}
}

// Subnets lists subnets.
func (c *Neutron) Subnets(ctx context.Context, f neutron.Filter) ([]neutron.Subnet, error) {
	wires, err := list[subnetWire](ctx, c, "subnets", subnetFields(), f)
	return mapped(wires, subnetWire.subnet), err
}

// CreateSubnet makes a subnet with the CIDR asked for, taken from its pool.
func (c *Neutron) CreateSubnet(ctx context.Context, s neutron.Subnet) (neutron.Subnet, error) {
	gateway := s.Gateway.String()
	return one(ctx, c, "create subnet", "subnet", subnetWire.subnet, func(client *gophercloud.ServiceClient) gophercloud.Result {
		return subnets.Create(ctx, client, subnets.CreateOpts{
			NetworkID: s.NetworkID, ProjectID: s.ProjectID, Name: s.Name, CIDR: s.CIDR.String(), IPVersion: gophercloud.IPv4,
			SubnetPoolID: s.PoolID, GatewayIP: &gateway, EnableDHCP: &s.DHCP,
		}).Result
	})
}

// UpdateSubnet writes attributes of a subnet.
func (c *Neutron) UpdateSubnet(ctx context.Context, s neutron.Subnet, attributes ...string) (neutron.Subnet, error) {
	return update(ctx, c, "subnet", "subnets", s.ID, subnetWire.subnet, attributes, map[string]any{
		"name": s.Name, "gateway_ip": textOf(s.Gateway), "enable_dhcp": s.DHCP, "host_routes": some(s.HostRoutes, wireOfRoute),
		"dns_nameservers":  some(s.DNS, netip.Addr.String),
		"allocation_pools": some(s.Pools, func(r neutron.Range) rangeWire { return rangeWire{r.First.String(), r.Last.String()} }),
	})
}

// DeleteSubnet removes a subnet.
func (c *Neutron) DeleteSubnet(ctx context.Context, id string) error {
	return c.drop(ctx, "delete subnet", func(client *gophercloud.ServiceClient) error {
		return subnets.Delete(ctx, client, id).ExtractErr()
	})
}
