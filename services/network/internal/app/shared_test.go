package app_test

import (
	"net/http"
	"net/netip"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// allow makes the VPC let in everything from a CIDR, or nothing of its own when that is empty.
func (w *world) allow(v *networkv1.Vpc, cidr string) {
	w.t.Helper()
	change := &networkv1.Vpc{Name: v.GetName()}
	if cidr != "" {
		change.IngressRules = []*networkv1.IngressRule{{Name: "friend", SourceCidr: cidr}}
	}
	w.done(w.vpcs.UpdateVpc(w.t.Context(), &networkv1.UpdateVpcRequest{Vpc: change, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"ingress_rules"}}}))
}

// lets counts the rules that let everything from another VPC in.
func (w *world) lets(v, from *networkv1.Vpc) int {
	w.t.Helper()
	rules, err := w.cloud.Rules(w.t.Context(), neutron.Filter{GroupID: v.GetCloud().GetSecurityGroupId()})
	must(w.t, err)
	n := 0
	for _, r := range rules {
		if r.Direction == neutron.Ingress && r.Remote == netip.MustParsePrefix(from.GetCidr()) && r.Protocol == "" {
			n++
		}
	}
	return n
}

// TestRuleOfVpcAndPeering has a VPC and a peering ask for the same rule, in either order and given up in either order: there
// is one as long as one of the two needs it, nobody is blocked, and drift finds nothing.
func TestRuleOfVpcAndPeering(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	a, b := w.vpc("dev", &networkv1.Vpc{}), w.vpc("prod", &networkv1.Vpc{})
	ctx := t.Context()
	peer := func() {
		p := w.peer("link", a, b)
		w.done(w.peers.AcceptPeering(ctx, &networkv1.AcceptPeeringRequest{Name: p.GetName()}))
	}
	part := func() {
		w.done(w.peers.DeletePeering(ctx, &networkv1.DeletePeeringRequest{Name: tenant + "/peerings/link"}))
	}
	allow, forbid := func() { w.allow(a, b.GetCidr()) }, func() { w.allow(a, "") }
	for name, steps := range map[string][4]func(){
		"the peering first, and last":     {peer, allow, forbid, part},
		"the peering first, the VPC last": {peer, allow, part, forbid},
		"the VPC first, and last":         {allow, peer, part, forbid},
		"the VPC first, the peering last": {allow, peer, forbid, part},
	} {
		t.Run(name, func(t *testing.T) {
			for i, step := range steps {
				step()
				want := 1
				if i == 3 {
					want = 0
				}
				if got := w.lets(a, b); got != want {
					t.Errorf("after step %d there are %d such rules, want %d", i+1, got, want)
				}
				w.pass()
				if found := w.findings(false); len(found) != 0 {
					t.Errorf("after step %d drift finds %v", i+1, found)
				}
			}
		})
	}
}

// A rule that somebody added by hand and that is in a peering's way is named, and goes by itself.
func TestRuleByHandInThePeeringsWay(t *testing.T) {
	w := newWorld(t, setup{engine: impatient})
	w.foundation()
	a, b := w.vpc("dev", &networkv1.Vpc{}), w.vpc("prod", &networkv1.Vpc{})
	p := w.peer("link", a, b)
	_, err := w.cloud.CreateRules(t.Context(), []neutron.Rule{{
		GroupID: a.GetCloud().GetSecurityGroupId(), ProjectID: "proj-core", Direction: neutron.Ingress, EtherType: "IPv4",
		Remote: netip.MustParsePrefix(b.GetCidr()),
	}})
	must(t, err)
	op, err := w.peers.AcceptPeering(t.Context(), &networkv1.AcceptPeeringRequest{Name: p.GetName()})
	if blockage := w.blocked(op, err); blockage.GetReason() != "RULE_EXISTS" || blockage.GetOwner() != typev1.Blockage_USER {
		t.Errorf("blocked by %v", blockage)
	}
	w.pass()
	w.done(op, nil)
	if got := w.lets(a, b); got != 1 {
		t.Errorf("there are %d rules", got)
	}
}

