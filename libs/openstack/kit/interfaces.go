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

// junction is an interface: a port of a router in a subnet. Port is empty where attaching makes the port.
type junction struct{ port, router, subnet string }

// Gateway is the step that gives a router the gateway address of a subnet.
func (t Interfaces) Gateway(s provision.Step, router Ref, subnet string) provision.Step {
	s.Needs = append([]string{subnet}, s.Needs...)
	none := func(context.Context, *provision.Run) (string, error) { return "", nil }
	return t.step(s, none, router, subnet, func(ctx context.Context, j junction) ([]neutron.Port, error) {
		ports, err := t.cloud.Ports(ctx, neutron.Filter{DeviceID: j.router})
		return slices.DeleteFunc(ports, func(p neutron.Port) bool {
			return !slices.ContainsFunc(p.Addresses, func(a neutron.Address) bool { return a.SubnetID == j.subnet })
		}), err
	}, func(ctx context.Context, j junction) (string, error) {
		return t.cloud.AttachSubnet(ctx, j.router, j.subnet)
	})
}

// Join is the step that gives a router the port that another step made for it.
func (t Interfaces) Join(s provision.Step, router Ref, port, subnet string) provision.Step {
	s.Needs = append([]string{port, subnet}, s.Needs...)
	return t.step(s, Made(port), router, subnet, func(ctx context.Context, j junction) ([]neutron.Port, error) {
		ports, err := t.cloud.Ports(ctx, byIDs([]string{j.port}))
		return slices.DeleteFunc(ports, func(p neutron.Port) bool { return p.DeviceID != j.router }), err
	}, func(ctx context.Context, j junction) (string, error) {
		return j.port, t.cloud.AttachPort(ctx, j.router, j.port)
	})
}

func (t Interfaces) step(
	s provision.Step, port, router Ref, subnet string,
	find func(context.Context, junction) ([]neutron.Port, error), attach func(context.Context, junction) (string, error),
) provision.Step {
	bind := func(ctx context.Context, run *provision.Run) (j junction, err error) {
		if j.port, err = port(ctx, run); err != nil {
			return j, err
		}
		if j.subnet, err = run.Made(subnet); err != nil {
			return j, err
		}
		j.router, err = router(ctx, run)
		return j, err
	}
	s.Object, s.Digest = neutron.TypeInterface, provision.Digest(s.Name)
	s.Find = func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		j, err := bind(ctx, run)
		if err != nil {
			return nil, provision.AbsentIsNone(err)
		}
		ports, err := find(ctx, j)
		out := make([]provision.External, len(ports))
		for i, p := range ports {
			out[i] = interfaceExternal(p.ID, j)
		}
		return out, err
	}
	s.Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
		j, err := bind(ctx, run)
		if err != nil {
			return provision.External{}, err
		}
		if _, ok := run.Existing(); ok {
			if found, err := find(ctx, j); err != nil || len(found) > 0 {
				return t.switchOn(ctx, j, found, err)
			}
		}
		id, err := attach(ctx, j)
		return interfaceExternal(id, j), err
	}
	s.Check = func(ctx context.Context, run *provision.Run) ([]provision.Difference, error) {
		j, err := bind(ctx, run)
		if err != nil {
			return nil, err
		}
		return t.check(ctx, run, j, find)
	}
	return s
}

// switchOn mends the port that an attached interface has. The step of a port that it did not make itself mends that port.
func (t Interfaces) switchOn(ctx context.Context, j junction, found []neutron.Port, err error) (provision.External, error) {
	if err != nil {
		return provision.External{}, err
	}
	p := found[0]
	if j.port == "" && !p.AdminUp {
		p.AdminUp = true
		_, err = t.cloud.UpdatePort(ctx, p, "admin_state_up")
	}
	return interfaceExternal(p.ID, j), err
}

// check reports an interface that is detached or switched off. A router or a port that is gone is the difference of its own step.
func (t Interfaces) check(
	ctx context.Context, run *provision.Run, j junction, find func(context.Context, junction) ([]neutron.Port, error),
) ([]provision.Difference, error) {
	routers, err := t.cloud.Routers(ctx, byIDs([]string{j.router}))
	if err != nil || len(routers) == 0 {
		return nil, err
	}
	if j.port != "" {
		if ports, err := t.cloud.Ports(ctx, byIDs([]string{j.port})); err != nil || len(ports) == 0 {
			return nil, err
		}
	}
	found, err := find(ctx, j)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return onRouter(run, routers[0], "interfaces", "in subnet "+j.subnet), nil
	case j.port == "" && !found[0].AdminUp:
		d := difference(run, neutron.TypeInterface, run.Step())
		d.Attribute, d.Want, d.Is = "admin_state_up", "true", "false"
		return []provision.Difference{d}, nil
	}
	return nil, nil
}

func interfaceExternal(port string, j junction) provision.External {
	return provision.External{ID: port, Attributes: map[string]string{neutron.AttrRouter: j.router, neutron.AttrSubnet: j.subnet}}
}

// routesOver describes the routes of a router over a subnet. The platform's own go before the interface they lead over.
func (t Interfaces) routesOver(ctx context.Context, router, subnet string) (out []string, err error) {
	routers, err := t.cloud.Routers(ctx, byIDs([]string{router}))
	if err != nil {
		return nil, err
	}
	subnets, err := t.cloud.Subnets(ctx, byIDs([]string{subnet}))
	for _, r := range routers {
		for _, route := range r.Routes {
			if slices.ContainsFunc(subnets, func(s neutron.Subnet) bool { return s.CIDR.Contains(route.NextHop) }) {
				out = append(out, "the route to "+route.Destination.String()+" via "+route.NextHop.String()+" of router "+r.ID)
			}
		}
	}
	return out, err
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
			router, subnet := o.Attributes[neutron.AttrRouter], o.Attributes[neutron.AttrSubnet]
			return blame(ctx, t.cloud.DetachSubnet(ctx, router, subnet), "the interface", o, func(ctx context.Context) ([]string, error) {
				return t.routesOver(ctx, router, subnet)
			})
		},
		Gone: func(ctx context.Context, _ *provision.Run, of []provision.External) ([]provision.External, error) {
			listed, err := t.cloud.Ports(ctx, byIDs(provision.IDs(of)))
			return slices.DeleteFunc(slices.Clone(of), func(o provision.External) bool {
				return !slices.ContainsFunc(listed, func(p neutron.Port) bool { return p.ID == o.ID && p.DeviceID == o.Attributes[neutron.AttrRouter] })
			}), err
		},
	}
}
