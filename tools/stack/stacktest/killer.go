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
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

// Convergence is how soon an operation must have ended after the killed service is back.
const Convergence = 60 * time.Second

// Killer drives one resource after the other through a service that dies at chosen points. The platform's program of the
// service must be built WithFailpoints.
type Killer struct {
	// Holds counts what the cloud holds of one resource, by type.
	Holds func(uid string) map[string]int
	// Slowest is the longest an operation took to end after the service was back.
	Slowest time.Duration

	p              *Platform
	service, kind  string
	operations     operationv1.OperationServiceClient
	create, delete func(ctx context.Context, id string) (*longrunningpb.Operation, error)
	whole          map[string]int
}

// NewKiller drives VPCs through the network service, in a tenant with one organisation that it makes.
func NewKiller(t testing.TB, p *Platform, tenant string, holds func(uid string) map[string]int) *Killer {
	t.Helper()
	p.Must(t, "tenant", "create", tenant)
	p.Must(t, "organisation", "create", tenant+"/main", "--mode", "MUTUALIZED")
	conn := Dial(t, p.Addresses().Gateway)
	vpcs, organisation := networkv1.NewVpcServiceClient(conn), "tenants/"+tenant+"/organisations/main"
	return &Killer{
		Holds: holds, p: p, service: "network", kind: "vpc", operations: operationv1.NewOperationServiceClient(conn),
		create: func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
			return vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: organisation, VpcId: id, Vpc: &networkv1.Vpc{}, RequestId: "create-" + id})
		},
		delete: func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
			return vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: organisation + "/vpcs/" + id, RequestId: "delete-" + id})
		},
	}
}

// NewOrganisationKiller drives organisations with one VPC through the tenant service, in a tenant that it makes.
func NewOrganisationKiller(t testing.TB, p *Platform, tenant string, holds func(uid string) map[string]int) *Killer {
	t.Helper()
	p.Must(t, "tenant", "create", tenant)
	conn := Dial(t, p.Addresses().Gateway)
	organisations := tenantv1.NewOrganisationServiceClient(conn)
	return &Killer{
		Holds: holds, p: p, service: "tenant", kind: "organisation", operations: operationv1.NewOperationServiceClient(conn),
		create: func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
			return organisations.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
				Parent: "tenants/" + tenant, OrganisationId: id, RequestId: "create-" + id,
				Organisation: &tenantv1.Organisation{Mode: typev1.ResourceMode_MUTUALIZED, Vpcs: []*tenantv1.VpcOrder{{VpcId: "dev"}}},
			})
		},
		delete: func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
			return organisations.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{
				Name: "tenants/" + tenant + "/organisations/" + id, Force: true, Purge: true, RequestId: "delete-" + id,
			})
		},
	}
}

// NewTenantKiller drives tenants through the tenant service.
func NewTenantKiller(t testing.TB, p *Platform, holds func(uid string) map[string]int) *Killer {
	t.Helper()
	conn := Dial(t, p.Addresses().Gateway)
	tenants := tenantv1.NewTenantServiceClient(conn)
	return &Killer{
		Holds: holds, p: p, service: "tenant", kind: "tenant", operations: operationv1.NewOperationServiceClient(conn),
		create: func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
			return tenants.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: id, Tenant: &tenantv1.Tenant{}, RequestId: "create-" + id})
		},
		delete: func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
			return tenants.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/" + id, Purge: true, RequestId: "delete-" + id})
		},
	}
}

// Points creates and removes one resource undisturbed and returns every point at which its creation and its removal can
// be killed.
func (k *Killer) Points(t testing.TB) (creates, deletes []string) {
	t.Helper()
	k.Arm(t, "")
	meta := k.finish(t, k.order(t, "model"))
	k.whole = k.Holds(meta.GetResourceUid())
	if len(k.whole) == 0 {
		t.Fatalf("the cloud holds nothing of a whole %s", k.kind)
	}
	for _, s := range meta.GetSteps() {
		for _, when := range []string{"BeforeDo", "AfterDo", "AfterCommit"} {
			creates = append(creates, fmt.Sprintf("%s/create/%s:%s", k.kind, s.GetName(), when))
		}
		if s.GetObjectType() == "" {
			continue
		}
		for _, when := range []string{"BeforeDelete", "AfterDelete", "AfterDeleteCommit"} {
			deletes = append(deletes, fmt.Sprintf("%s/delete/%s:%s", k.kind, s.GetName(), when))
		}
	}
	k.finish(t, k.remove(t, "model"))
	return creates, deletes
}

// Arm kills the service and starts it again so that it dies at the point; an empty point disarms it.
func (k *Killer) Arm(t testing.TB, point string) {
	t.Helper()
	if err := k.p.Kill(t.Context(), k.service); err != nil {
		t.Fatal(err)
	}
	k.revive(t, point)
}

func (k *Killer) revive(t testing.TB, point string) {
	t.Helper()
	k.p.SetEnv(k.service, "LOWLAYER_FAILPOINT="+point)
	if err := k.p.Restart(t.Context(), k.service); err != nil {
		t.Fatal(err)
	}
}

// Life creates a resource while the service, armed before with createPoint, dies there, and deletes it with a death at
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

// order orders a resource; a repeated order returns the first operation, by the request id.
func (k *Killer) order(t testing.TB, id string) *longrunningpb.Operation {
	t.Helper()
	return k.reconnecting(t, "create "+id, func(ctx context.Context) (*longrunningpb.Operation, error) { return k.create(ctx, id) })
}

func (k *Killer) remove(t testing.TB, id string) *longrunningpb.Operation {
	t.Helper()
	return k.reconnecting(t, "delete "+id, func(ctx context.Context) (*longrunningpb.Operation, error) { return k.delete(ctx, id) })
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
		return err == nil || !k.p.Running()[k.service]
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
	if err := k.p.WaitEnd(ctx, k.service); err != nil {
		t.Fatalf("the service did not reach %s: %v", point, err)
	}
}
