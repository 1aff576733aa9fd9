package provision

import (
	"context"
	"net/netip"
	"slices"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// interfaceStep gives a router the gateway address of a subnet.
func (k *Kit) interfaceStep(step, title string, router idOf, subnet string, after ...string) engine.Step {
	find := func(ctx context.Context, routerID, subnetID string) ([]engine.External, error) {
		ports, err := k.cloud.Ports(ctx, neutron.Filter{DeviceID: routerID})
		if err != nil {
			return nil, err
		}
		var found []engine.External
		for _, p := range ports {
			if slices.ContainsFunc(p.Addresses, func(a neutron.Address) bool { return a.SubnetID == subnetID }) {
				found = append(found, interfaceExternal(p.ID, routerID, subnetID))
			}
		}
		return found, nil
	}
	return engine.Step{
		Name: step, Title: title, Needs: append([]string{subnet}, after...), Object: topology.TypeInterface, Digest: digest(step),
		Observe: func(ctx context.Context, run *engine.Run) ([]engine.External, error) {
			s, ok := run.Object(subnet)
			if !ok {
				return nil, nil
			}
			r, err := router(ctx, run)
			if err != nil {
				return nil, absentIsNone(err)
			}
			return find(ctx, r, s.ID)
		},
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			subnetID, err := need(run, subnet)
			if err != nil {
				return engine.External{}, err
			}
			routerID, err := router(ctx, run)
			if err != nil {
				return engine.External{}, err
			}
			if _, ok := run.Existing(); ok {
				found, err := find(ctx, routerID, subnetID)
				if err != nil {
					return engine.External{}, err
				}
				if len(found) > 0 {
					return found[0], nil
				}
			}
			port, err := k.cloud.AttachSubnet(ctx, routerID, subnetID)
			return interfaceExternal(port, routerID, subnetID), err
		},
	}
}

// portStep makes the port a router joins a link with.
func (k *Kit) portStep(step, title, name, project, network, subnet string, ip netip.Addr) engine.Step {
	return engine.Step{
		Name: step, Title: title, Needs: []string{network, subnet}, Object: topology.TypePort, Digest: digest(name, ip),
		Observe: func(ctx context.Context, run *engine.Run) ([]engine.External, error) {
			n, ok := run.Object(network)
			if !ok {
				return nil, nil
			}
			return lookFor(ctx, run, neutron.Filter{NetworkID: n.ID, Name: name}, k.cloud.Ports, portExternal)
		},
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			on, err := needs(run, network, subnet)
			if err != nil {
				return engine.External{}, err
			}
			if had, ok := run.Existing(); ok {
				found, err := k.cloud.Ports(ctx, neutron.Filter{IDs: []string{had.ID}})
				if err != nil {
					return engine.External{}, err
				}
				if len(found) > 0 && found[0].NetworkID == on[0] {
					return k.mendPort(ctx, found[0], name)
				}
			}
			port, err := k.cloud.CreatePort(ctx, neutron.Port{
				Name: name, ProjectID: project, NetworkID: on[0], AdminUp: true,
				Addresses: []neutron.Address{{SubnetID: on[1], IP: ip}},
			})
			return portExternal(port), err
		},
	}
}

func (k *Kit) mendPort(ctx context.Context, is neutron.Port, name string) (engine.External, error) {
	if is.Name == name && is.AdminUp {
		return portExternal(is), nil
	}
	is.Name, is.AdminUp = name, true
	_, err := k.cloud.UpdatePort(ctx, is)
	return portExternal(is), err
}

// attachStep gives a router the port that was made for it.
func (k *Kit) attachStep(step, title string, router idOf, port, subnet string, after ...string) engine.Step {
	attached := func(ctx context.Context, portID, routerID string) (bool, error) {
		found, err := k.cloud.Ports(ctx, neutron.Filter{IDs: []string{portID}})
		return len(found) > 0 && found[0].DeviceID == routerID, err
	}
	return engine.Step{
		Name: step, Title: title, Needs: append([]string{port, subnet}, after...), Object: topology.TypeInterface, Digest: digest(step),
		Observe: func(ctx context.Context, run *engine.Run) ([]engine.External, error) {
			p, ok := run.Object(port)
			if !ok {
				return nil, nil
			}
			s, ok := run.Object(subnet)
			if !ok {
				return nil, nil
			}
			r, err := router(ctx, run)
			if err != nil {
				return nil, absentIsNone(err)
			}
			is, err := attached(ctx, p.ID, r)
			if err != nil || !is {
				return nil, err
			}
			return []engine.External{interfaceExternal(p.ID, r, s.ID)}, nil
		},
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			on, err := needs(run, port, subnet)
			if err != nil {
				return engine.External{}, err
			}
			routerID, err := router(ctx, run)
			if err != nil {
				return engine.External{}, err
			}
			external := interfaceExternal(on[0], routerID, on[1])
			if _, ok := run.Existing(); ok {
				is, err := attached(ctx, on[0], routerID)
				if err != nil || is {
					return external, err
				}
			}
			return external, k.cloud.AttachPort(ctx, routerID, on[0])
		},
	}
}

func portExternal(p neutron.Port) engine.External { return engine.External{ID: p.ID, Name: p.Name} }

func interfaceExternal(port, router, subnet string) engine.External {
	return engine.External{ID: port, Attributes: map[string]string{topology.AttrRouter: router, topology.AttrSubnet: subnet}}
}

func (k *Kit) interfaceEnd() engine.Object {
	return engine.Object{
		Type: topology.TypeInterface,
		Delete: func(ctx context.Context, _ *engine.Run, o engine.External) error {
			// By subnet, because a port may hold other subnets' addresses; but only while this very port is the
			// interface: another may have taken its place.
			p, err := k.cloud.Port(ctx, o.ID)
			if errs.CodeOf(err) == errs.CodeNotFound || (err == nil && p.DeviceID != o.Attributes[topology.AttrRouter]) {
				return nil
			}
			if err != nil {
				return err
			}
			return k.cloud.DetachSubnet(ctx, o.Attributes[topology.AttrRouter], o.Attributes[topology.AttrSubnet])
		},
		Gone: func(ctx context.Context, _ *engine.Run, of []engine.External) ([]engine.External, error) {
			listed, err := k.cloud.Ports(ctx, neutron.Filter{IDs: ids(of)})
			return slices.DeleteFunc(slices.Clone(of), func(o engine.External) bool {
				return !slices.ContainsFunc(listed, func(p neutron.Port) bool {
					return p.ID == o.ID && p.DeviceID == o.Attributes[topology.AttrRouter]
				})
			}), err
		},
	}
}

func (k *Kit) portEnd() engine.Object {
	return engine.Object{
		Type: topology.TypePort,
		// The port of an interface goes with it; this is for one that never became an interface.
		Delete: func(ctx context.Context, _ *engine.Run, o engine.External) error {
			return k.cloud.DeletePort(ctx, o.ID)
		},
		Gone: func(ctx context.Context, _ *engine.Run, of []engine.External) ([]engine.External, error) {
			listed, err := k.cloud.Ports(ctx, neutron.Filter{IDs: ids(of)})
			return still(of, listed, func(p neutron.Port) string { return p.ID }), err
		},
	}
}
