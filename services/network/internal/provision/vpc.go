package provision

import (
	"context"
	"net/netip"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/kit"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/topology"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Vpc is the life of a VPC: a network with a router of its own, a link to the hub router with the routes over it, and a
// security group that lets in what is named and nothing else. It is made with 17 writing calls, see the README.
func (k *Kit) Vpc() engine.Kind[vpc.Vpc] {
	return engine.Kind[vpc.Vpc]{
		Name: vpc.Kind,
		Objects: []engine.Object{
			k.networks.Object(), k.subnets.Object(), k.routers.Object(), k.interfaces.Object(), k.ports.Object(), k.routes.Object(), k.groups.Object(),
		},
		Inventory: kit.Inventory(k.cloud, project(func(v vpc.Vpc) string { return v.ProjectID })),
		Quota:     quotaEffect[vpc.Vpc],
		Usage:     func(v vpc.Vpc) []usage.Item { return usage.Of(vpc.Kind, v.Mode) },
		Load:      k.records.LoadVpc,
		Plan:      func(_ engine.Resource, v vpc.Vpc) ([]engine.Step, error) { return k.vpcSteps(v), nil },
		Settled: func(ctx context.Context, tx pgx.Tx, s engine.Settlement) error {
			return k.records.SettleVpc(ctx, tx, s, vpc.Cloud{
				NetworkID: s.Objects[topology.StepNetwork].ID, SubnetID: s.Objects[topology.StepSubnet].ID, RouterID: s.Objects[topology.StepRouter].ID,
				TransitNetworkID: s.Objects[topology.StepTransitNetwork].ID, SecurityGroupID: s.Objects[topology.StepGroup].ID,
			})
		},
		Response: k.messages.Vpc,
	}
}

func (k *Kit) vpcSteps(v vpc.Vpc) []engine.Step {
	tenant, project := v.Name.Tenant, v.ProjectID
	name := func(role string) string { return naming.Object(v.Name.Vpc, role, v.UID) }
	tags := naming.Tags(v.UID, tenant)
	router, hubRouter := kit.Made(topology.StepRouter), k.hubRouter(v)
	return []engine.Step{
		engine.Wait(step(topology.StepFoundation, "wait for the hub of the organisation"), func(ctx context.Context, _ *engine.Run) error {
			h, err := k.records.HubOf(ctx, tenant, v.Name.Organisation)
			if err == nil && h.Cloud.RouterID == "" {
				err = waiting("the hub of the organisation", h.Status.State)
			}
			return err
		}),
		k.networks.Make(step(topology.StepTransitNetwork, "create the network of the link to the hub"), neutron.Network{Name: name("transit"), ProjectID: project}),
		k.networks.Make(step(topology.StepNetwork, "create the VPC network"), neutron.Network{Name: name("network"), ProjectID: project}),
		k.routers.Make(step(topology.StepRouter, "create the VPC router"), neutron.Router{Name: name("router"), ProjectID: project}, k.vpcRoutes(v)),
		k.groups.Make(step(topology.StepGroup, "create the VPC's security group"), neutron.Group{Name: name("vpc"), ProjectID: project}),
		// Without DHCP Neutron takes no address for itself: a link has two, and both are spoken for.
		k.subnets.Make(step(topology.StepTransitSubnet, "create the subnet of the link", topology.StepFoundation), topology.StepTransitNetwork, k.linkPoolOf(tenant),
			neutron.Subnet{Name: name("transit-subnet"), ProjectID: project, CIDR: v.Transit, Gateway: ipam.Host(v.Transit, 1)}),
		k.subnets.Make(step(topology.StepSubnet, "create the VPC subnet", topology.StepFoundation), topology.StepNetwork, k.poolOf(tenant),
			neutron.Subnet{Name: name("subnet"), ProjectID: project, CIDR: v.CIDR, Gateway: ipam.Host(v.CIDR, 1), DHCP: true}),
		k.ports.Make(step(topology.StepTransitPort, "create the VPC router's port on the link"), topology.StepTransitNetwork, topology.StepTransitSubnet,
			ipam.Host(v.Transit, 2), neutron.Port{Name: name("transit-port"), ProjectID: project}),
		k.interfaces.Gateway(step(topology.StepHubInterface, "create the interface of the hub router on the link", topology.StepFoundation), hubRouter, topology.StepTransitSubnet),
		k.interfaces.Join(step(topology.StepTransitInterface, "create the interface of the VPC router on the link", topology.StepRouter), router,
			topology.StepTransitPort, topology.StepTransitSubnet),
		k.interfaces.Gateway(step(topology.StepInterface, "create the interface of the VPC router in the VPC subnet", topology.StepRouter), router, topology.StepSubnet),
		k.groups.Rules(step(topology.StepRules, "allow in the VPC itself, the bastion and what was asked for"), topology.StepGroup, topology.VpcRules(v), k.compareRules(v)),
		k.networks.Tag(step(topology.StepTagNetwork, "tag the VPC network"), topology.StepNetwork, tags),
		k.networks.Tag(step(topology.StepTagTransitNetwork, "tag the network of the link"), topology.StepTransitNetwork, tags),
		k.routers.Tag(step(topology.StepTagRouter, "tag the VPC router"), topology.StepRouter, tags),
		k.groups.Tag(step(topology.StepTagGroup, "tag the VPC's security group"), topology.StepGroup, tags),
		// The link carries the hub's traffic and no other: that keeps VPCs apart.
		k.routes.Make(step(topology.StepVpcRoute, "create the route from the VPC to the hub", topology.StepTransitInterface, topology.StepRouter), router, topology.VpcRoute(v)),
		k.routes.Make(step(topology.StepHubRoute, "create the route from the hub to the VPC", topology.StepHubInterface), hubRouter, topology.HubRoute(v)),
	}
}

func (k *Kit) hubRouter(v vpc.Vpc) kit.Ref {
	return func(ctx context.Context, _ *engine.Run) (string, error) {
		h, err := k.records.HubOf(ctx, v.Name.Tenant, v.Name.Organisation)
		return known(h.Cloud.RouterID, err,
			errs.New(errs.CodeNotFound, "HUB_NOT_READY", "the hub is %s; wait until it is ACTIVE", strings.ToLower(string(h.Status.State))))
	}
}

// compareRules spares the rules that peerings stand on, which make and remove them themselves. A peering that is going
// needs none: a rule it leaves because the VPC wants it too is the VPC's.
func (k *Kit) compareRules(v vpc.Vpc) kit.Compare {
	return func(ctx context.Context, have, want []neutron.Rule) (missing, surplus []neutron.Rule, err error) {
		peerings, err := k.records.PeeringsOf(ctx, v.UID)
		if err != nil {
			return nil, nil, err
		}
		others := make([]netip.Prefix, len(peerings))
		for i, p := range peerings {
			a, b, err := k.ends(ctx, p)
			if err != nil {
				return nil, nil, err
			}
			if others[i] = b.CIDR; p.PeerUID == v.UID {
				others[i] = a.CIDR
			}
		}
		missing, surplus = topology.CompareRules(have, want, func(r neutron.Rule) bool {
			for i, p := range peerings {
				if p.Status.State != resource.Deleting && topology.PeeringNeeds(p, others[i], r) {
					return true
				}
			}
			return false
		})
		return missing, surplus, nil
	}
}

// vpcRoutes are those to the hub and to peers, as the records have them now.
func (k *Kit) vpcRoutes(v vpc.Vpc) func(context.Context) ([]neutron.Route, error) {
	return func(ctx context.Context) ([]neutron.Route, error) {
		routes := []neutron.Route{topology.VpcRoute(v)}
		peerings, err := k.records.PeeringsOf(ctx, v.UID)
		if err != nil {
			return nil, err
		}
		for _, p := range peerings {
			if p.Acceptance != peering.Accepted {
				continue
			}
			a, b, err := k.ends(ctx, p)
			if err != nil {
				return nil, err
			}
			ofVpc, ofPeer := topology.PeeringRoutes(p, a.CIDR, b.CIDR)
			if p.VpcUID == v.UID {
				routes = append(routes, ofVpc)
			} else {
				routes = append(routes, ofPeer)
			}
		}
		return routes, nil
	}
}
