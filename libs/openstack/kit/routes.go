package kit

import (
	"context"
	"net/netip"
	"slices"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// Routes are routes of routers. Neutron gives a route no id; the ledger makes one of its parts.
type Routes struct{ cloud neutron.Cloud }

// NewRoutes are the routes of a cloud.
func NewRoutes(cloud neutron.Cloud) Routes { return Routes{cloud} }

// Make is the step that adds one route to a router, beside those of others. Adding it again changes nothing.
func (t Routes) Make(s provision.Step, router Ref, route neutron.Route) provision.Step {
	s.Object, s.Digest = neutron.TypeRoute, provision.Digest(route.Destination, route.NextHop)
	s.Find = func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		id, err := router(ctx, run)
		if err != nil {
			return nil, provision.AbsentIsNone(err)
		}
		found, err := t.cloud.Routers(ctx, byIDs([]string{id}))
		if err != nil || len(found) == 0 || !slices.Contains(found[0].Routes, route) {
			return nil, err
		}
		return []provision.External{RouteExternal(id, route)}, nil
	}
	s.Check = func(ctx context.Context, run *provision.Run) ([]provision.Difference, error) {
		id, err := router(ctx, run)
		if err != nil {
			return nil, err
		}
		found, err := t.cloud.Routers(ctx, byIDs([]string{id}))
		if err != nil || len(found) == 0 || slices.Contains(found[0].Routes, route) {
			return nil, err
		}
		return onRouter(run, found[0], "routes", route), nil
	}
	s.Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
		id, err := router(ctx, run)
		if err != nil {
			return provision.External{}, err
		}
		return RouteExternal(id, route), t.cloud.AddRoutes(ctx, id, []neutron.Route{route})
	}
	return s
}

// onRouter is the difference of a router that lacks a route or an interface.
func onRouter(run *provision.Run, r neutron.Router, attribute string, want any) []provision.Difference {
	return provision.Of(provision.Difference{Step: run.Step(), Type: neutron.TypeRouter, ID: r.ID, Name: r.Name},
		provision.Values(attribute, []any{want}, nil))
}

// Object is the end of routes.
func (t Routes) Object() provision.Object {
	return provision.Object{
		Type: neutron.TypeRoute,
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			router, route, err := RouteOf(o)
			if err != nil {
				return err
			}
			return t.cloud.RemoveRoutes(ctx, router, []neutron.Route{route})
		},
		Gone: func(ctx context.Context, _ *provision.Run, of []provision.External) ([]provision.External, error) {
			var routers []string
			for _, o := range of {
				if id := o.Attributes[neutron.AttrRouter]; !slices.Contains(routers, id) {
					routers = append(routers, id)
				}
			}
			listed, err := t.cloud.Routers(ctx, byIDs(routers))
			var there []provision.External
			for _, r := range listed {
				for _, route := range r.Routes {
					there = append(there, RouteExternal(r.ID, route))
				}
			}
			return provision.Still(of, there), err
		},
	}
}

// RouteExternal is a route in the ledger.
func RouteExternal(router string, r neutron.Route) provision.External {
	return provision.External{
		ID: router + "/" + r.Destination.String() + "/" + r.NextHop.String(), Name: r.Destination.String() + " via " + r.NextHop.String(),
		Attributes: map[string]string{neutron.AttrRouter: router, neutron.AttrDestination: r.Destination.String(), neutron.AttrNextHop: r.NextHop.String()},
	}
}

// RouteOf reads a route of the ledger.
func RouteOf(o provision.External) (router string, r neutron.Route, err error) {
	to, err := netip.ParsePrefix(o.Attributes[neutron.AttrDestination])
	if err != nil {
		return "", r, err
	}
	via, err := netip.ParseAddr(o.Attributes[neutron.AttrNextHop])
	return o.Attributes[neutron.AttrRouter], neutron.Route{Destination: to, NextHop: via}, err
}
