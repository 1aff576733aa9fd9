package kit

import (
	"context"
	"slices"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// Routers are Neutron routers.
type Routers struct {
	provision.Type[neutron.Router]
	cloud neutron.Cloud
}

// NewRouters are the routers of a cloud.
func NewRouters(cloud neutron.Cloud) Routers {
	return Routers{cloud: cloud, Type: provision.Type[neutron.Router]{
		Name: neutron.TypeRouter,
		Attributes: []provision.Attribute[neutron.Router]{
			provision.Attr("name", func(r *neutron.Router) *string { return &r.Name }),
			provision.Attr("admin_state_up", func(r *neutron.Router) *bool { return &r.AdminUp }),
			provision.Attr("external_gateway_info", func(r *neutron.Router) *string { return &r.Gateway }),
			provision.Attr("project_id", func(r *neutron.Router) *string { return &r.ProjectID }).Fixed(),
		},
		External: func(r neutron.Router) provision.External { return provision.External{ID: r.ID, Name: r.Name} },
		Find: func(ctx context.Context, want neutron.Router) ([]neutron.Router, error) {
			return cloud.Routers(ctx, neutron.Filter{Name: want.Name, ProjectID: want.ProjectID})
		},
		Read: func(ctx context.Context, ids []string) ([]neutron.Router, error) {
			return cloud.Routers(ctx, byIDs(ids))
		},
		Create: func(ctx context.Context, want neutron.Router) (neutron.Router, error) {
			return cloud.CreateRouter(ctx, want)
		},
		Update: cloud.UpdateRouter,
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return blame(ctx, cloud.DeleteRouter(ctx, o.ID), "router", o, foreignPorts(cloud, neutron.Filter{DeviceID: o.ID}, func(p neutron.Port) string {
				return "its interface " + p.ID + " in network " + p.NetworkID
			}))
		},
	}}
}

// Make is the step that makes a router. A later run removes every route that allowed does not return: a route made by hand
// could join what is to stay apart. It reads the router before it asks for the routes, so a route that is added meanwhile
// is not judged.
func (t Routers) Make(s provision.Step, want neutron.Router, allowed func(context.Context) ([]neutron.Route, error)) provision.Step {
	want.AdminUp = true
	s.Digest = provision.Digest(want.Name, want.ProjectID)
	return t.Type.Make(provision.Want[neutron.Router]{
		Step: s, Object: want,
		Mend: func(ctx context.Context, _ *provision.Run, is neutron.Router) ([]provision.Difference, func(context.Context) error, error) {
			may, err := allowed(ctx)
			surplus := slices.DeleteFunc(slices.Clone(is.Routes), func(r neutron.Route) bool { return slices.Contains(may, r) })
			return provision.Values("routes", nil, surplus), func(ctx context.Context) error {
				return t.cloud.RemoveRoutes(ctx, is.ID, surplus)
			}, err
		},
	})
}

// Tag is the step that sets the tags of the router that another step made.
func (t Routers) Tag(s provision.Step, of string, want []string) provision.Step {
	return tags(t.cloud, t.Type, neutron.TagRouter, s, of, want, func(o neutron.Router) []string { return o.Tags })
}
