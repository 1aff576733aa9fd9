package provision

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/openstack/kit"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// Hub is the life of an organisation's hub: a network, its subnet, a router in it and a security group.
func (k *Kit) Hub() engine.Kind[hub.Hub] {
	return engine.Kind[hub.Hub]{
		Name: hub.Kind,
		Objects: []engine.Object{
			k.networks.Object(), k.subnets.Object(), k.routers.Object(), k.interfaces.Object(), k.groups.Object(),
		},
		Inventory: kit.Inventory(k.cloud, project(func(h hub.Hub) string { return h.ProjectID })),
		Quota:     quotaEffect[hub.Hub],
		Usage:     func(h hub.Hub) []usage.Item { return usage.Of(hub.Kind, h.Mode) },
		Load:      k.records.LoadHub,
		Plan:      func(_ engine.Resource, h hub.Hub) ([]engine.Step, error) { return k.hubSteps(h), nil },
		Settled: func(ctx context.Context, tx pgx.Tx, s engine.Settlement) error {
			return k.records.SettleHub(ctx, tx, s, hub.Cloud{
				NetworkID: s.Objects[topology.StepNetwork].ID, SubnetID: s.Objects[topology.StepSubnet].ID,
				RouterID: s.Objects[topology.StepRouter].ID, SecurityGroupID: s.Objects[topology.StepGroup].ID,
			})
		},
		Response: k.messages.Hub,
	}
}

func (k *Kit) hubSteps(h hub.Hub) []engine.Step {
	tenant, project := h.Name.Tenant, h.ProjectID
	name := func(role string) string { return naming.Object(h.Name.Organisation, role, h.UID) }
	tags := naming.Tags(h.UID, tenant)
	routes := func(ctx context.Context) ([]neutron.Route, error) { // those to the VPCs, as the records have them now
		vpcs, err := k.records.VpcsOf(ctx, tenant, h.Name.Organisation)
		return topology.HubRoutes(vpcs), err
	}
	rules := func(_ context.Context, have, want []neutron.Rule) (missing, surplus []neutron.Rule, err error) {
		missing, surplus = topology.CompareRules(have, want, func(neutron.Rule) bool { return false })
		return missing, surplus, nil
	}
	return []engine.Step{
		engine.Wait(step(topology.StepFoundation, "wait for the tenant's network boundary"), func(ctx context.Context, _ *engine.Run) error {
			b, err := k.records.Boundary(ctx, tenant)
			if err == nil && (b.Cloud.PoolID == "" || b.Cloud.LinkPoolID == "") {
				err = waiting("the network boundary of the tenant", b.Status.State)
			}
			return err
		}),
		k.networks.Make(step(topology.StepNetwork, "create the hub network"), neutron.Network{Name: name("hub-network"), ProjectID: project}),
		k.routers.Make(step(topology.StepRouter, "create the hub router"), neutron.Router{Name: name("hub-router"), ProjectID: project}, routes),
		k.groups.Make(step(topology.StepGroup, "create the hub's security group"), neutron.Group{Name: name("hub"), ProjectID: project}),
		k.subnets.Make(step(topology.StepSubnet, "create the hub subnet", topology.StepFoundation), topology.StepNetwork, k.poolOf(tenant),
			neutron.Subnet{Name: name("hub-subnet"), ProjectID: project, CIDR: h.CIDR, Gateway: ipam.Host(h.CIDR, 1), DHCP: true}),
		k.networks.Tag(step(topology.StepTagNetwork, "tag the hub network"), topology.StepNetwork, tags),
		k.routers.Tag(step(topology.StepTagRouter, "tag the hub router"), topology.StepRouter, tags),
		k.groups.Tag(step(topology.StepTagGroup, "tag the hub's security group"), topology.StepGroup, tags),
		k.groups.Rules(step(topology.StepRules, "allow the organisation's traffic in to the hub"), topology.StepGroup, topology.HubRules(h), rules),
		k.interfaces.Gateway(step(topology.StepInterface, "create the interface of the hub router in the hub subnet", topology.StepRouter),
			kit.Made(topology.StepRouter), topology.StepSubnet),
	}
}
