package neutron

import (
	"context"
)

// Turns lets one at a time do something, over all replicas of the service.
type Turns interface {
	InTurn(ctx context.Context, key string, do func(context.Context) error) error
}

// InTurn is the cloud with changes of one router made one after the other. Neutron itself takes them in any order, but OVN's
// driver drops an update that arrives behind a newer one of the same router, and with it the routes only that one carried:
// the API shows them, and no packet follows them.
func InTurn(cloud Cloud, turns Turns) Cloud {
	return inTurn{Cloud: cloud, turns: turns}
}

type inTurn struct {
	Cloud
	turns Turns
}

func (c inTurn) AddRoutes(ctx context.Context, routerID string, routes []Route) error {
	return c.turns.InTurn(ctx, routerKey(routerID), func(ctx context.Context) error { return c.Cloud.AddRoutes(ctx, routerID, routes) })
}

func (c inTurn) RemoveRoutes(ctx context.Context, routerID string, routes []Route) error {
	return c.turns.InTurn(ctx, routerKey(routerID), func(ctx context.Context) error { return c.Cloud.RemoveRoutes(ctx, routerID, routes) })
}

func (c inTurn) UpdateRouter(ctx context.Context, r Router, attributes ...string) (Router, error) {
	var updated Router
	err := c.turns.InTurn(ctx, routerKey(r.ID), func(ctx context.Context) error {
		var err error
		updated, err = c.Cloud.UpdateRouter(ctx, r, attributes...)
		return err
	})
	return updated, err
}

func routerKey(id string) string { return "router/" + id }
