package provision

import (
	"context"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/topology"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Peering is the life of a peering: nothing until it is accepted, then a link between the two VPC routers, a route on each
// of them and a rule in each security group. The link belongs to the project of the VPC that asked.
func (k *Kit) Peering() engine.Kind {
	return engine.Kind{
		Name: peering.Kind,
		Objects: []engine.Object{
			k.networkEnd(), k.subnetEnd(), k.interfaceEnd(), k.portEnd(), k.routeEnd(), k.ruleEnd(),
		},
		Plan: func(r engine.Resource) ([]engine.Step, error) {
			s, err := specOf[peeringSpec](r)
			if err != nil {
				return nil, err
			}
			if s.Acceptance != peering.Accepted {
				return nil, nil
			}
			return k.peeringSteps(s), nil
		},
		Load: func(ctx context.Context, q engine.Querier, uid string) (any, error) {
			return k.loadPeering(ctx, q, uid)
		},
		Settled: func(ctx context.Context, tx pgx.Tx, s engine.Settlement) error {
			return k.records.SettlePeering(ctx, tx, s)
		},
		Response: func(ctx context.Context, q engine.Querier, uid string) (proto.Message, error) {
			p, err := k.records.LoadPeering(ctx, q, uid)
			if err != nil {
				return nil, err
			}
			return k.messages.Peering(p), nil
		},
	}
}

// peeringSpec is a peering with both its ends, whose addresses and projects never change.
type peeringSpec struct {
	peering.Peering
	a, b vpc.Vpc
}

func (k *Kit) loadPeering(ctx context.Context, q engine.Querier, uid string) (any, error) {
	p, err := k.records.LoadPeering(ctx, q, uid)
	if err != nil {
		return nil, err
	}
	a, err := k.records.LoadVpc(ctx, q, p.VpcUID)
	if err != nil {
		return nil, err
	}
	b, err := k.records.LoadVpc(ctx, q, p.PeerUID)
	return peeringSpec{Peering: p, a: a, b: b}, err
}

func (k *Kit) peeringSteps(s peeringSpec) []engine.Step {
	name := func(role string) string { return naming.Object(s.Name.Peering, role, s.UID) }
	link := subnetPlan{
		name: name("peering-subnet"), project: s.a.ProjectID, network: topology.StepNetwork, cidr: s.Link, gateway: ipam.Host(s.Link, 1),
		pool: k.linkPoolOf(s.Name.Tenant),
	}
	ofVpc, ofPeer := topology.PeeringRoutes(s.Peering, s.a.CIDR, s.b.CIDR)
	router, peerRouter := k.routerOf(s.VpcUID), k.routerOf(s.PeerUID)
	return []engine.Step{
		k.endsReady(s),
		k.networkStep(topology.StepNetwork, "create the network of the link", name("peering"), s.a.ProjectID),
		k.subnetStep(topology.StepSubnet, "create the subnet of the link", link, topology.StepFoundation),
		k.tagStep(topology.StepTagNetwork, "tag the network of the link", topology.StepNetwork, neutron.TagNetwork, naming.Tags(s.UID, s.Name.Tenant)),
		k.interfaceStep(topology.StepInterface, "join the router of the VPC to the link", router, topology.StepSubnet, topology.StepFoundation),
		k.portStep(topology.StepPeerPort, "create the peer router's port on the link", name("peer-port"), s.a.ProjectID,
			topology.StepNetwork, topology.StepSubnet, ipam.Host(s.Link, 2)),
		k.attachStep(topology.StepPeerInterface, "join the router of the peer to the link", peerRouter, topology.StepPeerPort, topology.StepSubnet, topology.StepFoundation),
		k.routeStep(topology.StepVpcRoute, "route the VPC to the peer", router, ofVpc.Destination, ofVpc.NextHop, topology.StepInterface),
		k.routeStep(topology.StepPeerRoute, "route the peer to the VPC", peerRouter, ofPeer.Destination, ofPeer.NextHop, topology.StepPeerInterface),
		k.ruleStep(topology.StepRule, "allow the peer in to the VPC", k.groupOf(s.VpcUID),
			topology.PeeringRule(s.UID, s.a.ProjectID, s.b.CIDR), topology.StepFoundation),
		k.ruleStep(topology.StepPeerRule, "allow the VPC in to the peer", k.groupOf(s.PeerUID),
			topology.PeeringRule(s.UID, s.b.ProjectID, s.a.CIDR), topology.StepFoundation),
	}
}

// endsReady waits until both VPCs can be linked.
func (k *Kit) endsReady(s peeringSpec) engine.Step {
	return engine.Step{
		Name: topology.StepFoundation, Title: "wait for both VPCs", Digest: "1",
		Do: func(ctx context.Context, _ *engine.Run) (engine.External, error) {
			a, b, err := k.ends(ctx, s.Peering)
			if err != nil {
				return engine.External{}, err
			}
			for _, v := range []vpc.Vpc{a, b} {
				if v.Cloud.RouterID == "" || v.Cloud.SecurityGroupID == "" {
					return engine.External{}, waiting(v.Name.String(), v.Status.State)
				}
			}
			return engine.External{}, nil
		},
	}
}

func (k *Kit) ends(ctx context.Context, p peering.Peering) (a, b vpc.Vpc, err error) {
	if a, err = k.records.Vpc(ctx, p.VpcUID); err != nil {
		return a, b, err
	}
	b, err = k.records.Vpc(ctx, p.PeerUID)
	return a, b, err
}

func (k *Kit) routerOf(uid string) idOf {
	return func(ctx context.Context, _ *engine.Run) (string, error) {
		v, err := k.records.Vpc(ctx, uid)
		return v.Cloud.RouterID, notReady(v, v.Cloud.RouterID, err)
	}
}

func (k *Kit) groupOf(uid string) idOf {
	return func(ctx context.Context, _ *engine.Run) (string, error) {
		v, err := k.records.Vpc(ctx, uid)
		return v.Cloud.SecurityGroupID, notReady(v, v.Cloud.SecurityGroupID, err)
	}
}

func notReady(v vpc.Vpc, id string, err error) error {
	if err != nil || id != "" {
		return err
	}
	return errs.New(errs.CodeNotFound, "VPC_NOT_READY", "%q is not made yet; wait until it is ACTIVE", v.Name)
}
