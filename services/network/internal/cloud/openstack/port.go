package openstack

import (
	"context"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/low-layer/platform/services/network/internal/core/fabric"
)

type addressWire struct {
	SubnetID string `json:"subnet_id"`
	IP       string `json:"ip_address"`
}

type portWire struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	ProjectID   string        `json:"project_id"`
	NetworkID   string        `json:"network_id"`
	DeviceID    string        `json:"device_id"`
	DeviceOwner string        `json:"device_owner"`
	Addresses   []addressWire `json:"fixed_ips"`
	AdminUp     bool          `json:"admin_state_up"`
	Created     time.Time     `json:"created_at"`
}

func (w portWire) port() fabric.Port {
	return fabric.Port{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, NetworkID: w.NetworkID, DeviceID: w.DeviceID, DeviceOwner: w.DeviceOwner,
		AdminUp: w.AdminUp, Created: w.Created,
		Addresses: mapped(w.Addresses, func(a addressWire) fabric.Address {
			return fabric.Address{SubnetID: a.SubnetID, IP: addr(a.IP)}
		}),
	}
}

func portFields() []string {
	return []string{
		"id", "name", "project_id", "network_id", "device_id", "device_owner", "fixed_ips", "admin_state_up", "created_at",
	}
}

// Ports lists ports.
func (c *Cloud) Ports(ctx context.Context, f fabric.Filter) ([]fabric.Port, error) {
	wires, err := list[portWire](ctx, c, "ports", "ports", portFields(), f)
	return mapped(wires, portWire.port), err
}

// Port reads one port.
func (c *Cloud) Port(ctx context.Context, id string) (fabric.Port, error) {
	return c.port(ctx, "read port", func(client *gophercloud.ServiceClient) (*ports.Port, error) {
		return ports.Get(ctx, client, id).Extract()
	})
}

// CreatePort makes a port with the addresses asked for and no security group: it is for a router.
func (c *Cloud) CreatePort(ctx context.Context, p fabric.Port) (fabric.Port, error) {
	opts := ports.CreateOpts{NetworkID: p.NetworkID, ProjectID: p.ProjectID, Name: p.Name, SecurityGroups: &[]string{}}
	if len(p.Addresses) > 0 { // Neutron refuses null, and chooses when the field is not there
		opts.FixedIPs = mapped(p.Addresses, func(a fabric.Address) ports.IP {
			return ports.IP{SubnetID: a.SubnetID, IPAddress: a.IP.String()}
		})
	}
	return c.port(ctx, "create port", func(client *gophercloud.ServiceClient) (*ports.Port, error) {
		return ports.Create(ctx, client, opts).Extract()
	})
}

// UpdatePort sets name and administrative state.
func (c *Cloud) UpdatePort(ctx context.Context, p fabric.Port) (fabric.Port, error) {
	return c.port(ctx, "update port", func(client *gophercloud.ServiceClient) (*ports.Port, error) {
		return ports.Update(ctx, client, p.ID, ports.UpdateOpts{Name: &p.Name, AdminStateUp: &p.AdminUp}).Extract()
	})
}

func (c *Cloud) port(ctx context.Context, what string, call func(*gophercloud.ServiceClient) (*ports.Port, error)) (fabric.Port, error) {
	var got *ports.Port
	err := c.do(ctx, what, func(client *gophercloud.ServiceClient) (err error) {
		got, err = call(client)
		return err
	})
	if err != nil {
		return fabric.Port{}, err
	}
	return fabric.Port{
		ID: got.ID, Name: got.Name, ProjectID: got.ProjectID, NetworkID: got.NetworkID, DeviceID: got.DeviceID,
		DeviceOwner: got.DeviceOwner, AdminUp: got.AdminStateUp, Created: got.CreatedAt,
		Addresses: mapped(got.FixedIPs, func(a ports.IP) fabric.Address {
			return fabric.Address{SubnetID: a.SubnetID, IP: addr(a.IPAddress)}
		}),
	}, nil
}

// DeletePort removes a port.
func (c *Cloud) DeletePort(ctx context.Context, id string) error {
	return c.drop(ctx, "delete port", func(client *gophercloud.ServiceClient) error {
		return ports.Delete(ctx, client, id).ExtractErr()
	})
}
