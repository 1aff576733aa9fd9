package openstack

import (
	"context"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	"github.com/low-layer/platform/services/network/internal/core/fabric"
)

type networkWire struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	ProjectID string    `json:"project_id"`
	AdminUp   bool      `json:"admin_state_up"`
	Tags      []string  `json:"tags"`
	Created   time.Time `json:"created_at"`
}

func (w networkWire) network() fabric.Network { return fabric.Network(w) }

func networkFields() []string {
	return []string{"id", "name", "project_id", "admin_state_up", "tags", "created_at"}
}

// Networks lists networks.
func (c *Cloud) Networks(ctx context.Context, f fabric.Filter) ([]fabric.Network, error) {
	wires, err := list[networkWire](ctx, c, "networks", "networks", networkFields(), f)
	return mapped(wires, networkWire.network), err
}

// CreateNetwork makes a network.
func (c *Cloud) CreateNetwork(ctx context.Context, n fabric.Network) (fabric.Network, error) {
	return c.network(ctx, "create network", func(client *gophercloud.ServiceClient) (*networks.Network, error) {
		return networks.Create(ctx, client, networks.CreateOpts{Name: n.Name, ProjectID: n.ProjectID}).Extract()
	})
}

// UpdateNetwork sets name and administrative state.
func (c *Cloud) UpdateNetwork(ctx context.Context, n fabric.Network) (fabric.Network, error) {
	return c.network(ctx, "update network", func(client *gophercloud.ServiceClient) (*networks.Network, error) {
		return networks.Update(ctx, client, n.ID, networks.UpdateOpts{Name: &n.Name, AdminStateUp: &n.AdminUp}).Extract()
	})
}

func (c *Cloud) network(ctx context.Context, what string, call func(*gophercloud.ServiceClient) (*networks.Network, error)) (fabric.Network, error) {
	var got *networks.Network
	err := c.do(ctx, what, func(client *gophercloud.ServiceClient) (err error) {
		got, err = call(client)
		return err
	})
	if err != nil {
		return fabric.Network{}, err
	}
	return fabric.Network{
		ID: got.ID, Name: got.Name, ProjectID: got.ProjectID, AdminUp: got.AdminStateUp, Tags: got.Tags, Created: got.CreatedAt,
	}, nil
}

// DeleteNetwork removes a network.
func (c *Cloud) DeleteNetwork(ctx context.Context, id string) error {
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

func (w subnetWire) subnet() fabric.Subnet {
	return fabric.Subnet{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, NetworkID: w.NetworkID, PoolID: w.PoolID,
		CIDR: prefix(w.CIDR), Gateway: addr(w.GatewayIP), DHCP: w.DHCP,
	}
}

func subnetFields() []string {
	return []string{"id", "name", "project_id", "network_id", "subnetpool_id", "cidr", "gateway_ip", "enable_dhcp"}
}

// Subnets lists subnets.
func (c *Cloud) Subnets(ctx context.Context, f fabric.Filter) ([]fabric.Subnet, error) {
	wires, err := list[subnetWire](ctx, c, "subnets", "subnets", subnetFields(), f)
	return mapped(wires, subnetWire.subnet), err
}

// CreateSubnet makes a subnet with the CIDR asked for, taken from its pool.
func (c *Cloud) CreateSubnet(ctx context.Context, s fabric.Subnet) (fabric.Subnet, error) {
	gateway := s.Gateway.String()
	return c.subnet(ctx, "create subnet", func(client *gophercloud.ServiceClient) (*subnets.Subnet, error) {
		return subnets.Create(ctx, client, subnets.CreateOpts{
			NetworkID: s.NetworkID, ProjectID: s.ProjectID, Name: s.Name, CIDR: s.CIDR.String(), IPVersion: gophercloud.IPv4,
			SubnetPoolID: s.PoolID, GatewayIP: &gateway, EnableDHCP: &s.DHCP,
		}).Extract()
	})
}

// UpdateSubnet sets name, gateway and DHCP.
func (c *Cloud) UpdateSubnet(ctx context.Context, s fabric.Subnet) (fabric.Subnet, error) {
	gateway := s.Gateway.String()
	return c.subnet(ctx, "update subnet", func(client *gophercloud.ServiceClient) (*subnets.Subnet, error) {
		return subnets.Update(ctx, client, s.ID, subnets.UpdateOpts{Name: &s.Name, GatewayIP: &gateway, EnableDHCP: &s.DHCP}).Extract()
	})
}

func (c *Cloud) subnet(ctx context.Context, what string, call func(*gophercloud.ServiceClient) (*subnets.Subnet, error)) (fabric.Subnet, error) {
	var got *subnets.Subnet
	err := c.do(ctx, what, func(client *gophercloud.ServiceClient) (err error) {
		got, err = call(client)
		return err
	})
	if err != nil {
		return fabric.Subnet{}, err
	}
	return fabric.Subnet{
		ID: got.ID, Name: got.Name, ProjectID: got.ProjectID, NetworkID: got.NetworkID, PoolID: got.SubnetPoolID,
		CIDR: prefix(got.CIDR), Gateway: addr(got.GatewayIP), DHCP: got.EnableDHCP,
	}, nil
}

// DeleteSubnet removes a subnet.
func (c *Cloud) DeleteSubnet(ctx context.Context, id string) error {
	return c.drop(ctx, "delete subnet", func(client *gophercloud.ServiceClient) error {
		return subnets.Delete(ctx, client, id).ExtractErr()
	})
}
