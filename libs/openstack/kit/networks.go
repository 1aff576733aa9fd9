package kit

import (
	"context"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// Networks are Neutron networks.
type Networks struct {
	provision.Type[neutron.Network]
	cloud neutron.Cloud
}

// NewNetworks are the networks of a cloud.
func NewNetworks(cloud neutron.Cloud) Networks {
	return Networks{cloud: cloud, Type: provision.Type[neutron.Network]{
		Name: neutron.TypeNetwork,
		Attributes: []provision.Attribute[neutron.Network]{
			provision.Attr("name", func(n *neutron.Network) *string { return &n.Name }),
			provision.Attr("admin_state_up", func(n *neutron.Network) *bool { return &n.AdminUp }),
			provision.Attr("shared", func(n *neutron.Network) *bool { return &n.Shared }),
			provision.Attr("router:external", func(n *neutron.Network) *bool { return &n.External }),
			provision.Attr("port_security_enabled", func(n *neutron.Network) *bool { return &n.Open }).Inverse(),
			provision.Attr("project_id", func(n *neutron.Network) *string { return &n.ProjectID }).Fixed(),
		},
		External: func(n neutron.Network) provision.External { return provision.External{ID: n.ID, Name: n.Name} },
		Find: func(ctx context.Context, want neutron.Network) ([]neutron.Network, error) {
			return cloud.Networks(ctx, neutron.Filter{Name: want.Name, ProjectID: want.ProjectID})
		},
		Read: func(ctx context.Context, ids []string) ([]neutron.Network, error) {
			return cloud.Networks(ctx, byIDs(ids))
		},
		Create: func(ctx context.Context, want neutron.Network) (neutron.Network, error) {
			return cloud.CreateNetwork(ctx, want)
		},
		Update: cloud.UpdateNetwork,
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return blame(ctx, cloud.DeleteNetwork(ctx, o.ID), "network", o, foreignPorts(cloud, neutron.Filter{NetworkID: o.ID}, neutron.Port.Describe))
		},
	}}
}

// Make is the step that makes a network.
func (n Networks) Make(s provision.Step, want neutron.Network) provision.Step {
	want.AdminUp = true
	s.Digest = provision.Digest(want.Name, want.ProjectID)
	return n.Type.Make(provision.Want[neutron.Network]{Step: s, Object: want})
}

// Tag is the step that sets the tags of the network that another step made.
func (n Networks) Tag(s provision.Step, of string, want []string) provision.Step {
	return tags(n.cloud, n.Type, neutron.TagNetwork, s, of, want, func(o neutron.Network) []string { return o.Tags })
}
