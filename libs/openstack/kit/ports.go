package kit

import (
	"context"
	"net/netip"
	"slices"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// Ports are Neutron ports. The port of a router interface goes with the interface; Delete is for one that never joined.
// The port of a server stays when the server is replaced.
type Ports struct{ provision.Type[neutron.Port] }

// NewServerPorts are the ports of servers, whose addresses Neutron chooses.
func NewServerPorts(cloud neutron.Cloud) Ports {
	t := NewPorts(cloud)
	t.Attributes = slices.DeleteFunc(t.Attributes, func(a provision.Attribute[neutron.Port]) bool { return a.Name == "fixed_ips" })
	return t
}

// ForServer is the step that makes the port of a server. Neutron chooses its address.
func (t Ports) ForServer(s provision.Step, network, subnet Ref, groups []Ref, want neutron.Port) provision.Step {
	want.AdminUp = true
	s.Digest = provision.Digest(want.Name, want.ProjectID)
	return t.Type.Make(provision.Want[neutron.Port]{
		Step: s, Object: want,
		Bind: func(ctx context.Context, run *provision.Run, want *neutron.Port) (err error) {
			if want.NetworkID, err = network(ctx, run); err != nil {
				return err
			}
			want.Groups = nil
			for _, g := range groups {
				id, err := g(ctx, run)
				if err != nil {
					return err
				}
				want.Groups = append(want.Groups, id)
			}
			slices.Sort(want.Groups)
			return nil
		},
		Complete: func(ctx context.Context, run *provision.Run, want *neutron.Port) error {
			id, err := subnet(ctx, run)
			want.Addresses = []neutron.Address{{SubnetID: id}}
			return err
		},
	})
}

// NewPorts are the ports of a cloud.
func NewPorts(cloud neutron.Cloud) Ports {
	return Ports{provision.Type[neutron.Port]{
		Name: neutron.TypePort,
		Attributes: []provision.Attribute[neutron.Port]{
			provision.Attr("name", func(p *neutron.Port) *string { return &p.Name }),
			provision.Attr("admin_state_up", func(p *neutron.Port) *bool { return &p.AdminUp }),
			provision.Attr("project_id", func(p *neutron.Port) *string { return &p.ProjectID }).Fixed(),
			provision.SetAttr("fixed_ips", func(p *neutron.Port) *[]neutron.Address { return &p.Addresses }),
			provision.SetAttr("allowed_address_pairs", func(p *neutron.Port) *[]string { return &p.Pairs }),
			provision.SetAttr("security_groups", func(p *neutron.Port) *[]string { return &p.Groups }),
			provision.Attr("network_id", func(p *neutron.Port) *string { return &p.NetworkID }).Parent(),
		},
		External: func(p neutron.Port) provision.External { return provision.External{ID: p.ID, Name: p.Name} },
		Find: func(ctx context.Context, want neutron.Port) ([]neutron.Port, error) {
			return cloud.Ports(ctx, neutron.Filter{NetworkID: want.NetworkID, Name: want.Name})
		},
		Read:   func(ctx context.Context, ids []string) ([]neutron.Port, error) { return cloud.Ports(ctx, byIDs(ids)) },
		Create: func(ctx context.Context, want neutron.Port) (neutron.Port, error) { return cloud.CreatePort(ctx, want) },
		Update: cloud.UpdatePort,
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return cloud.DeletePort(ctx, o.ID)
		},
	}}
}

// Make is the step that makes a port with one address, in the network and the subnet of other steps.
func (t Ports) Make(s provision.Step, network, subnet string, ip netip.Addr, want neutron.Port) provision.Step {
	want.AdminUp = true
	s.Needs = append([]string{network, subnet}, s.Needs...)
	s.Digest = provision.Digest(want.Name, ip)
	return t.Type.Make(provision.Want[neutron.Port]{
		Step: s, Object: want,
		Bind: func(_ context.Context, run *provision.Run, want *neutron.Port) (err error) {
			want.NetworkID, err = run.Made(network)
			return err
		},
		Complete: func(_ context.Context, run *provision.Run, want *neutron.Port) error {
			id, err := run.Made(subnet)
			want.Addresses = []neutron.Address{{SubnetID: id, IP: ip}}
			return err
		},
	})
}
