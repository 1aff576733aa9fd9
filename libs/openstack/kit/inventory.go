package kit

import (
	"context"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// Inventory lists the networks, subnets, routers, security groups and ports whose name holds the resource's uid. Rules,
// routes and interfaces have no names; they are parts of what has. An empty project stands for all projects.
func Inventory(cloud neutron.Cloud, project func(*provision.Run) string) func(context.Context, *provision.Run) ([]provision.External, error) {
	return func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		in := neutron.Filter{ProjectID: project(run)}
		return named(ctx, run,
			listed(in, cloud.Networks, NewNetworks(cloud).External), listed(in, cloud.Subnets, NewSubnets(cloud).External),
			listed(in, cloud.Routers, NewRouters(cloud).External), listed(in, cloud.Groups, NewGroups(cloud, "").External),
			listed(in, cloud.Ports, NewPorts(cloud).External))
	}
}

// PoolInventory lists the address scopes and the subnet pools whose name holds the resource's uid.
func PoolInventory(cloud neutron.Cloud) func(context.Context, *provision.Run) ([]provision.External, error) {
	return func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		return named(ctx, run,
			listed(neutron.Filter{}, cloud.Scopes, NewScopes(cloud).External), listed(neutron.Filter{}, cloud.Pools, NewPools(cloud).External))
	}
}

func named(ctx context.Context, run *provision.Run, lists ...func(context.Context) ([]provision.External, error)) ([]provision.External, error) {
	var out []provision.External
	for _, list := range lists {
		found, err := list(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return slices.DeleteFunc(out, func(x provision.External) bool { return !strings.Contains(x.Name, run.UID) }), nil
}

func listed[T any](
	by neutron.Filter, list func(context.Context, neutron.Filter) ([]T, error), external func(T) provision.External,
) func(context.Context) ([]provision.External, error) {
	return func(ctx context.Context) ([]provision.External, error) {
		found, err := list(ctx, by)
		out := make([]provision.External, len(found))
		for i, f := range found {
			out[i] = external(f)
		}
		return out, err
	}
}
