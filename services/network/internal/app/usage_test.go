package app_test

import (
	"testing"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

// TestUsage_everyBillableKind_emits follows a hub, two VPCs and a peering from their making to their deletion.
func TestUsage_everyBillableKind_emits(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	open := func() (n int) {
		must(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM usage_open`).Scan(&n))
		return n
	}
	if n := open(); n != 1 { // the hub's router
		t.Errorf("%d open spans of a hub, want 1", n)
	}
	a, b := w.vpc("dev", &networkv1.Vpc{Mode: typev1.ResourceMode_DEDICATED}), w.vpc("prod", &networkv1.Vpc{})
	if n := open(); n != 5 {
		t.Errorf("%d open spans, want 5: a hub has a router, a VPC is a VPC and has a router", n)
	}
	p := w.peer("link", a, b)
	if n := open(); n != 5 {
		t.Errorf("a peering that is not accepted has usage: %d open spans", n)
	}
	w.done(w.peers.AcceptPeering(t.Context(), &networkv1.AcceptPeeringRequest{Name: p.GetName()}))
	if n := open(); n != 6 {
		t.Errorf("%d open spans, want 6 with the peering", n)
	}
	w.done(w.vpcs.UpdateVpc(t.Context(), &networkv1.UpdateVpcRequest{Vpc: &networkv1.Vpc{Name: a.GetName(), DisplayName: "x"}}))
	if n := w.told("usage.changed"); n != 4 {
		t.Errorf("%d changes of usage, want 4: a new name alters none", n)
	}
	w.done(w.peers.DeletePeering(t.Context(), &networkv1.DeletePeeringRequest{Name: p.GetName()}))
	op, err := w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: a.GetName(), ValidateOnly: true})
	must(t, err)
	if u := metadata(t, op).GetPlan().GetUsage(); len(u) != 2 || u[1].GetMeter() != "vpc" || u[1].GetMode() != typev1.ResourceMode_DEDICATED || u[1].GetQuantityBefore() != 1 || u[1].GetQuantityAfter() != 0 {
		t.Errorf("the plan of a deletion alters %v", u)
	}
	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: a.GetName()}))
	if n, told := open(), w.told("usage.changed"); n != 3 || told != 6 {
		t.Errorf("%d open spans and %d changes, want 3 and 6", n, told)
	}
}
