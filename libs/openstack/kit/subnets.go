package kit

import (
	"context"
	"net/netip"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// Subnets are Neutron subnets.
type Subnets struct{ provision.Type[neutron.Subnet] }

// NewSubnets are the subnets of a cloud.
func NewSubnets(cloud neutron.Cloud) Subnets {
	return Subnets{provision.Type[neutron.Subnet]{
		Name: neutron.TypeSubnet,
		Attributes: []provision.Attribute[neutron.Subnet]{
			provision.Attr("name", func(s *neutron.Subnet) *string { return &s.Name }),
			provision.Attr("gateway_ip", func(s *neutron.Subnet) *netip.Addr { return &s.Gateway }),
			provision.Attr("enable_dhcp", func(s *neutron.Subnet) *bool { return &s.DHCP }),
			provision.SetAttr("host_routes", func(s *neutron.Subnet) *[]neutron.Route { return &s.HostRoutes }),
			provision.ListAttr("dns_nameservers", func(s *neutron.Subnet) *[]netip.Addr { return &s.DNS }),
			provision.SetAttr("allocation_pools", func(s *neutron.Subnet) *[]neutron.Range { return &s.Pools }),
			provision.Attr("cidr", func(s *neutron.Subnet) *netip.Prefix { return &s.CIDR }).Fixed(),
			provision.Attr("project_id", func(s *neutron.Subnet) *string { return &s.ProjectID }).Fixed(),
			provision.Attr("network_id", func(s *neutron.Subnet) *string { return &s.NetworkID }).Parent(),
		},
		External: func(s neutron.Subnet) provision.External { return provision.External{ID: s.ID, Name: s.Name} },
		Find: func(ctx context.Context, want neutron.Subnet) ([]neutron.Subnet, error) {
			return cloud.Subnets(ctx, neutron.Filter{NetworkID: want.NetworkID, Name: want.Name})
		},
		Read: func(ctx context.Context, ids []string) ([]neutron.Subnet, error) {
			return cloud.Subnets(ctx, byIDs(ids))
		},
		Create: func(ctx context.Context, want neutron.Subnet) (neutron.Subnet, error) {
			return cloud.CreateSubnet(ctx, want)
		},
		Update: cloud.UpdateSubnet,
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return blame(ctx, cloud.DeleteSubnet(ctx, o.ID), "subnet", o, func(ctx context.Context) ([]string, error) {
				found, err := cloud.Subnets(ctx, byIDs([]string{o.ID}))
				if err != nil || len(found) == 0 {
					return nil, err
				}
				return foreignPorts(cloud, neutron.Filter{NetworkID: found[0].NetworkID}, neutron.Port.Describe)(ctx)
			})
		},
	}}
}

// Make is the step that makes a subnet of the network of another step, taken from a subnet pool.
func (t Subnets) Make(s provision.Step, network string, pool Ref, want neutron.Subnet) provision.Step {
	want.Pools = neutron.AllPools(want.CIDR, want.Gateway)
	s.Needs = append([]string{network}, s.Needs...)
	s.Digest = provision.Digest(want.Name, want.CIDR, want.Gateway, want.DHCP)
	return t.Type.Make(provision.Want[neutron.Subnet]{
		Step: s, Object: want,
		Bind: func(_ context.Context, run *provision.Run, want *neutron.Subnet) (err error) {
			want.NetworkID, err = run.Made(network)
			return err
		},
		Complete: func(ctx context.Context, run *provision.Run, want *neutron.Subnet) (err error) {
			want.PoolID, err = pool(ctx, run)
			return err
		},
	})
}
