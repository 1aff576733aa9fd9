//go:build chaos

package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/grpcerr"
)

const (
	// patience bounds one operation, with every disturbance that may come meanwhile.
	patience = 3 * time.Minute
	// pause is between two tries of a call.
	pause = 100 * time.Millisecond
	// maxOrganisations and maxVpcs bound what a client has at a time.
	maxOrganisations, maxVpcs = 3, 3
)

// client is one customer with a tenant of his own. He does one thing after the other and remembers what he was promised.
type client struct {
	t      testing.TB
	tenant string
	random *rand.Rand
	serial int

	tenants       tenantv1.TenantServiceClient
	organisations tenantv1.OrganisationServiceClient
	vpcs          networkv1.VpcServiceClient
	quotas        quotav1.QuotaServiceClient
	peerings      networkv1.PeeringServiceClient
	operations    operationv1.OperationServiceClient

	// has are his VPCs with the label they should have, by organisation; all are resource names.
	has map[string]map[string]string
	// peered are his peerings with the VPCs they join.
	peered map[string][2]string

	mu      sync.Mutex
	ended   int
	slowest time.Duration
	repeats int
}

func newClient(t testing.TB, conn grpc.ClientConnInterface, name string, seed uint64) *client {
	t.Helper()
	return &client{
		t: t, tenant: "tenants/" + name, random: rand.New(rand.NewPCG(seed, uint64(len(name))+uint64(name[len(name)-1]))),
		quotas:  quotav1.NewQuotaServiceClient(conn),
		tenants: tenantv1.NewTenantServiceClient(conn), organisations: tenantv1.NewOrganisationServiceClient(conn),
		vpcs: networkv1.NewVpcServiceClient(conn), peerings: networkv1.NewPeeringServiceClient(conn),
		operations: operationv1.NewOperationServiceClient(conn),
		has:        map[string]map[string]string{}, peered: map[string][2]string{},
	}
}

func (c *client) next(kind string) string {
	c.serial++
	return fmt.Sprintf("%s-%d", kind, c.serial)
}

// away is true for a call to repeat: its server was or may have been away, or the network service has not yet received the event of
// a resumed tenant.
func away(err error) bool {
	code := status.Code(err)
	if e := grpcerr.FromError(err); e != nil && e.Reason == "TENANT_SUSPENDED" {
		return true
	}
	return code == codes.Unavailable || code == codes.DeadlineExceeded || code == codes.Aborted || code == codes.Canceled
}

var errPatience = errors.New("it has not ended in time")

// do sends an order until a response comes, always with one request id, and waits until what was ordered is done.
func (c *client) do(ctx context.Context, what string, order func(ctx context.Context, requestID string) (*longrunningpb.Operation, error)) error {
	began := time.Now()
	id := c.next("request") + "-" + c.tenant[len("tenants/"):]
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var op *longrunningpb.Operation
	if err := c.retry(ctx, func(ctx context.Context) (err error) { op, err = order(ctx, id); return err }); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for name := op.GetName(); !op.GetDone(); {
		if err := c.retry(ctx, func(ctx context.Context) (err error) {
			op, err = c.operations.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(2 * time.Second)})
			return err
		}); err != nil {
			return fmt.Errorf("%s: %s: %w", what, name, err)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %s: %w; it is at %s", what, name, errPatience, op.GetMetadata())
		}
	}
	if op.GetError() != nil {
		return fmt.Errorf("%s: %s ended with %v", what, op.GetName(), op.GetError()) //nolint:err113 // for the test's log
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended++
	c.slowest = max(c.slowest, time.Since(began))
	return nil
}

// retry repeats a call while the platform is away.
func (c *client) retry(ctx context.Context, call func(context.Context) error) error {
	for {
		one, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := call(one)
		cancel()
		if err == nil || !away(err) {
			return err
		}
		c.mu.Lock()
		c.repeats++
		c.mu.Unlock()
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: %w", errPatience, err)
		}
	}
}

// work does random things until stop ends, and finishes what it has begun.
func (c *client) work(ctx, stop context.Context) error {
	for stop.Err() == nil {
		if err := c.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step does one thing.
func (c *client) step(ctx context.Context) error {
	organisations := slices.Sorted(maps.Keys(c.has))
	if len(organisations) == 0 {
		return c.createOrganisation(ctx)
	}
	organisation := organisations[c.random.IntN(len(organisations))]
	vpcs := slices.Sorted(maps.Keys(c.has[organisation]))
	vpc := ""
	if len(vpcs) > 0 {
		vpc = vpcs[c.random.IntN(len(vpcs))]
	}
	switch n := c.random.IntN(100); {
	case n < 20 && len(organisations) < maxOrganisations:
		return c.createOrganisation(ctx)
	case n < 45 && len(vpcs) < maxVpcs:
		return c.createVpc(ctx, organisation)
	case n < 55 && vpc != "":
		return c.updateVpc(ctx, organisation, vpc)
	case n < 70 && len(vpcs) > 1:
		return c.peer(ctx, vpcs[0], vpcs[1])
	case n < 85 && vpc != "":
		return c.deleteVpc(ctx, organisation, vpc)
	case n < 90:
		return c.do(ctx, "rotate the credential of "+organisation, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
			return c.organisations.RotateOrganisationCredential(ctx, &tenantv1.RotateOrganisationCredentialRequest{Name: organisation, RequestId: id})
		})
	case n < 94:
		return c.suspend(ctx)
	default:
		return c.deleteOrganisation(ctx, organisation)
	}
}

func (c *client) createTenant(ctx context.Context) error {
	return c.do(ctx, "create "+c.tenant, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
		return c.tenants.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: c.tenant[len("tenants/"):], Tenant: &tenantv1.Tenant{}, RequestId: id})
	})
}

