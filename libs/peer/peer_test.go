package peer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/behalf"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/peer"
	"github.com/low-layer/platform/libs/peer/peertest"
	"github.com/low-layer/platform/libs/provision"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	parent = "tenants/acme/organisations/core"
	vpc    = parent + "/vpcs/dev"
)

// step is a step that follows one operation.
type step struct{ followed string }

func (s *step) StepID() string              { return "step-1" }
func (s *step) Followed() string            { return s.followed }
func (s *step) FollowOperation(name string) { s.followed = name }

var _ peer.Step = (*provision.Run)(nil)

type network struct {
	*peertest.Fake
	*peer.Service
	vpcs networkv1.VpcServiceClient
}

func start(t *testing.T) network {
	t.Helper()
	f := peertest.Start(t, "network", nil, protoreflect.FullName(networkv1.VpcService_ServiceDesc.ServiceName))
	s := peer.New("network", f.Dial(t))
	return network{f, s, networkv1.NewVpcServiceClient(s.Conn())}
}

func (n network) create(ctx context.Context, requestID string) (*longrunningpb.Operation, error) {
	return n.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: parent, VpcId: "dev", Vpc: &networkv1.Vpc{}, RequestId: requestID})
}

func (n network) remove(ctx context.Context, requestID string) (*longrunningpb.Operation, error) {
	return n.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: vpc, RequestId: requestID})
}

func (n network) plan(ctx context.Context, requestID string) (*longrunningpb.Operation, error) {
	return n.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: parent, VpcId: "dev", Vpc: &networkv1.Vpc{}, RequestId: requestID, ValidateOnly: true})
}

// running is true for the error of work that goes on.
func running(err error) bool {
	_, known := errs.As(err)
	return err != nil && !known
}

func TestBegin_repeatedStep_getsItsFirstOperation(t *testing.T) {
	t.Parallel()
	n := start(t)
	s := &step{}
	w, err := n.Begin(t.Context(), s, n.create)
	if err != nil || w.Resource != vpc || w.ResourceUID == "" || s.followed != w.Operation {
		t.Fatalf("begin: %+v, %v; the step follows %q", w, err, s.followed)
	}
	again, err := n.Begin(t.Context(), &step{}, n.create)
	if err != nil || again.Operation != w.Operation || n.Count("Vpc") != 1 {
		t.Errorf("again: %+v, %v", again, err)
	}
	_, err = n.BeginPart(t.Context(), &step{}, "part", n.create)
	if errs.ReasonOf(err) != "VPC_EXISTS" {
		t.Errorf("another part of the step: %v", err)
	}
}

func TestAwait_operation_endsOnceDone(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.Hold("CreateVpc")
	s := &step{}
	if _, err := n.Begin(t.Context(), s, n.create); err != nil {
		t.Fatal(err)
	}
	if err := n.Await(t.Context(), s); !running(err) {
		t.Errorf("held: %v", err)
	}
	n.Block(&typev1.Blockage{Owner: typev1.Blockage_USER, Reason: "WHY", Message: "m", Remedy: "do"})
	err := n.Await(t.Context(), s)
	if errs.ReasonOf(err) != "WHY" || errs.CodeOf(err) != errs.FailedPrecondition || !strings.Contains(err.Error(), "do") {
		t.Errorf("blocked: %v", err)
	}
	n.Release()
	if err := n.Await(t.Context(), s); err != nil {
		t.Errorf("released: %v", err)
	}
}

func TestBlocked_owner_decidesTheCode(t *testing.T) {
	t.Parallel()
	for owner, code := range map[typev1.Blockage_Owner]errs.Code{
		typev1.Blockage_USER: errs.FailedPrecondition, typev1.Blockage_PROVIDER: errs.ResourceExhausted, typev1.Blockage_PLATFORM: errs.Unavailable,
	} {
		if err := peer.Blocked(&typev1.Blockage{Owner: owner, Reason: "R"}); errs.CodeOf(err) != code {
			t.Errorf("%s: %v", owner, err)
		}
	}
	if err := peer.Blocked(nil); err != nil {
		t.Errorf("none: %v", err)
	}
}

func TestInsist_cancelledWork_isOrderedAgain(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.Hold("DeleteVpc")
	n.Put("Vpc", vpc, &networkv1.Vpc{Name: vpc})
	s := &step{}
	if err := n.Insist(t.Context(), s, n.remove); !running(err) {
		t.Fatalf("held: %v", err)
	}
	first := s.followed
	for range 2 { // a crash between the two repeats the same order
		s.followed = first
		n.GiveUp("DeleteVpc", errs.New(errs.Canceled, "CANCELLED", "cancelled"))
		if err := n.Insist(t.Context(), s, n.remove); !running(err) || s.followed == first {
			t.Fatalf("cancelled: %v; the step follows %q", err, s.followed)
		}
	}
	if got := len(n.Ordered("DeleteVpc")); got != 2 {
		t.Errorf("%d deletions were ordered", got)
	}
	n.Release()
	n.Put("Vpc", vpc, &networkv1.Vpc{Name: vpc})
	s.followed = "tenants/acme/operations/op_network_00000000000000000000000000"
	if err := n.Insist(t.Context(), s, n.remove); !running(err) {
		t.Errorf("a lost operation: %v", err)
	}
	if err := n.Insist(t.Context(), s, n.remove); err != nil {
		t.Errorf("at last: %v", err)
	}
}

