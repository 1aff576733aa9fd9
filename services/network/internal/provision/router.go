package provision

import (
	"context"
	"net/netip"
	"slices"

	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// routerStep makes a router. allowed answers the routes it may have; run again, the step takes away any other: a route
// made by hand could join what is to stay apart.
func (k *Kit) routerStep(step, title, name, project string, allowed func(context.Context) ([]neutron.Route, error)) engine.Step {
	return engine.Step{
		Name: step, Title: title, Object: topology.TypeRouter, Digest: digest(name, project),
		Observe: func(ctx context.Context, run *engine.Run) ([]engine.External, error) {
			return lookFor(ctx, run, neutron.Filter{Name: name, ProjectID: project}, k.cloud.Routers, routerExternal)
		},
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			if had, ok := run.Existing(); ok {
				found, err := k.cloud.Routers(ctx, neutron.Filter{IDs: []string{had.ID}})
				if err != nil {
					return engine.External{}, err
				}
				if len(found) > 0 {
					return k.mendRouter(ctx, found[0], name, allowed)
				}
			}
			made, err := k.cloud.CreateRouter(ctx, neutron.Router{Name: name, ProjectID: project, AdminUp: true})
			return routerExternal(made), err
		},
	}
}

// mendRouter reads the routes before the records: a route somebody adds meanwhile is not judged, and one that was there
// had its record first.
func (k *Kit) mendRouter(ctx context.Context, is neutron.Router, name string, allowed func(context.Context) ([]neutron.Route, error)) (engine.External, error) {
	may, err := allowed(ctx)
	if err != nil {
		return engine.External{}, err
	}
	surplus := slices.DeleteFunc(slices.Clone(is.Routes), func(r neutron.Route) bool { return slices.Contains(may, r) })
	if len(surplus) > 0 {
		if err := k.cloud.RemoveRoutes(ctx, is.ID, surplus); err != nil {
			return engine.External{}, err
		}
	}
	if is.Name != name || !is.AdminUp {
		is.Name, is.AdminUp = name, true
		if _, err := k.cloud.UpdateRouter(ctx, is); err != nil {
			return engine.External{}, err
		}
	}
	return routerExternal(is), nil
}

func routerExternal(r neutron.Router) engine.External { return engine.External{ID: r.ID, Name: r.Name} }

func (k *Kit) routerEnd() engine.Object {
	return engine.Object{
		Type: topology.TypeRouter,
		Delete: func(ctx context.Context, _ *engine.Run, o engine.External) error {
			return k.blame(ctx, k.cloud.DeleteRouter(ctx, o.ID), "router", o, neutron.Filter{DeviceID: o.ID})
		},
		Gone: func(ctx context.Context, _ *engine.Run, of []engine.External) ([]engine.External, error) {
			listed, err := k.cloud.Routers(ctx, neutron.Filter{IDs: ids(of)})
			return still(of, listed, func(r neutron.Router) string { return r.ID }), err
		},
	}
}

// idOf answers an id that is known when the step runs.
type idOf func(ctx context.Context, run *engine.Run) (string, error)

// ownRouter is the router of the resource itself.
func ownRouter(_ context.Context, run *engine.Run) (string, error) {
	return need(run, topology.StepRouter)
}

// routeStep adds one route to a router, without touching those of others. Adding it again changes nothing.
func (k *Kit) routeStep(step, title string, router idOf, to netip.Prefix, via netip.Addr, needs ...string) engine.Step {
	route := neutron.Route{Destination: to, NextHop: via}
	return engine.Step{
		Name: step, Title: title, Needs: needs, Object: topology.TypeRoute, Digest: digest(to, via),
		Observe: func(ctx context.Context, run *engine.Run) ([]engine.External, error) {
			id, err := router(ctx, run)
			if err != nil {
				return nil, absentIsNone(err)
			}
			return k.findRoute(ctx, id, route)
		},
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			id, err := router(ctx, run)
			if err != nil {
				return engine.External{}, err
			}
			if err := k.cloud.AddRoutes(ctx, id, []neutron.Route{route}); err != nil {
				return engine.External{}, err
			}
			return RouteExternal(id, route), nil
		},
	}
}

func (k *Kit) findRoute(ctx context.Context, router string, route neutron.Route) ([]engine.External, error) {
	found, err := k.cloud.Routers(ctx, neutron.Filter{IDs: []string{router}})
	if err != nil || len(found) == 0 || !slices.Contains(found[0].Routes, route) {
		return nil, err
	}
	return []engine.External{RouteExternal(router, route)}, nil
}

// RouteExternal is a route in the ledger. Neutron gives routes no id of their own.
func RouteExternal(router string, r neutron.Route) engine.External {
	return engine.External{
		ID: router + "/" + r.Destination.String() + "/" + r.NextHop.String(), Name: r.Destination.String() + " via " + r.NextHop.String(),
		Attributes: map[string]string{topology.AttrRouter: router, topology.AttrDestination: r.Destination.String(), topology.AttrNextHop: r.NextHop.String()},
	}
}

// RouteOf reads a route of the ledger.
func RouteOf(o engine.External) (router string, r neutron.Route, err error) {
	to, err := netip.ParsePrefix(o.Attributes[topology.AttrDestination])
	if err != nil {
		return "", r, err
	}
	via, err := netip.ParseAddr(o.Attributes[topology.AttrNextHop])
	return o.Attributes[topology.AttrRouter], neutron.Route{Destination: to, NextHop: via}, err
}

func (k *Kit) routeEnd() engine.Object {
	return engine.Object{
		Type: topology.TypeRoute,
		Delete: func(ctx context.Context, _ *engine.Run, o engine.External) error {
			router, route, err := RouteOf(o)
			if err != nil {
				return err
			}
			return k.cloud.RemoveRoutes(ctx, router, []neutron.Route{route})
		},
		Gone: func(ctx context.Context, _ *engine.Run, of []engine.External) ([]engine.External, error) {
			var routers []string
			for _, o := range of {
				if id := o.Attributes[topology.AttrRouter]; !slices.Contains(routers, id) {
					routers = append(routers, id)
				}
			}
			listed, err := k.cloud.Routers(ctx, neutron.Filter{IDs: routers})
			if err != nil {
				return nil, err
			}
			var there []string
			for _, r := range listed {
				for _, route := range r.Routes {
					there = append(there, RouteExternal(r.ID, route).ID)
				}
			}
			return still(of, there, func(id string) string { return id }), nil
		},
	}
}
