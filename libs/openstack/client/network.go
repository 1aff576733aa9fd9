package client

import (
	"context"
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
	Tags      []string  `json:"tags"`
	Created   time.Time `json:"created_at"`
}

func (w networkWire) network() neutron.Network { return neutron.Network(w) }

func networkFields() []string {
	return []string{"id", "name", "project_id", "admin_state_up", "tags", "created_at"}
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

// UpdateNetwork sets name and administrative state.
func (c *Neutron) UpdateNetwork(ctx context.Context, n neutron.Network) (neutron.Network, error) {
	return one(ctx, c, "update network", "network", networkWire.network, func(client *gophercloud.ServiceClient) gophercloud.Result {
		return networks.Update(ctx, client, n.ID, networks.UpdateOpts{Name: &n.Name, AdminStateUp: &n.AdminUp}).Result
	})
}

// DeleteNetwork removes a network.
func (c *Neutron) DeleteNetwork(ctx context.Context, id string) error {
	return c.drop(ctx, "delete network", func(client *gophercloud.ServiceClient) error {
		return networks.Delete(ctx, client, id).ExtractErr()
	})
}

type subnetWire struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	ProjectID string `json:"project_id"`
	NetworkID string `json:"network_id"`
	PoolID    string `json:"subnetpool_id"`
	CIDR      string `json:"cidr"`
	GatewayIP string `json:"gateway_ip"`
	DHCP      bool   `json:"enable_dhcp"`
}

func (w subnetWire) subnet() neutron.Subnet {
	return neutron.Subnet{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, NetworkID: w.NetworkID, PoolID: w.PoolID,
		CIDR: prefix(w.CIDR), Gateway: addr(w.GatewayIP), DHCP: w.DHCP,
	}
}

func subnetFields() []string {
	return []string{"id", "name", "project_id", "network_id", "subnetpool_id", "cidr", "gateway_ip", "enable_dhcp"}
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

// UpdateSubnet sets name, gateway and DHCP.
func (c *Neutron) UpdateSubnet(ctx context.Context, s neutron.Subnet) (neutron.Subnet, error) {
	gateway := s.Gateway.String()
	return one(ctx, c, "update subnet", "subnet", subnetWire.subnet, func(client *gophercloud.ServiceClient) gophercloud.Result {
		return subnets.Update(ctx, client, s.ID, subnets.UpdateOpts{Name: &s.Name, GatewayIP: &gateway, EnableDHCP: &s.DHCP}).Result
	})
}

// DeleteSubnet removes a subnet.
func (c *Neutron) DeleteSubnet(ctx context.Context, id string) error {
	return c.drop(ctx, "delete subnet", func(client *gophercloud.ServiceClient) error {
		return subnets.Delete(ctx, client, id).ExtractErr()
	})
}
