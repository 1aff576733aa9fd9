package provision

import (
	"context"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// Hub is the life of an organisation's hub: a network, its subnet, a router in it and a security group.
func (k *Kit) Hub() engine.Kind {
	return engine.Kind{
		Name:    hub.Kind,
		Objects: []engine.Object{k.networkEnd(), k.subnetEnd(), k.routerEnd(), k.interfaceEnd(), k.groupEnd()},
		Plan: func(r engine.Resource) ([]engine.Step, error) {
			h, err := specOf[hub.Hub](r)
			if err != nil {
				return nil, err
			}
			return k.hubSteps(h), nil
		},
		Load: func(ctx context.Context, q engine.Querier, uid string) (any, error) {
			return k.records.LoadHub(ctx, q, uid)
		},
		Settled: func(ctx context.Context, tx pgx.Tx, s engine.Settlement) error {
			return k.records.SettleHub(ctx, tx, s, hub.Cloud{
				NetworkID: s.Objects[topology.StepNetwork].ID, SubnetID: s.Objects[topology.StepSubnet].ID,
				RouterID: s.Objects[topology.StepRouter].ID, SecurityGroupID: s.Objects[topology.StepGroup].ID,
			})
		},
		Response: func(ctx context.Context, q engine.Querier, uid string) (proto.Message, error) {
			h, err := k.records.LoadHub(ctx, q, uid)
			if err != nil {
				return nil, err
			}
			return k.messages.Hub(h), nil
		},
	}
}

func (k *Kit) hubSteps(h hub.Hub) []engine.Step {
	tenant := h.Name.Tenant
	name := func(role string) string { return naming.Object(h.Name.Organisation, role, h.UID) }
	tags := naming.Tags(h.UID, tenant)
	subnet := subnetPlan{
		name: name("hub-subnet"), project: h.ProjectID, network: topology.StepNetwork, cidr: h.CIDR, gateway: ipam.Host(h.CIDR, 1), dhcp: true,
		pool: k.poolOf(tenant),
	}
	return []engine.Step{
		k.boundaryReady(tenant),
		k.networkStep(topology.StepNetwork, "create the hub network", name("hub-network"), h.ProjectID),
		k.routerStep(topology.StepRouter, "create the hub router", name("hub-router"), h.ProjectID, k.hubRoutes(h)),
		k.groupStep(topology.StepGroup, "create the hub's security group", name("hub"), h.ProjectID),
		k.subnetStep(topology.StepSubnet, "create the hub subnet", subnet, topology.StepFoundation),
		k.tagStep(topology.StepTagNetwork, "tag the hub network", topology.StepNetwork, neutron.TagNetwork, tags),
		k.tagStep(topology.StepTagRouter, "tag the hub router", topology.StepRouter, neutron.TagRouter, tags),
		k.tagStep(topology.StepTagGroup, "tag the hub's security group", topology.StepGroup, neutron.TagGroup, tags),
		k.rulesStep(topology.StepRules, "allow the organisation's traffic in to the hub", topology.StepGroup, topology.HubRules(h), keepNone),
		k.interfaceStep(topology.StepInterface, "give the router the hub's gateway address", ownRouter, topology.StepSubnet, topology.StepRouter),
	}
}

func keepNone(context.Context) (func(neutron.Rule) bool, error) {
	return func(neutron.Rule) bool { return false }, nil
}

// hubRoutes are those to the organisation's VPCs, as the records have them now.
func (k *Kit) hubRoutes(h hub.Hub) func(context.Context) ([]neutron.Route, error) {
	return func(ctx context.Context) ([]neutron.Route, error) {
		vpcs, err := k.records.VpcsOf(ctx, h.Name.Tenant, h.Name.Organisation)
		return topology.HubRoutes(vpcs), err
	}
}

// boundaryReady waits until the tenant's pools are there.
func (k *Kit) boundaryReady(tenant string) engine.Step {
	return engine.Step{
		Name: topology.StepFoundation, Title: "wait for the tenant's network boundary", Digest: "1",
		Do: func(ctx context.Context, _ *engine.Run) (engine.External, error) {
			b, err := k.records.Boundary(ctx, tenant)
			if err != nil {
				return engine.External{}, err
			}
			if b.Cloud.PoolID == "" || b.Cloud.LinkPoolID == "" {
				return engine.External{}, waiting("the network boundary of the tenant", b.Status.State)
			}
			return engine.External{}, nil
		},
	}
}

// poolOf answers the pool of a tenant's networks.
func (k *Kit) poolOf(tenant string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		b, err := k.records.Boundary(ctx, tenant)
		return b.Cloud.PoolID, known(b.Cloud.PoolID, err, "subnet pool")
	}
}

// linkPoolOf answers the pool of the links of a tenant.
func (k *Kit) linkPoolOf(tenant string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		b, err := k.records.Boundary(ctx, tenant)
		return b.Cloud.LinkPoolID, known(b.Cloud.LinkPoolID, err, "subnet pool of links")
	}
}

// known refuses an id that is not recorded.
func known(id string, err error, what string) error {
	if err == nil && id == "" {
		return errs.NotFound(what, "")
	}
	return err
}
