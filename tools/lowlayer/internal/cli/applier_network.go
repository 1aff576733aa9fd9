package cli

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/tools/lowlayer/internal/blueprint"
)

// vpcs creates VPCs that the order of the organisation did not, and sets fields that the order cannot: ingress rules, protection.
func (p *applier) vpcs(ctx context.Context) error {
	for _, v := range p.b.VPCs {
		if err := p.vpc(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

func (p *applier) vpc(ctx context.Context, v blueprint.VPC) error {
	name := p.vpcName(v.ID)
	mode, err := modeOf(v.Mode)
	if err != nil {
		return err
	}
	want := &networkv1.Vpc{
		DisplayName: v.DisplayName, Labels: v.Labels, Mode: mode, Cidr: v.CIDR, IngressRules: ingressRules(v.IngressRules),
		DeletionProtection: said(v.DeletionProtection),
	}
	if done, err := p.unplanned(name, want); done || err != nil {
		return err
	}
	have, exists, err := settled[*networkv1.Vpc](ctx, p, name)
	if err != nil {
		return err
	}
	if !exists {
		op, err := p.api.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: p.organisationName(), VpcId: v.ID, Vpc: want})
		err = p.order(ctx, name, created, op, err)
		p.newVpc(name)
		return err
	}
	if err := impossible(vpcConflicts(have, mode, v.CIDR)); err != nil {
		return err
	}
	mask := differing(have.GetDisplayName(), v.DisplayName, have.GetLabels(), v.Labels)
	if !sameRules(have.GetIngressRules(), want.GetIngressRules()) {
		mask = append(mask, "ingress_rules")
	}
	mask = append(mask, differingProtection(have.GetDeletionProtection(), v.DeletionProtection)...)
	outcome := updated
	if p.ordered[name] { // its rules are part of its creation
		outcome = created
	} else if len(mask) == 0 {
		outcome = unchanged
	}
	if len(mask) == 0 {
		p.did(name, outcome, nil)
		return nil
	}
	want.Name, want.Etag, want.Cidr, want.Mode = name, have.GetEtag(), "", 0
	op, err := p.api.vpcs.UpdateVpc(ctx, &networkv1.UpdateVpcRequest{Vpc: want, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask}})
	return p.order(ctx, name, outcome, op, err)
}

// newVpc records a VPC that is only planned: its siblings can be planned, its peerings cannot.
func (p *applier) newVpc(name string) {
	if p.app.plan {
		p.unmade, p.unmadeVpc = "", name
	}
}

// peerings creates and accepts each peering: the owner of a blueprint speaks for both sides.
func (p *applier) peerings(ctx context.Context) error {
	if p.unmade == "" {
		p.unmade = p.unmadeVpc
	}
	for _, w := range p.b.Peerings {
		if err := p.peering(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

func (p *applier) peering(ctx context.Context, w blueprint.Peering) error {
	name := p.peeringName(w.ID)
	want := &networkv1.Peering{Vpc: p.vpcName(w.VPC), PeerVpc: p.vpcName(w.Peer)}
	if done, err := p.unplanned(name, want); done || err != nil {
		return err
	}
	have, exists, err := settled[*networkv1.Peering](ctx, p, name)
	if err != nil {
		return err
	}
	if !exists {
		op, err := p.api.peerings.CreatePeering(ctx, &networkv1.CreatePeeringRequest{
			Parent: p.tenantName(), PeeringId: w.ID, Peering: want,
		})
		if err := p.order(ctx, name, created, op, err); err != nil {
			return err
		}
		if p.app.plan {
			p.unmade = ""
			p.app.note("%s: its acceptance can be planned once it exists", name)
			return nil
		}
	} else if err := impossible(peeringConflicts(have, p.vpcName(w.VPC), p.vpcName(w.Peer))); err != nil {
		return err // accepting it would open another VPC than the blueprint names
	}
	if have.GetAcceptance() == networkv1.Peering_ACCEPTED {
		p.did(name, unchanged, nil)
		return nil
	}
	op, err := p.api.peerings.AcceptPeering(ctx, &networkv1.AcceptPeeringRequest{Name: name})
	if err == nil && p.app.plan {
		return p.app.printPlan(op)
	}
	if err == nil && exists {
		p.did(name, updated, op)
	}
	if err == nil {
		_, err = p.app.follow(ctx, op, nil)
	}
	if err != nil {
		return fmt.Errorf("accept %s: %w", name, err)
	}
	return nil
}
