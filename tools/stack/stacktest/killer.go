package stacktest

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
)

// Convergence is how soon an operation must have ended after the killed service is back.
const Convergence = 60 * time.Second

// Killer drives one VPC after the other through a network service that dies at chosen points. The platform's program of the
// network service must be built WithFailpoints.
type Killer struct {
	// Holds counts what the cloud holds of one VPC, by type.
	Holds func(uid string) map[string]int
	// Slowest is the longest an operation took to end after the service was back.
	Slowest time.Duration

	p            *Platform
	organisation string
	vpcs         networkv1.VpcServiceClient
	operations   operationv1.OperationServiceClient
	whole        map[string]int
}

// NewKiller makes a tenant with one organisation to work in.
func NewKiller(t testing.TB, p *Platform, tenant string, holds func(uid string) map[string]int) *Killer {
	t.Helper()
	p.Must(t, "tenant", "create", tenant)
	p.Must(t, "organisation", "create", tenant+"/main", "--mode", "MUTUALIZED")
	conn := Dial(t, p.Addresses().Gateway)
	return &Killer{
		Holds: holds, p: p, organisation: "tenants/" + tenant + "/organisations/main",
		vpcs: networkv1.NewVpcServiceClient(conn), operations: operationv1.NewOperationServiceClient(conn),
	}
}

// Points makes and removes one VPC undisturbed and answers every point at which its creation and its removal can be killed.
func (k *Killer) Points(t testing.TB) (creates, deletes []string) {
	t.Helper()
	k.Arm(t, "")
	meta := k.finish(t, k.order(t, "model"))
	k.whole = k.Holds(meta.GetResourceUid())
	if len(k.whole) < 4 {
		t.Fatalf("the cloud holds %v of a whole VPC", k.whole)
	}
	for _, s := range meta.GetSteps() {
		for _, when := range []string{"BeforeDo", "AfterDo", "AfterCommit"} {
			creates = append(creates, fmt.Sprintf("vpc/create/%s:%s", s.GetName(), when))
		}
		if s.GetObjectType() == "" {
			continue
		}
		for _, when := range []string{"BeforeDelete", "AfterDelete", "AfterDeleteCommit"} {
			deletes = append(deletes, fmt.Sprintf("vpc/delete/%s:%s", s.GetName(), when))
		}
	}
	k.finish(t, k.remove(t, "model"))
	return creates, deletes
}

// Arm kills the network service and starts it again so that it dies at the point; an empty point disarms it.
func (k *Killer) Arm(t testing.TB, point string) {
	t.Helper()
	if err := k.p.Kill(t.Context(), "network"); err != nil {
		t.Fatal(err)
	}
	k.revive(t, point)
}

func (k *Killer) revive(t testing.TB, point string) {
	t.Helper()
	k.p.SetEnv("network", "LOWLAYER_FAILPOINT="+point)
	if err := k.p.Restart(t.Context(), "network"); err != nil {
		t.Fatal(err)
	}
}

// Life creates a VPC while the service, armed before with createPoint, dies there, and deletes it with a death at
// deletePoint. The cloud must hold exactly one of each object in between and none at the end.
func (k *Killer) Life(t testing.TB, id, createPoint, deletePoint string) {
	t.Helper()
	k.order(t, id) // the answer may be lost with the service
	k.waitDeath(t, createPoint)
	k.revive(t, deletePoint)
	meta := k.finish(t, k.order(t, id))
	if got := k.Holds(meta.GetResourceUid()); !maps.Equal(got, k.whole) {
		t.Errorf("killed at %s: the cloud holds %v, want exactly one of each: %v", createPoint, got, k.whole)
	}
	k.remove(t, id)
	k.waitDeath(t, deletePoint)
	k.revive(t, "")
	k.finish(t, k.remove(t, id))
	if got := k.Holds(meta.GetResourceUid()); len(got) > 0 {
		t.Errorf("killed at %s: the cloud still holds %v", deletePoint, got)
	}
}

// order asks for a VPC; asked again it answers the first operation, by the request id.
func (k *Killer) order(t testing.TB, id string) *longrunningpb.Operation {
	t.Helper()
	return k.reconnecting(t, "create "+id, func(ctx context.Context) (*longrunningpb.Operation, error) {
		return k.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: k.organisation, VpcId: id, Vpc: &networkv1.Vpc{}, RequestId: "create-" + id})
	})
}

func (k *Killer) remove(t testing.TB, id string) *longrunningpb.Operation {
	t.Helper()
	return k.reconnecting(t, "delete "+id, func(ctx context.Context) (*longrunningpb.Operation, error) {
		return k.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: k.organisation + "/vpcs/" + id, RequestId: "delete-" + id})
	})
}

// reconnecting repeats a call while the gateway has not found the restarted service yet; nil when the service has died.
func (k *Killer) reconnecting(t testing.TB, doing string, call func(context.Context) (*longrunningpb.Operation, error)) *longrunningpb.Operation {
	t.Helper()
	var op *longrunningpb.Operation
	Eventually(t, doing, func() bool {
		var err error
		op, err = call(t.Context())
		if err != nil && status.Code(err) != codes.Unavailable {
			t.Fatalf("%s: %v", doing, err)
		}
		return err == nil || !k.p.Running()["network"]
	})
	return op
}

// finish waits for an operation's end within the time that is allowed after a crash.
func (k *Killer) finish(t testing.TB, op *longrunningpb.Operation) *operationv1.OperationMetadata {
	t.Helper()
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), Convergence)
	defer cancel()
	for !op.GetDone() {
		next, err := k.operations.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: op.GetName(), Timeout: durationpb.New(20 * time.Second)})
		if status.Code(err) == codes.Unavailable && ctx.Err() == nil {
			continue
		}
		if err != nil {
			t.Fatalf("%s has not ended %s after the service was back: %v", op.GetName(), Convergence, err)
		}
		op = next
	}
	if op.GetError() != nil {
		t.Fatalf("%s ended with %v", op.GetName(), op.GetError())
	}
	k.Slowest = max(k.Slowest, time.Since(begin))
	meta := &operationv1.OperationMetadata{}
	if err := op.GetMetadata().UnmarshalTo(meta); err != nil {
		t.Fatal(err)
	}
	return meta
}

func (k *Killer) waitDeath(t testing.TB, point string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Convergence)
	defer cancel()
	if err := k.p.WaitEnd(ctx, "network"); err != nil {
		t.Fatalf("the service did not reach %s: %v", point, err)
	}
}
