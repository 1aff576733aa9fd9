package app_test

import (
	"slices"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/provision/plantest"
)

// TestWhatIsAppliedEqualsThePlan takes every kind through its life, each change asked for as a plan first.
func TestWhatIsAppliedEqualsThePlan(t *testing.T) {
	w := newWorld(t, setup{})
	ctx := t.Context()
	before := w.count()
	p := plantest.Prover{Pool: w.pool, Done: w.done, Service: "network"}
	dev, prod := org+"/vpcs/dev", org+"/vpcs/prod"
	rules := []*networkv1.IngressRule{{Name: "web", Protocol: networkv1.IngressRule_TCP, PortMin: 443, SourceCidr: "0.0.0.0/0"}}

	p.Proves(t, "make boundary", func(only bool) (*longrunningpb.Operation, error) {
		return w.base.EnsureBoundary(ctx, &networkinternalv1.EnsureBoundaryRequest{Tenant: tenant, TenantUid: "ten_1", NetworkCidr: space, ValidateOnly: only})
	})
	p.Proves(t, "make hub", func(only bool) (*longrunningpb.Operation, error) {
		return w.base.EnsureHub(ctx, &networkinternalv1.EnsureHubRequest{
			Organisation: org, OrganisationUid: "org_1", ProjectId: "proj-core", Mode: typev1.ResourceMode_MUTUALIZED, ValidateOnly: only,
		})
	})
	var quota []*operationv1.QuotaEffect
	for _, id := range []string{"dev", "prod"} {
		plan := p.Proves(t, "make VPC "+id, func(only bool) (*longrunningpb.Operation, error) {
			return w.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: org, VpcId: id, Vpc: &networkv1.Vpc{IngressRules: rules}, RequestId: "r-" + id, ValidateOnly: only})
		})
		quota = plan.GetQuota()
	}
	if want := map[string]int32{"networks": 2, "routers": 1, "ports": 3, "security_groups": 1, "vpcs": 1}; !equalUse(quota, want) {
		t.Errorf("a VPC takes %v", quota)
	}
	p.Proves(t, "change rules", func(only bool) (*longrunningpb.Operation, error) {
		return w.vpcs.UpdateVpc(ctx, &networkv1.UpdateVpcRequest{
			Vpc: &networkv1.Vpc{Name: dev}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"ingress_rules"}}, ValidateOnly: only,
		})
	})
	p.Proves(t, "ask for peering", func(only bool) (*longrunningpb.Operation, error) {
		return w.peers.CreatePeering(ctx, &networkv1.CreatePeeringRequest{
			Parent: tenant, PeeringId: "link", Peering: &networkv1.Peering{Vpc: dev, PeerVpc: prod}, ValidateOnly: only,
		})
	})
	p.Proves(t, "accept peering", func(only bool) (*longrunningpb.Operation, error) {
		return w.peers.AcceptPeering(ctx, &networkv1.AcceptPeeringRequest{Name: tenant + "/peerings/link", ValidateOnly: only})
	})
	// The preview of everything is all that is in the ledger.
	preview, err := w.base.PreviewRemoval(ctx, &networkinternalv1.PreviewRemovalRequest{Name: org})
	must(t, err)
	whole, err := w.base.PreviewRemoval(ctx, &networkinternalv1.PreviewRemovalRequest{Name: tenant})
	must(t, err)
	if len(preview.GetObjects()) < 35 || len(whole.GetObjects()) != len(preview.GetObjects())+3 {
		t.Errorf("the organisation has %d objects, the tenant %d", len(preview.GetObjects()), len(whole.GetObjects()))
	}
	foretold := map[string]bool{}
	for _, o := range whole.GetObjects() {
		foretold[o.GetType()+o.GetId()] = true
	}
	gone := 0
	deletion := func(what string, call plantest.Call) {
		t.Helper()
		for _, o := range p.Proves(t, what, call).GetObjects() {
			if gone++; !foretold[o.GetType()+o.GetId()] {
				t.Errorf("%s removes %s %s, which was not foretold", what, o.GetType(), o.GetId())
			}
		}
	}
	deletion("delete peering", func(only bool) (*longrunningpb.Operation, error) {
		return w.peers.DeletePeering(ctx, &networkv1.DeletePeeringRequest{Name: tenant + "/peerings/link", ValidateOnly: only})
	})
	for _, name := range []string{dev, prod} {
		deletion("delete "+name, func(only bool) (*longrunningpb.Operation, error) {
			return w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: name, ValidateOnly: only})
		})
	}
	deletion("delete hub", func(only bool) (*longrunningpb.Operation, error) {
		return w.base.DeleteHub(ctx, &networkinternalv1.DeleteHubRequest{Organisation: org, ValidateOnly: only})
	})
	deletion("delete boundary", func(only bool) (*longrunningpb.Operation, error) {
		return w.base.DeleteBoundary(ctx, &networkinternalv1.DeleteBoundaryRequest{Tenant: tenant, ValidateOnly: only})
	})
	if gone != len(foretold) || w.count() != before {
		t.Errorf("%d objects went, %d were foretold, the cloud holds %d, %d before", gone, len(foretold), w.count(), before)
	}
}

