package client

import (
	"context"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/extraroutes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"

	"github.com/low-layer/platform/libs/openstack/neutron"
)

type routeWire struct {
	Destination string `json:"destination"`
	NextHop     string `json:"nexthop"`
}

type routerWire struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	ProjectID string      `json:"project_id"`
	AdminUp   bool        `json:"admin_state_up"`
	Routes    []routeWire `json:"routes"`
	Gateway   *struct {
		NetworkID string `json:"network_id"`
	} `json:"external_gateway_info"`
	Tags    []string  `json:"tags"`
	Created time.Time `json:"created_at"`
}

func (w routeWire) route() neutron.Route {
	return neutron.Route{Destination: prefix(w.Destination), NextHop: addr(w.NextHop)}
}

func wireOfRoute(r neutron.Route) routeWire {
	return routeWire{r.Destination.String(), r.NextHop.String()}
}

func (w routerWire) router() neutron.Router {
	r := neutron.Router{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, AdminUp: w.AdminUp, Tags: w.Tags, Created: w.Created,
		Routes: mapped(w.Routes, routeWire.route),
	}
	if w.Gateway != nil {
		r.Gateway = w.Gateway.NetworkID
	}
	return r
}

func routerFields() []string {
	return []string{"id", "name", "project_id", "admin_state_up", "routes", "external_gateway_info", "tags", "created_at"}
}

// Routers lists routers with their routes.
func (c *Neutron) Routers(ctx context.Context, f neutron.Filter) ([]neutron.Router, error) {
	wires, err := list[routerWire](ctx, c, "routers", routerFields(), f)
	return mapped(wires, routerWire.router), err
}

// CreateRouter makes a router.
func (c *Neutron) CreateRouter(ctx context.Context, r neutron.Router) (neutron.Router, error) {
	return one(ctx, c, "create router", "router", routerWire.router, func(client *gophercloud.ServiceClient) gophercloud.Result {
		return routers.Create(ctx, client, routers.CreateOpts{Name: r.Name, ProjectID: r.ProjectID}).Result
	})
}

// UpdateRouter writes attributes of a router. It leaves the routes alone.
func (c *Neutron) UpdateRouter(ctx context.Context, r neutron.Router, attributes ...string) (neutron.Router, error) {
	gateway := map[string]any{}
	if r.Gateway != "" {
		gateway["network_id"] = r.Gateway
	}
	return update(ctx, c, "router", "routers", r.ID, routerWire.router, attributes, map[string]any{
		"name": r.Name, "admin_state_up": r.AdminUp, "external_gateway_info": gateway,
	})
}

// DeleteRouter removes a router.
func (c *Neutron) DeleteRouter(ctx context.Context, id string) error {
	return c.drop(ctx, "delete router", func(client *gophercloud.ServiceClient) error {
		return routers.Delete(ctx, client, id).ExtractErr()
	})
}

// AttachSubnet gives the router the gateway address of a subnet.
func (c *Neutron) AttachSubnet(ctx context.Context, routerID, subnetID string) (string, error) {
	return c.attach(ctx, routerID, routers.AddInterfaceOpts{SubnetID: subnetID})
}

// AttachPort gives the router a port that was made for it.
func (c *Neutron) AttachPort(ctx context.Context, routerID, portID string) error {
	_, err := c.attach(ctx, routerID, routers.AddInterfaceOpts{PortID: portID})
	return err
}

func (c *Neutron) attach(ctx context.Context, routerID string, opts routers.AddInterfaceOpts) (string, error) {
	var got *routers.InterfaceInfo
	err := c.do(ctx, "add router interface", func(client *gophercloud.ServiceClient) (err error) {
		got, err = routers.AddInterface(ctx, client, routerID, opts).Extract()
		return err
	})
	if err != nil {
		return "", err
	}
	return got.PortID, nil
}

// DetachSubnet takes the router out of a subnet. By subnet, not by port: a port may hold other subnets' addresses too.
func (c *Neutron) DetachSubnet(ctx context.Context, routerID, subnetID string) error {
	return c.drop(ctx, "remove router interface", func(client *gophercloud.ServiceClient) error {
		_, err := routers.RemoveInterface(ctx, client, routerID, routers.RemoveInterfaceOpts{SubnetID: subnetID}).Extract()
		return err
	})
}

// AddRoutes adds routes in one atomic call.
func (c *Neutron) AddRoutes(ctx context.Context, routerID string, routes []neutron.Route) error {
	return c.do(ctx, "add routes", func(client *gophercloud.ServiceClient) error {
		_, err := extraroutes.Add(ctx, client, routerID, routeOpts(routes)).Extract()
		return err
	})
}

// RemoveRoutes takes routes away in one atomic call.
func (c *Neutron) RemoveRoutes(ctx context.Context, routerID string, routes []neutron.Route) error {
	return c.drop(ctx, "remove routes", func(client *gophercloud.ServiceClient) error {
		_, err := extraroutes.Remove(ctx, client, routerID, routeOpts(routes)).Extract()
		return err
	})
}

func routeOpts(routes []neutron.Route) extraroutes.Opts {
	wires := mapped(routes, func(r neutron.Route) routers.Route {
		return routers.Route{DestinationCIDR: r.Destination.String(), NextHop: r.NextHop.String()}
	})
	return extraroutes.Opts{Routes: &wires}
}
