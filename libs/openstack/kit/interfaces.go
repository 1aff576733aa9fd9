package kit

import (
	"context"
	"slices"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// Interfaces are the interfaces of routers in subnets. The id of an interface is that of its port.
type Interfaces struct{ cloud neutron.Cloud }

// NewInterfaces are the router interfaces of a cloud.
func NewInterfaces(cloud neutron.Cloud) Interfaces { return Interfaces{cloud} }

// Gateway is the step that gives a router the gateway address of a subnet.
func (t Interfaces) Gateway(s provision.Step, router Ref, subnet string) provision.Step {
	s.Needs = append([]string{subnet}, s.Needs...)
	return t.step(s, router, subnet, Made(subnet), func(ctx context.Context, _, routerID, subnetID string) ([]provision.External, error) {
		ports, err := t.cloud.Ports(ctx, neutron.Filter{DeviceID: routerID})
		var found []provision.External
		for _, p := range ports {
			if slices.ContainsFunc(p.Addresses, func(a neutron.Address) bool { return a.SubnetID == subnetID }) {
				found = append(found, interfaceExternal(p.ID, routerID, subnetID))
			}
		}
		return found, err
	}, func(ctx context.Context, _, routerID, subnetID string) (string, error) {
		return t.cloud.AttachSubnet(ctx, routerID, subnetID)
	})
}

// Join is the step that gives a router the port that another step made for it.
func (t Interfaces) Join(s provision.Step, router Ref, port, subnet string) provision.Step {
	s.Needs = append([]string{port, subnet}, s.Needs...)
	return t.step(s, router, subnet, Made(port), func(ctx context.Context, portID, routerID, subnetID string) ([]provision.External, error) {
		found, err := t.cloud.Ports(ctx, byIDs([]string{portID}))
		if err != nil || len(found) == 0 || found[0].DeviceID != routerID {
			return nil, err
		}
		return []provision.External{interfaceExternal(portID, routerID, subnetID)}, nil
	}, func(ctx context.Context, portID, routerID, _ string) (string, error) {
		return portID, t.cloud.AttachPort(ctx, routerID, portID)
	})
}

func (t Interfaces) step(
	s provision.Step, router Ref, subnet string, port Ref,
	find func(ctx context.Context, port, router, subnet string) ([]provision.External, error),
	attach func(ctx context.Context, port, router, subnet string) (string, error),
) provision.Step {
	bind := func(ctx context.Context, run *provision.Run) (portID, routerID, subnetID string, err error) {
		if portID, err = port(ctx, run); err != nil {
			return "", "", "", err
		}
		if subnetID, err = run.Made(subnet); err != nil {
			return "", "", "", err
		}
		routerID, err = router(ctx, run)
		return portID, routerID, subnetID, err
	}
	s.Object, s.Digest = neutron.TypeInterface, provision.Digest(s.Name)
	s.Find = func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		p, r, sub, err := bind(ctx, run)
		if err != nil {
			return nil, provision.AbsentIsNone(err)
		}
		return find(ctx, p, r, sub)
	}
	s.Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
		p, r, sub, err := bind(ctx, run)
		if err != nil {
			return provision.External{}, err
		}
		if _, ok := run.Existing(); ok {
			if found, err := find(ctx, p, r, sub); err != nil || len(found) > 0 {
				return first(found), err
			}
		}
		id, err := attach(ctx, p, r, sub)
		return interfaceExternal(id, r, sub), err
	}
	return s
}

func first(of []provision.External) provision.External {
	if len(of) == 0 {
		return provision.External{}
	}
	return of[0]
}

func interfaceExternal(port, router, subnet string) provision.External {
	return provision.External{ID: port, Attributes: map[string]string{neutron.AttrRouter: router, neutron.AttrSubnet: subnet}}
}

// Object is the end of interfaces.
func (t Interfaces) Object() provision.Object {
	return provision.Object{
		Type: neutron.TypeInterface,
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			// The call names the subnet, because a port may hold other subnets' addresses. It is made only while this very
			// port is the interface: another may have taken its place.
			p, err := t.cloud.Port(ctx, o.ID)
			if errs.CodeOf(err) == errs.CodeNotFound || (err == nil && p.DeviceID != o.Attributes[neutron.AttrRouter]) {
				return nil
			}
			if err != nil {
				return err
			}
			return t.cloud.DetachSubnet(ctx, o.Attributes[neutron.AttrRouter], o.Attributes[neutron.AttrSubnet])
		},
		Gone: func(ctx context.Context, _ *provision.Run, of []provision.External) ([]provision.External, error) {
			listed, err := t.cloud.Ports(ctx, byIDs(provision.IDs(of)))
			return slices.DeleteFunc(slices.Clone(of), func(o provision.External) bool {
				return !slices.ContainsFunc(listed, func(p neutron.Port) bool { return p.ID == o.ID && p.DeviceID == o.Attributes[neutron.AttrRouter] })
			}), err
		},
	}
}