func equalUse(got []*operationv1.QuotaEffect, want map[string]int32) bool {
	return len(got) == len(want) && !slices.ContainsFunc(got, func(q *operationv1.QuotaEffect) bool { return q.GetUsageChange() != want[q.GetResource()] })
}

// A plan meets the errors the call would meet, and one that was asked for does not use its request id up.
func TestPlanMeetsTheSameErrors(t *testing.T) {
	w := newWorld(t, setup{})
	ctx := t.Context()
	w.foundation()
	v := w.vpc("dev", &networkv1.Vpc{DeletionProtection: true})
	_, err := w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: v.GetName(), ValidateOnly: true})
	refused(t, err, codes.FailedPrecondition, "DELETION_PROTECTED")
	_, err = w.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: org, VpcId: "dev", Vpc: &networkv1.Vpc{}, ValidateOnly: true})
	refused(t, err, codes.AlreadyExists, "VPC_EXISTS")
	_, err = w.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: org, VpcId: "aa", Vpc: &networkv1.Vpc{Cidr: "192.168.0.0/20"}, ValidateOnly: true})
	refused(t, err, codes.InvalidArgument, "CIDR_OUTSIDE_TENANT")
	for _, only := range []bool{true, false} {
		req := &networkv1.CreateVpcRequest{Parent: org, VpcId: "bb", Vpc: &networkv1.Vpc{}, RequestId: "same", ValidateOnly: only}
		op, err := w.vpcs.CreateVpc(ctx, req)
		if err != nil || op.GetDone() != only {
			t.Errorf("validate_only %t: %v, %v", only, op, err)
		}
	}
}

func TestPlan_updateOfRules_showsTheFields(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	v := w.vpc("dev", &networkv1.Vpc{DisplayName: "a"})
	fields := func(op *longrunningpb.Operation, err error) (out []string) {
		must(t, err)
		m := &operationv1.OperationMetadata{}
		must(t, op.GetMetadata().UnmarshalTo(m))
		for _, f := range m.GetPlan().GetFields() {
			out = append(out, f.GetAction().String()+" "+f.GetPath()+" "+f.GetBefore()+">"+f.GetAfter())
		}
		return out
	}
	got := fields(w.vpcs.UpdateVpc(t.Context(), &networkv1.UpdateVpcRequest{
		ValidateOnly: true, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name", "ingress_rules"}},
		Vpc: &networkv1.Vpc{Name: v.GetName(), DisplayName: "b", IngressRules: []*networkv1.IngressRule{
			{Name: "all", Protocol: networkv1.IngressRule_TCP, SourceCidr: "0.0.0.0/0"},
		}},
	}))
	if want := []string{"CHANGE display_name a>b", "ADD ingress_rules >all tcp 0.0.0.0/0"}; !slices.Equal(got, want) {
		t.Errorf("the update shows %v, want %v", got, want)
	}
	got = fields(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: v.GetName(), ValidateOnly: true}))
	if !slices.Contains(got, "REMOVE display_name a>") || !slices.Contains(got, "REMOVE cidr "+v.GetCidr()+">") {
		t.Errorf("the deletion shows %v", got)
	}
}
