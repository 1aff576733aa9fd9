package provision

import (
	"context"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/openstack/kit"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/topology"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// peeringSpec is a peering with both its ends, whose addresses and projects never change.
type peeringSpec struct {
	peering.Peering
	a, b vpc.Vpc
}

// Peering is the life of a peering: nothing until it is accepted, then a link between the two VPC routers, a route on each
// of them and a rule in each security group. The link belongs to the project of the VPC that asked.
func (k *Kit) Peering() engine.Kind[peeringSpec] {
	return engine.Kind[peeringSpec]{
		Name: peering.Kind,
		Objects: []engine.Object{
			k.networks.Object(), k.subnets.Object(), k.interfaces.Object(), k.ports.Object(), k.routes.Object(), k.rules.Object(),
		},
		Inventory: kit.Inventory(k.cloud, project(func(s peeringSpec) string { return s.a.ProjectID })),
		Quota:     quotaEffect[peeringSpec],
		Usage:     peeringUsage,
		Load:      k.loadPeering,
		Plan: func(_ engine.Resource, s peeringSpec) ([]engine.Step, error) {
			if s.Acceptance != peering.Accepted {
				return nil, nil
			}
			return k.peeringSteps(s), nil
		},
		Past: func(_ engine.Resource, s peeringSpec, name string) (engine.Step, bool) {
			return engine.Among(k.peeringSteps(s), name)
		},
		Settled: func(ctx context.Context, tx pgx.Tx, s engine.Settlement) error {
			return k.records.SettlePeering(ctx, tx, s)
		},
		Response: func(s peeringSpec) proto.Message { return k.messages.Peering(s.Peering) },
	}
}

// peeringUsage: a peering has objects once it is accepted, in the mode of the VPC that asked for it.
func peeringUsage(s peeringSpec) []usage.Item {
	if s.Acceptance != peering.Accepted {
		return nil
	}
	return usage.Of(peering.Kind, s.a.Mode)
}

func (k *Kit) loadPeering(ctx context.Context, q engine.Querier, uid string) (s peeringSpec, err error) {
	if s.Peering, err = k.records.LoadPeering(ctx, q, uid); err != nil {
		return s, err
	}
	if s.a, err = k.records.LoadVpc(ctx, q, s.VpcUID); err != nil {
		return s, err
	}
	s.b, err = k.records.LoadVpc(ctx, q, s.PeerUID)
	return s, err
}

func (k *Kit) peeringSteps(s peeringSpec) []engine.Step {
	project := s.a.ProjectID
	name := func(role string) string { return naming.Object(s.Name.Peering, role, s.UID) }
	ofVpc, ofPeer := topology.PeeringRoutes(s.Peering, s.a.CIDR, s.b.CIDR)
	router, peerRouter := k.routerOf(s.VpcUID), k.routerOf(s.PeerUID)
	return []engine.Step{
		engine.Wait(step(topology.StepFoundation, "wait for both VPCs"), func(ctx context.Context, _ *engine.Run) error {
			a, b, err := k.ends(ctx, s.Peering)
			if err != nil {
				return err
			}
			for _, v := range []vpc.Vpc{a, b} {
				if v.Cloud.RouterID == "" || v.Cloud.SecurityGroupID == "" {
					return waiting(v.Name.String(), v.Status.State)
				}
			}
			return nil
		}),
		k.networks.Make(step(topology.StepNetwork, "create the network of the link"), neutron.Network{Name: name("peering"), ProjectID: project}),
		k.subnets.Make(step(topology.StepSubnet, "create the subnet of the link", topology.StepFoundation), topology.StepNetwork, k.linkPoolOf(s.Name.Tenant),
			neutron.Subnet{Name: name("peering-subnet"), ProjectID: project, CIDR: s.Link, Gateway: ipam.Host(s.Link, 1)}),
		k.networks.Tag(step(topology.StepTagNetwork, "tag the network of the link"), topology.StepNetwork, naming.Tags(s.UID, s.Name.Tenant)),
		k.interfaces.Gateway(step(topology.StepInterface, "create the interface of the VPC's router on the link", topology.StepFoundation), router, topology.StepSubnet),
		k.ports.Make(step(topology.StepPeerPort, "create the peer router's port on the link"), topology.StepNetwork, topology.StepSubnet,
			ipam.Host(s.Link, 2), neutron.Port{Name: name("peer-port"), ProjectID: project}),
		k.interfaces.Join(step(topology.StepPeerInterface, "create the interface of the peer's router on the link", topology.StepFoundation), peerRouter,
			topology.StepPeerPort, topology.StepSubnet),
		k.routes.Make(step(topology.StepVpcRoute, "create the route from the VPC to the peer", topology.StepInterface), router, ofVpc),
		k.routes.Make(step(topology.StepPeerRoute, "create the route from the peer to the VPC", topology.StepPeerInterface), peerRouter, ofPeer),
		k.rules.Make(step(topology.StepRule, "create the rule that allows the peer in to the VPC", topology.StepFoundation), k.groupOf(s.VpcUID),
			topology.PeeringRule(s.UID, s.a.ProjectID, s.b.CIDR)),
		k.rules.Make(step(topology.StepPeerRule, "create the rule that allows the VPC in to the peer", topology.StepFoundation), k.groupOf(s.PeerUID),
			topology.PeeringRule(s.UID, s.b.ProjectID, s.a.CIDR)),
	}
}

func (k *Kit) ends(ctx context.Context, p peering.Peering) (a, b vpc.Vpc, err error) {
	if a, err = k.records.Vpc(ctx, p.VpcUID); err != nil {
		return a, b, err
	}
	b, err = k.records.Vpc(ctx, p.PeerUID)
	return a, b, err
}

func ourRule(r neutron.Rule) bool { return naming.OurRule(r.Description) }

// unwantedRules are those of the rules that neither VPC asks for: a rule that a VPC wants too stays, as the VPC's.
func (k *Kit) unwantedRules(ctx context.Context, run *engine.Run, of []neutron.Rule) ([]neutron.Rule, error) {
	s, err := engine.SpecOf[peeringSpec](run.Resource)
	if err != nil {
		// A deletion must not depend on the spec. Drift puts back what a VPC misses then.
		return of, nil //nolint:nilerr // see above
	}
	a, b, err := k.ends(ctx, s.Peering)
	if err != nil {
		return nil, err
	}
	var out []neutron.Rule
	for _, r := range of {
		wanted := false
		for _, v := range []vpc.Vpc{a, b} {
			wanted = wanted || (v.Cloud.SecurityGroupID == r.GroupID && topology.Holds(topology.VpcRules(v), r))
		}
		if !wanted {
			out = append(out, r)
		}
	}
	return out, nil
}
