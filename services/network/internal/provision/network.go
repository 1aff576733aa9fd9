package provision

import (
	"context"
	"net/netip"

	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// networkStep makes a network.
func (k *Kit) networkStep(step, title, name, project string) engine.Step {
	want := neutron.Network{Name: name, ProjectID: project, AdminUp: true}
	return engine.Step{
		Name: step, Title: title, Object: topology.TypeNetwork, Digest: digest(name, project),
		Observe: func(ctx context.Context, run *engine.Run) ([]engine.External, error) {
			return lookFor(ctx, run, neutron.Filter{Name: name, ProjectID: project}, k.cloud.Networks, networkExternal)
		},
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			if had, ok := run.Existing(); ok {
				found, err := k.cloud.Networks(ctx, neutron.Filter{IDs: []string{had.ID}})
				if err != nil {
					return engine.External{}, err
				}
				if len(found) > 0 {
					return k.mendNetwork(ctx, found[0], want)
				}
			}
			made, err := k.cloud.CreateNetwork(ctx, want)
			return networkExternal(made), err
		},
	}
}

func (k *Kit) mendNetwork(ctx context.Context, is, want neutron.Network) (engine.External, error) {
	if is.Name == want.Name && is.AdminUp {
		return networkExternal(is), nil
	}
	is.Name, is.AdminUp = want.Name, true
	_, err := k.cloud.UpdateNetwork(ctx, is)
	return networkExternal(is), err
}

func networkExternal(n neutron.Network) engine.External {
	return engine.External{ID: n.ID, Name: n.Name}
}

func (k *Kit) networkEnd() engine.Object {
	return engine.Object{
		Type: topology.TypeNetwork,
		Delete: func(ctx context.Context, _ *engine.Run, o engine.External) error {
			return k.blame(ctx, k.cloud.DeleteNetwork(ctx, o.ID), "network", o, neutron.Filter{NetworkID: o.ID})
		},
		Gone: func(ctx context.Context, _ *engine.Run, of []engine.External) ([]engine.External, error) {
			listed, err := k.cloud.Networks(ctx, neutron.Filter{IDs: ids(of)})
			return still(of, listed, func(n neutron.Network) string { return n.ID }), err
		},
	}
}

// subnetPlan is a subnet but for the ids that are known only when it is made.
type subnetPlan struct {
	name, project string
	network       string // step that makes its network
	cidr          netip.Prefix
	gateway       netip.Addr
	dhcp          bool
	// pool answers the subnet pool it is taken from.
	pool func(ctx context.Context) (string, error)
}

// subnetStep makes a subnet of a network, taken from the tenant's pool.
func (k *Kit) subnetStep(step, title string, p subnetPlan, after ...string) engine.Step {
	return engine.Step{
		Name: step, Title: title, Needs: append([]string{p.network}, after...), Object: topology.TypeSubnet,
		Digest: digest(p.name, p.cidr, p.gateway, p.dhcp),
		Observe: func(ctx context.Context, run *engine.Run) ([]engine.External, error) {
			network, ok := run.Object(p.network)
			if !ok {
				return nil, nil
			}
			return lookFor(ctx, run, neutron.Filter{NetworkID: network.ID, Name: p.name}, k.cloud.Subnets, subnetExternal)
		},
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			network, err := need(run, p.network)
			if err != nil {
				return engine.External{}, err
			}
			want := neutron.Subnet{
				Name: p.name, ProjectID: p.project, NetworkID: network, CIDR: p.cidr, Gateway: p.gateway, DHCP: p.dhcp,
			}
			if had, ok := run.Existing(); ok {
				found, err := k.cloud.Subnets(ctx, neutron.Filter{IDs: []string{had.ID}})
				if err != nil {
					return engine.External{}, err
				}
				if len(found) > 0 && found[0].NetworkID == network {
					return k.mendSubnet(ctx, found[0], want)
				}
			}
			if want.PoolID, err = p.pool(ctx); err != nil {
				return engine.External{}, err
			}
			made, err := k.cloud.CreateSubnet(ctx, want)
			return subnetExternal(made), err
		},
	}
}

func (k *Kit) mendSubnet(ctx context.Context, is, want neutron.Subnet) (engine.External, error) {
	if is.Name == want.Name && is.Gateway == want.Gateway && is.DHCP == want.DHCP {
		return subnetExternal(is), nil
	}
	is.Name, is.Gateway, is.DHCP = want.Name, want.Gateway, want.DHCP
	_, err := k.cloud.UpdateSubnet(ctx, is)
	return subnetExternal(is), err
}

func subnetExternal(s neutron.Subnet) engine.External { return engine.External{ID: s.ID, Name: s.Name} }

func (k *Kit) subnetEnd() engine.Object {
	return engine.Object{
		Type: topology.TypeSubnet,
		Delete: func(ctx context.Context, run *engine.Run, o engine.External) error {
			return k.blame(ctx, k.cloud.DeleteSubnet(ctx, o.ID), "subnet", o, inNetworks(run))
		},
		Gone: func(ctx context.Context, _ *engine.Run, of []engine.External) ([]engine.External, error) {
			listed, err := k.cloud.Subnets(ctx, neutron.Filter{IDs: ids(of)})
			return still(of, listed, func(s neutron.Subnet) string { return s.ID }), err
		},
	}
}