func TestListsUnderNobody(t *testing.T) {
	w := newWorld(t, setup{})
	ctx := t.Context()
	list := map[string]func(parent string) error{
		"vpcs of an organisation": func(parent string) error {
			_, err := w.vpcs.ListVpcs(ctx, &networkv1.ListVpcsRequest{Parent: parent + "/organisations/core"})
			return err
		},
		"vpcs of all organisations": func(parent string) error {
			_, err := w.vpcs.ListVpcs(ctx, &networkv1.ListVpcsRequest{Parent: parent + "/organisations/-"})
			return err
		},
		"peerings": func(parent string) error {
			_, err := w.peers.ListPeerings(ctx, &networkv1.ListPeeringsRequest{Parent: parent})
			return err
		},
		"drift findings": func(parent string) error {
			_, err := w.drifts.ListDriftFindings(ctx, &networkv1.ListDriftFindingsRequest{Parent: parent})
			return err
		},
	}
	for name, call := range list {
		reason, missing := "TENANT_NOT_FOUND", tenant
		if name == "vpcs of an organisation" {
			reason, missing = "ORGANISATION_NOT_FOUND", org
		}
		if e := refusal(t, call(tenant), codes.NotFound, reason); e.Metadata["resource"] != missing {
			t.Errorf("%s: the error names %q, want %q", name, e.Metadata["resource"], missing)
		}
	}
	w.foundation()
	for name, call := range list {
		if err := call(tenant); err != nil {
			t.Errorf("%s of those there are: %v", name, err)
		}
	}
	// The tenant may only not have come here yet: who owns tenants says whether there is one.
	_, err := w.ops.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: "tenants/nobody"})
	must(t, err)
}

// TestAnEmptyUpdateHasACancelledVpcGoOn cancels the making of a VPC: an update that names no field makes it whole, and changes
// nothing of it. It is what the CLI names as the way to go on.
func TestAnEmptyUpdateHasACancelledVpcGoOn(t *testing.T) {
	w := newWorld(t, setup{})
	w.foundation()
	ctx := t.Context()
	must2(t)(w.sim.Cloud.AddFault(sim.Fault{Name: "holds the work", Method: http.MethodPost, Path: "/v2.0/(networks|routers|security-groups)$", Gather: 99}))
	op, err := w.create("dev", &networkv1.Vpc{DisplayName: "Development", Labels: map[string]string{"env": "dev"}})
	must(t, err)
	_, err = w.ops.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: op.GetName()})
	must(t, err)
	w.sim.Cloud.ClearFaults()
	name := org + "/vpcs/dev"
	w.until("the VPC is blocked", func() bool { return w.get(name).GetState() == typev1.State_BLOCKED })
	was := w.get(name)
	if was.GetBlockage().GetReason() != "CANCELLED" || was.GetReconciling() {
		t.Fatalf("got %v", was)
	}
	w.done(w.vpcs.UpdateVpc(ctx, &networkv1.UpdateVpcRequest{Vpc: &networkv1.Vpc{Name: name}, UpdateMask: &fieldmaskpb.FieldMask{}}))
	if v := w.get(name); v.GetState() != typev1.State_ACTIVE || v.GetBlockage() != nil || v.GetDisplayName() != "Development" || v.GetLabels()["env"] != "dev" || v.GetCidr() != was.GetCidr() {
		t.Errorf("got %v, was %v", v, was)
	}
}

// TestCancelledFoundationIsTakenUpAgain cancels a hub's operation: the same call answers it again, as it ended; another call
// has the work go on.
func TestCancelledFoundationIsTakenUpAgain(t *testing.T) {
	w := newWorld(t, setup{})
	w.boundary("acme", space)
	ctx := t.Context()
	req := &networkinternalv1.EnsureHubRequest{
		Organisation: org, OrganisationUid: "org_1", ProjectId: "proj-core", Mode: typev1.ResourceMode_MUTUALIZED, RequestId: "first",
	}
	sideBySide(t, w.sim.Cloud) // a hub makes fewer calls at once than these gates wait for
	op, err := w.base.EnsureHub(ctx, req)
	must(t, err)
	_, err = w.ops.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: op.GetName()})
	must(t, err)
	w.sim.Cloud.ClearFaults()
	w.until("the operation is cancelled", func() bool {
		op, err = w.ops.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: op.GetName()})
		must(t, err)
		return op.GetDone()
	})
	if code := codes.Code(op.GetError().GetCode()); code != codes.Canceled { //nolint:gosec // a code is small
		t.Fatalf("it ended as %v", op.GetError())
	}
	again, err := w.base.EnsureHub(ctx, req)
	must(t, err)
	if again.GetName() != op.GetName() {
		t.Errorf("the same call answers %s, want %s", again.GetName(), op.GetName())
	}
	req.RequestId = "second"
	if next := w.done(w.base.EnsureHub(ctx, req)); next.GetName() == op.GetName() {
		t.Error("another call answers the operation that was cancelled")
	}
}
