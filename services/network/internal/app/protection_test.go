package app_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
)

func TestProtectedVpcStays(t *testing.T) {
	w := newWorld(t, setup{})
	ctx := t.Context()
	w.foundation()
	v := w.vpc("dev", &networkv1.Vpc{DeletionProtection: true})
	w.vpc("prod", &networkv1.Vpc{})
	_, err := w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: v.GetName()})
	if e := refusal(t, err, codes.FailedPrecondition, "DELETION_PROTECTED"); e.Metadata["resource"] != v.GetName() {
		t.Errorf("got %v", e)
	}
	page, err := w.vpcs.ListVpcs(ctx, &networkv1.ListVpcsRequest{Parent: tenant + "/organisations/-", Filter: "deletion_protection = true"})
	if err != nil || len(page.GetVpcs()) != 1 || !page.GetVpcs()[0].GetDeletionProtection() {
		t.Errorf("got %v, %v", page, err)
	}
	// Protection is no cloud's matter: neither is lifting it.
	w.sim.Cloud.ResetCalls()
	w.done(w.vpcs.UpdateVpc(ctx, &networkv1.UpdateVpcRequest{
		Vpc: &networkv1.Vpc{Name: v.GetName()}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"deletion_protection"}},
	}))
	if calls := w.sim.Cloud.Calls(); len(calls) > 0 {
		t.Errorf("the cloud was called: %v", calls)
	}
	w.done(w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: v.GetName()}))
}
