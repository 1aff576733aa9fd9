package app_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// Networks that are removed by hand while a VPC is created are made anew, whether the VPC is CREATING or BLOCKED.
func TestCreateVpc_networksRemovedByHand_areMadeAnew(t *testing.T) {
	for state, status := range map[typev1.State]int{
		typev1.State_CREATING: http.StatusServiceUnavailable, typev1.State_BLOCKED: http.StatusBadRequest,
	} {
		t.Run(state.String(), func(t *testing.T) {
			w := newWorld(t, setup{engine: impatient})
			w.foundation()
			ctx := t.Context()
			before, err := w.cloud.Networks(ctx, neutron.Filter{ProjectID: "proj-core"})
			must(t, err)
			fault, err := w.sim.Cloud.AddFault(sim.Fault{Method: http.MethodPost, Path: "/v2.0/subnets$", Status: status, RetryAfter: 1})
			must(t, err)
			op, err := w.create("dev", &networkv1.Vpc{})
			must(t, err)
			if state == typev1.State_BLOCKED {
				w.blocked(op, nil)
			}
			gone := 0
			w.until("the networks of the VPC", func() bool {
				all, err := w.cloud.Networks(ctx, neutron.Filter{ProjectID: "proj-core"})
				must(t, err)
				return len(all) == len(before)+2
			})
			all, err := w.cloud.Networks(ctx, neutron.Filter{ProjectID: "proj-core"})
			must(t, err)
			for _, n := range all {
				if n.ID != before[0].ID {
					must(t, w.cloud.DeleteNetwork(ctx, n.ID))
					gone++
				}
			}
			w.sim.Cloud.RemoveFault(fault)
			v := response(w, w.done(op, nil), &networkv1.Vpc{})
			if v.GetState() != typev1.State_ACTIVE || gone != 2 {
				t.Errorf("after %d networks were removed: %v", gone, v)
			}
			if now, err := w.cloud.Networks(ctx, neutron.Filter{IDs: []string{v.GetCloud().GetNetworkId()}}); err != nil || len(now) != 1 {
				t.Errorf("the network of the VPC: %v, %v", now, err)
			}
		})
	}
}

// A route that is made by hand keeps Neutron from detaching the router. The deletion takes it away, as drift does for an ACTIVE VPC.
func TestDeleteVpc_routeByHand_isTakenAway(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	v := w.vpc("dev", &networkv1.Vpc{Cidr: "10.64.16.0/20"})
	must(t, w.cloud.AddRoutes(t.Context(), v.GetCloud().GetRouterId(), []neutron.Route{
		{Destination: netip.MustParsePrefix("192.168.0.0/16"), NextHop: netip.MustParseAddr("10.64.16.9")},
	}))
	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: v.GetName()}))
	if left, err := w.cloud.Routers(t.Context(), neutron.Filter{IDs: []string{v.GetCloud().GetRouterId()}}); err != nil || len(left) != 0 {
		t.Errorf("the router: %v, %v", left, err)
	}
}

// A route on the hub router keeps a VPC's link from being cut. The blockage names the route, and the hub's drift removes it.
func TestDeleteVpc_routeOnTheHubRouter_isNamed(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	h := w.foundation()
	v := w.vpc("dev", &networkv1.Vpc{Cidr: "10.64.16.0/20"})
	must(t, w.cloud.AddRoutes(t.Context(), h.GetCloud().GetRouterId(), []neutron.Route{
		{Destination: netip.MustParsePrefix("192.168.0.0/16"), NextHop: netip.MustParseAddr("100.64.0.2")},
	}))
	op, err := w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: v.GetName()})
	b := w.blocked(op, err)
	if b.GetReason() != "OBJECT_IN_USE" || !strings.Contains(b.GetMessage(), "192.168.0.0/16 via 100.64.0.2 of router "+h.GetCloud().GetRouterId()) {
		t.Errorf("got %v", b)
	}
	w.pass()
	w.done(op, nil)
}

// An interface that others gave the VPC's router is named, and stays.
func TestDeleteVpc_interfaceByHand_isNamed(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	v := w.vpc("dev", &networkv1.Vpc{})
	ctx, router := t.Context(), v.GetCloud().GetRouterId()
	n, err := w.cloud.CreateNetwork(ctx, neutron.Network{Name: "theirs", ProjectID: "proj-core"})
	must(t, err)
	s, err := w.cloud.CreateSubnet(ctx, neutron.Subnet{
		Name: "theirs", ProjectID: "proj-core", NetworkID: n.ID, CIDR: netip.MustParsePrefix("192.0.2.0/24"), Gateway: netip.MustParseAddr("192.0.2.1"),
	})
	must(t, err)
	port, err := w.cloud.AttachSubnet(ctx, router, s.ID)
	must(t, err)
	op, err := w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: v.GetName()})
	if b := w.blocked(op, err); b.GetReason() != "OBJECT_IN_USE" || !strings.Contains(b.GetMessage(), port+" in network "+n.ID) {
		t.Errorf("got %v", b)
	}
	must(t, w.cloud.DetachSubnet(ctx, router, s.ID))
	w.done(op, nil)
}
