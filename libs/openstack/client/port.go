package client

import (
	"context"
	"slices"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"

	"github.com/low-layer/platform/libs/openstack/neutron"
)

type addressWire struct {
	SubnetID string `json:"subnet_id"`
	IP       string `json:"ip_address"`
}

type pairWire struct {
	IP string `json:"ip_address"`
}

type portWire struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	ProjectID   string        `json:"project_id"`
	NetworkID   string        `json:"network_id"`
	DeviceID    string        `json:"device_id"`
	DeviceOwner string        `json:"device_owner"`
	Addresses   []addressWire `json:"fixed_ips"`
	Pairs       []pairWire    `json:"allowed_address_pairs"`
	Groups      []string      `json:"security_groups"`
	AdminUp     bool          `json:"admin_state_up"`
	Created     time.Time     `json:"created_at"`
}

func (w portWire) port() neutron.Port {
	return neutron.Port{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, NetworkID: w.NetworkID, DeviceID: w.DeviceID, DeviceOwner: w.DeviceOwner,
		AdminUp: w.AdminUp, Created: w.Created, Groups: sorted(w.Groups), Pairs: mapped(w.Pairs, func(p pairWire) string { return p.IP }),
		Addresses: mapped(w.Addresses, func(a addressWire) neutron.Address {
			return neutron.Address{SubnetID: a.SubnetID, IP: addr(a.IP)}
		}),
	}
}

func portFields() []string {
	return []string{
		"id", "name", "project_id", "network_id", "device_id", "device_owner", "fixed_ips", "allowed_address_pairs", "security_groups",
		"admin_state_up", "created_at",
	}
}

func sorted(of []string) []string {
	if len(of) == 0 {
		return nil
	}
	return slices.Sorted(slices.Values(of))
}

// Ports lists ports.
func (c *Neutron) Ports(ctx context.Context, f neutron.Filter) ([]neutron.Port, error) {
	wires, err := list[portWire](ctx, c, "ports", portFields(), f)
	return mapped(wires, portWire.port), err
}

// Port reads one port.
func (c *Neutron) Port(ctx context.Context, id string) (neutron.Port, error) {
	return one(ctx, c, "read port", "port", portWire.port, func(client *gophercloud.ServiceClient) gophercloud.Result {
		return ports.Get(ctx, client, id).Result
	})
}

// CreatePort makes a port with the addresses and the security groups asked for.
func (c *Neutron) CreatePort(ctx context.Context, p neutron.Port) (neutron.Port, error) {
	groups := append([]string{}, p.Groups...) // the default group comes when the field is not there
	opts := ports.CreateOpts{NetworkID: p.NetworkID, ProjectID: p.ProjectID, Name: p.Name, SecurityGroups: &groups}
	if len(p.Addresses) > 0 { // Neutron refuses null, and chooses when the field is not there
		opts.FixedIPs = mapped(p.Addresses, func(a neutron.Address) ports.IP {
			if !a.IP.IsValid() { // Neutron chooses one
				return ports.IP{SubnetID: a.SubnetID}
			}
			return ports.IP{SubnetID: a.SubnetID, IPAddress: a.IP.String()}
		})
	}
	return one(ctx, c, "create port", "port", portWire.port, func(client *gophercloud.ServiceClient) gophercloud.Result {
		return ports.Create(ctx, client, opts).Result
	})
}

// UpdatePort writes attributes of a port.
func (c *Neutron) UpdatePort(ctx context.Context, p neutron.Port, attributes ...string) (neutron.Port, error) {
	return update(ctx, c, "port", "ports", p.ID, portWire.port, attributes, map[string]any{
		"name": p.Name, "admin_state_up": p.AdminUp, "security_groups": append([]string{}, p.Groups...),
		"fixed_ips":             some(p.Addresses, func(a neutron.Address) addressWire { return addressWire{a.SubnetID, a.IP.String()} }),
		"allowed_address_pairs": some(p.Pairs, func(ip string) pairWire { return pairWire{ip} }),
	})
}

// DeletePort removes a port.
func (c *Neutron) DeletePort(ctx context.Context, id string) error {
	return c.drop(ctx, "delete port", func(client *gophercloud.ServiceClient) error {
		return ports.Delete(ctx, client, id).ExtractErr()
	})
}