func (c *client) createOrganisation(ctx context.Context) error {
	order := &tenantv1.Organisation{Mode: typev1.ResourceMode_MUTUALIZED}
	id := c.next("org")
	name := c.tenant + "/organisations/" + id
	vpcs := map[string]string{}
	for range c.random.IntN(3) {
		vpc := c.next("vpc")
		order.Vpcs = append(order.Vpcs, &tenantv1.VpcOrder{VpcId: vpc})
		vpcs[name+"/vpcs/"+vpc] = ""
	}
	err := c.do(ctx, "create "+name, func(ctx context.Context, request string) (*longrunningpb.Operation, error) {
		return c.organisations.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
			Parent: c.tenant, OrganisationId: id, Organisation: order, RequestId: request,
		})
	})
	c.has[name] = vpcs
	return err
}

func (c *client) deleteOrganisation(ctx context.Context, name string) error {
	err := c.do(ctx, "delete "+name, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
		return c.organisations.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: name, Force: true, Purge: true, RequestId: id})
	})
	for vpc := range c.has[name] {
		c.unpeer(vpc)
	}
	delete(c.has, name)
	return err
}

func (c *client) createVpc(ctx context.Context, organisation string) error {
	id := c.next("vpc")
	err := c.do(ctx, "create "+organisation+"/vpcs/"+id, func(ctx context.Context, request string) (*longrunningpb.Operation, error) {
		return c.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: organisation, VpcId: id, Vpc: &networkv1.Vpc{}, RequestId: request})
	})
	c.has[organisation][organisation+"/vpcs/"+id] = ""
	return err
}

func (c *client) updateVpc(ctx context.Context, organisation, name string) error {
	label := c.next("label")
	err := c.do(ctx, "update "+name, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
		return c.vpcs.UpdateVpc(ctx, &networkv1.UpdateVpcRequest{Vpc: &networkv1.Vpc{Name: name, DisplayName: label}, RequestId: id})
	})
	c.has[organisation][name] = label
	return err
}

func (c *client) deleteVpc(ctx context.Context, organisation, name string) error {
	for peering, ends := range c.peered {
		if slices.Contains(ends[:], name) {
			if err := c.do(ctx, "delete "+peering, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
				return c.peerings.DeletePeering(ctx, &networkv1.DeletePeeringRequest{Name: peering, RequestId: id})
			}); err != nil {
				return err
			}
		}
	}
	c.unpeer(name)
	err := c.do(ctx, "delete "+name, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
		return c.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: name, RequestId: id})
	})
	delete(c.has[organisation], name)
	return err
}

func (c *client) unpeer(vpc string) {
	maps.DeleteFunc(c.peered, func(_ string, ends [2]string) bool { return slices.Contains(ends[:], vpc) })
}

func (c *client) peer(ctx context.Context, a, b string) error {
	for _, ends := range c.peered {
		if ends == [2]string{a, b} {
			return nil
		}
	}
	id := c.next("peering")
	name := c.tenant + "/peerings/" + id
	err := c.do(ctx, "create "+name, func(ctx context.Context, request string) (*longrunningpb.Operation, error) {
		return c.peerings.CreatePeering(ctx, &networkv1.CreatePeeringRequest{
			Parent: c.tenant, PeeringId: id, Peering: &networkv1.Peering{Vpc: a, PeerVpc: b}, RequestId: request,
		})
	})
	c.peered[name] = [2]string{a, b}
	return err
}

func (c *client) suspend(ctx context.Context) error {
	if err := c.do(ctx, "suspend "+c.tenant, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
		return c.tenants.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: c.tenant, RequestId: id})
	}); err != nil {
		return err
	}
	return c.do(ctx, "resume "+c.tenant, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
		return c.tenants.ResumeTenant(ctx, &tenantv1.ResumeTenantRequest{Name: c.tenant, RequestId: id})
	})
}

// purge removes everything he has.
func (c *client) purge(ctx context.Context) error {
	for _, organisation := range slices.Sorted(maps.Keys(c.has)) {
		if err := c.deleteOrganisation(ctx, organisation); err != nil {
			return err
		}
	}
	return c.do(ctx, "delete "+c.tenant, func(ctx context.Context, id string) (*longrunningpb.Operation, error) {
		return c.tenants.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: c.tenant, Purge: true, RequestId: id})
	})
}