func TestInsist_supersededWork_followsTheSuccessor(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.Hold("CreateVpc")
	s := &step{}
	if _, err := n.Begin(t.Context(), s, n.create); err != nil {
		t.Fatal(err)
	}
	n.GiveUp("CreateVpc", errs.New(errs.Aborted, "SUPERSEDED", "replaced").With("operation", "tenants/acme/operations/next"))
	if err := n.Insist(t.Context(), s, n.create); !running(err) || s.followed != "tenants/acme/operations/next" {
		t.Errorf("superseded: %v; the step follows %q", err, s.followed)
	}
}

func TestInsist_failedWork_returnsItsError(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.Hold("CreateVpc")
	s := &step{}
	if _, err := n.Begin(t.Context(), s, n.create); err != nil {
		t.Fatal(err)
	}
	n.GiveUp("CreateVpc", errs.Failed("CIDR_EXHAUSTED", "no room"))
	if err := n.Insist(t.Context(), s, n.create); errs.ReasonOf(err) != "CIDR_EXHAUSTED" {
		t.Errorf("failed: %v", err)
	}
}

func TestRemove_absentResource_isNoError(t *testing.T) {
	t.Parallel()
	n := start(t)
	if err := n.Remove(t.Context(), &step{}, n.remove); err != nil {
		t.Errorf("remove: %v", err)
	}
	if err := n.Removed(t.Context(), &step{}, n.remove); err != nil {
		t.Errorf("removed: %v", err)
	}
	n.Put("Vpc", vpc, &networkv1.Vpc{Name: vpc, DeletionProtection: true})
	if err := n.Remove(t.Context(), &step{}, n.remove); errs.ReasonOf(err) != "DELETION_PROTECTED" {
		t.Errorf("remove a protected one: %v", err)
	}
}

func TestPreview_call_changesNothing(t *testing.T) {
	t.Parallel()
	n := start(t)
	got, err := n.Preview(t.Context(), n.plan)
	if err != nil || len(got) != 1 || got[0].Action != provision.PlanCreate || got[0].Resource != vpc || got[0].Service != "network" {
		t.Errorf("plan: %+v, %v", got, err)
	}
	if n.Count("Vpc") != 0 {
		t.Error("the plan made a VPC")
	}
}

func TestUnavailable_error_keepsWhatTheServiceMade(t *testing.T) {
	t.Parallel()
	n := start(t)
	for reason, err := range map[string]error{
		"CIDR_OVERLAP":        errs.InvalidAs("CIDR_OVERLAP", errs.Field("cidr", "overlaps")),
		"NETWORK_UNAVAILABLE": errors.New("a defect"),
	} {
		n.Fail(peertest.Fault{Method: "GetVpc", Err: err})
		_, err := n.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpc})
		if e, ok := errs.As(n.Unavailable("read vpc", err)); !ok || e.Reason != reason || (e.Code == errs.Unavailable) != (e.Retry > 0) {
			t.Errorf("got %v, want %s", e, reason)
		}
	}
	if err := n.Unavailable("read vpc", nil); err != nil {
		t.Errorf("no error: %v", err)
	}
}

// recorder keeps the metadata of a call.
type recorder struct {
	grpc.ClientConnInterface
	behalf []string
}

func (r *recorder) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	md, _ := metadata.FromOutgoingContext(ctx)
	r.behalf = md.Get(behalf.Key)
	return nil
}

func TestConn_call_namesTheUser(t *testing.T) {
	t.Parallel()
	to := &recorder{}
	ctx := behalf.With(t.Context(), audit.Actor{Kind: audit.User, Subject: "ada"})
	if _, err := networkv1.NewVpcServiceClient(peer.New("network", to).Conn()).GetVpc(ctx, &networkv1.GetVpcRequest{}); err != nil {
		t.Fatal(err)
	}
	if len(to.behalf) != 1 || !strings.Contains(to.behalf[0], `"ada"`) {
		t.Errorf("the call names %q", to.behalf)
	}
}

func TestFake_list_filtersByParentAndFlag(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.Put("Vpc", vpc, &networkv1.Vpc{Name: vpc, DeletionProtection: true})
	n.Put("Vpc", parent+"/vpcs/prod", &networkv1.Vpc{Name: parent + "/vpcs/prod"})
	n.Put("Vpc", "tenants/other/organisations/core/vpcs/dev", &networkv1.Vpc{})
	for want, req := range map[int]*networkv1.ListVpcsRequest{
		2: {Parent: parent}, 1: {Parent: "tenants/acme/organisations/-", Filter: "deletion_protection = true"}, 0: {Parent: "tenants/none"},
	} {
		got, err := n.vpcs.ListVpcs(t.Context(), req)
		if err != nil || len(got.GetVpcs()) != want {
			t.Errorf("%v: %v, %v", req, got, err)
		}
	}
}
