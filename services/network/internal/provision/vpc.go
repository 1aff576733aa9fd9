package provision

import (
	"context"
	"net/netip"
	"strings"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/topology"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Vpc is the life of a VPC: a network with a router of its own, a link to the hub router with the routes over it, and a
// security group that lets in what is named and nothing else. It is made with 17 writing calls, see the README.
func (k *Kit) Vpc() engine.Kind {
	return engine.Kind{
		Name: vpc.Kind,
		Objects: []engine.Object{
			k.networkEnd(), k.subnetEnd(), k.routerEnd(), k.interfaceEnd(), k.portEnd(), k.routeEnd(), k.groupEnd(),
		},
		Plan: func(r engine.Resource) ([]engine.Step, error) {
			v, err := specOf[vpc.Vpc](r)
			if err != nil {
				return nil, err
			}
			return k.vpcSteps(v), nil
		},
		Load: func(ctx context.Context, q engine.Querier, uid string) (any, error) {
			return k.records.LoadVpc(ctx, q, uid)
		},
		Settled: func(ctx context.Context, tx pgx.Tx, s engine.Settlement) error {
			return k.records.SettleVpc(ctx, tx, s, vpc.Cloud{
				NetworkID: s.Objects[topology.StepNetwork].ID, SubnetID: s.Objects[topology.StepSubnet].ID, RouterID: s.Objects[topology.StepRouter].ID,
				TransitNetworkID: s.Objects[topology.StepTransitNetwork].ID, SecurityGroupID: s.Objects[topology.StepGroup].ID,
			})
		},
		Response: func(ctx context.Context, q engine.Querier, uid string) (proto.Message, error) {
			v, err := k.records.LoadVpc(ctx, q, uid)
			if err != nil {
				return nil, err
			}
			return k.messages.Vpc(v), nil
		},
	}
}

func (k *Kit) vpcSteps(v vpc.Vpc) []engine.Step {
	name := func(role string) string { return naming.Object(v.Name.Vpc, role, v.UID) }
	tags := naming.Tags(v.UID, v.Name.Tenant)
	subnet := subnetPlan{
		name: name("subnet"), project: v.ProjectID, network: topology.StepNetwork, cidr: v.CIDR, gateway: ipam.Host(v.CIDR, 1), dhcp: true,
		pool: k.poolOf(v.Name.Tenant),
	}
	// Without DHCP Neutron takes no address for itself: a link has two, and both are spoken for.
	transit := subnetPlan{
		name: name("transit-subnet"), project: v.ProjectID, network: topology.StepTransitNetwork, cidr: v.Transit,
		gateway: ipam.Host(v.Transit, 1), pool: k.linkPoolOf(v.Name.Tenant),
	}
	vpcRoute, hubRoute := topology.VpcRoute(v), topology.HubRoute(v)
	return []engine.Step{
		k.hubReady(v),
		k.networkStep(topology.StepTransitNetwork, "create the network of the link to the hub", name("transit"), v.ProjectID),
		k.networkStep(topology.StepNetwork, "create the VPC network", name("network"), v.ProjectID),
		k.routerStep(topology.StepRouter, "create the VPC router", name("router"), v.ProjectID, k.vpcRoutes(v)),
		k.groupStep(topology.StepGroup, "create the VPC's security group", name("vpc"), v.ProjectID),
		k.subnetStep(topology.StepTransitSubnet, "create the subnet of the link", transit, topology.StepFoundation),
		k.subnetStep(topology.StepSubnet, "create the VPC subnet", subnet, topology.StepFoundation),
		k.portStep(topology.StepTransitPort, "create the VPC router's port on the link", name("transit-port"), v.ProjectID,
			topology.StepTransitNetwork, topology.StepTransitSubnet, ipam.Host(v.Transit, 2)),
		k.interfaceStep(topology.StepHubInterface, "join the hub router to the link", k.hubRouter(v), topology.StepTransitSubnet, topology.StepFoundation),
		k.attachStep(topology.StepTransitInterface, "join the VPC router to the link", ownRouter, topology.StepTransitPort, topology.StepTransitSubnet, topology.StepRouter),
		k.interfaceStep(topology.StepInterface, "give the router the VPC's gateway address", ownRouter, topology.StepSubnet, topology.StepRouter),
		k.rulesStep(topology.StepRules, "allow in the VPC itself, the bastion and what was asked for", topology.StepGroup, topology.VpcRules(v), k.peeringRules(v)),
		k.tagStep(topology.StepTagNetwork, "tag the VPC network", topology.StepNetwork, neutron.TagNetwork, tags),
		k.tagStep(topology.StepTagTransitNetwork, "tag the network of the link", topology.StepTransitNetwork, neutron.TagNetwork, tags),
		k.tagStep(topology.StepTagRouter, "tag the VPC router", topology.StepRouter, neutron.TagRouter, tags),
		k.tagStep(topology.StepTagGroup, "tag the VPC's security group", topology.StepGroup, neutron.TagGroup, tags),
		// Only what is for the hub goes over the link: that is what keeps VPCs apart.
		k.routeStep(topology.StepVpcRoute, "route the VPC to the hub", ownRouter, vpcRoute.Destination, vpcRoute.NextHop,
			topology.StepTransitInterface, topology.StepRouter),
		k.routeStep(topology.StepHubRoute, "route the hub to the VPC", k.hubRouter(v), hubRoute.Destination, hubRoute.NextHop, topology.StepHubInterface),
	}
}

// peeringRules spares the rules peerings stand on, which make and remove them themselves. One that is going needs none any
// more: what it leaves because the VPC wants it too is the VPC's.
func (k *Kit) peeringRules(v vpc.Vpc) func(context.Context) (func(neutron.Rule) bool, error) {
	return func(ctx context.Context) (func(neutron.Rule) bool, error) {
		peerings, err := k.records.PeeringsOf(ctx, v.UID)
		if err != nil {
			return nil, err
		}
		others := make([]netip.Prefix, len(peerings))
		for i, p := range peerings {
			a, b, err := k.ends(ctx, p)
			if err != nil {
				return nil, err
			}
			if others[i] = b.CIDR; p.PeerUID == v.UID {
				others[i] = a.CIDR
			}
		}
		return func(r neutron.Rule) bool {
			for i, p := range peerings {
				if p.Status.State != resource.Deleting && topology.PeeringNeeds(p, others[i], r) {
					return true
				}
			}
			return false
		}, nil
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

// hubReady waits until there is something to link the VPC to.
func (k *Kit) hubReady(v vpc.Vpc) engine.Step {
	return engine.Step{
		Name: topology.StepFoundation, Title: "wait for the hub of the organisation", Digest: "1",
		Do: func(ctx context.Context, _ *engine.Run) (engine.External, error) {
			h, err := k.hubOf(ctx, v)
			if err != nil {
				return engine.External{}, err
			}
			if h.Cloud.RouterID == "" {
				return engine.External{}, waiting("the hub of the organisation", h.Status.State)
			}
			return engine.External{}, nil
		},
	}
}

func (k *Kit) hubOf(ctx context.Context, v vpc.Vpc) (hub.Hub, error) {
	return k.records.HubOf(ctx, v.Name.Tenant, v.Name.Organisation)
}

func (k *Kit) hubRouter(v vpc.Vpc) idOf {
	return func(ctx context.Context, _ *engine.Run) (string, error) {
		h, err := k.hubOf(ctx, v)
		if err == nil && h.Cloud.RouterID == "" {
			err = errs.New(errs.CodeNotFound, "HUB_NOT_READY", "the hub is %s; wait until it is ACTIVE", strings.ToLower(string(h.Status.State)))
		}
		return h.Cloud.RouterID, err
	}
}
