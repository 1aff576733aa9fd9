package provision

import (
	"context"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// inventory is everything in Neutron whose name holds the resource's uid, whoever made it: every object of ours is named
// so before it is anything else. Rules, routes and interfaces have no names; they are parts of what has.
func (k *Kit) inventory(ctx context.Context, run *engine.Run) ([]engine.External, error) {
	var found []engine.External
	in := inProject(run.Resource)
	lists := []func() error{
		func() error { return listed(ctx, &found, in, k.cloud.Networks, networkExternal) },
		func() error { return listed(ctx, &found, in, k.cloud.Subnets, subnetExternal) },
		func() error { return listed(ctx, &found, in, k.cloud.Routers, routerExternal) },
		func() error { return listed(ctx, &found, in, k.cloud.Groups, groupExternal) },
		func() error { return listed(ctx, &found, in, k.cloud.Ports, portExternal) },
	}
	if run.Kind == boundary.Kind {
		lists = []func() error{
			func() error { return listed(ctx, &found, in, k.cloud.Scopes, scopeExternal) },
			func() error { return listed(ctx, &found, in, k.cloud.Pools, poolExternal) },
		}
	}
	for _, list := range lists {
		if err := list(); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(found, func(x engine.External) bool { return !strings.Contains(x.Name, run.UID) }), nil
}

// inProject narrows the lists to the project of the resource, when its records still say which that is.
func inProject(r engine.Resource) neutron.Filter {
	switch spec := r.Spec.(type) {
	case hub.Hub:
		return neutron.Filter{ProjectID: spec.ProjectID}
	case vpc.Vpc:
		return neutron.Filter{ProjectID: spec.ProjectID}
	case peeringSpec:
		return neutron.Filter{ProjectID: spec.a.ProjectID}
	default:
		return neutron.Filter{}
	}
}

func listed[T any](ctx context.Context, into *[]engine.External, by neutron.Filter,
	list func(context.Context, neutron.Filter) ([]T, error), external func(T) engine.External,
) error {
	found, err := list(ctx, by)
	*into = append(*into, externals(found, external)...)
	return err
}
