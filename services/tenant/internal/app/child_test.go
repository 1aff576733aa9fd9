package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/errs"
)

var cancelled = errs.New(errs.Canceled, "CANCELLED", "the operation was cancelled; update the resource to have the work go on")

// follows waits until a step of the operation follows another one than the given one, and returns it.
func (r *rig) follows(op *longrunningpb.Operation, step, given string) string {
	r.t.Helper()
	followed := ""
	r.until(op, "following another operation", func(_ *longrunningpb.Operation, m *operationv1.OperationMetadata) bool {
		for _, s := range m.GetSteps() {
			if s.GetName() == step {
				followed = s.GetOperation()
			}
		}
		return followed != "" && followed != given
	})
	return followed
}

// TestFollowedOperation_cancelled_isOrderedAgain cancels the work of the network service that a tenant and an organisation wait for,
// more than once: both take it up again by themselves, each time with a call of its own.
func TestFollowedOperation_cancelled_isOrderedAgain(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	order := func(step, method string, op *longrunningpb.Operation, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		given := ""
		for range 2 {
			given = r.follows(op, step, given)
			r.network.GiveUp(method, cancelled)
		}
		r.follows(op, step, given)
		r.network.Release()
		r.done(op, nil)
		if n := len(r.network.Calls(method)); n != 3 {
			t.Errorf("%s was called %d times, want once for each time it was given up and once more", method, n)
		}
	}
	r.network.Hold("EnsureBoundary")
	op, err := r.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: "acme", Tenant: &tenantv1.Tenant{}})
	order("boundary", "EnsureBoundary", op, err)
	r.network.Hold("EnsureHub")
	op, err = r.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "core",
		Organisation: &tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{{VpcId: "dev"}}},
	})
	order("hub", "EnsureHub", op, err)
	if o := r.getOrganisation("tenants/acme/organisations/core"); o.GetState() != typev1.State_ACTIVE {
		t.Errorf("the organisation is %s", o.GetState())
	}
}

// TestFollowedOperation_superseded_isFollowed follows the operation that took the place of the one that was followed.
func TestFollowedOperation_superseded_isFollowed(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.tenant("acme")
	instead := r.organisation("acme", "other")
	ops, err := r.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{
		Name: "tenants/acme", Filter: fmt.Sprintf("metadata.resource = %q", instead.GetName()),
	})
	if err != nil || len(ops.GetOperations()) != 1 {
		t.Fatalf("operations of %s: %v, %v", instead.GetName(), ops, err)
	}
	successor := r.follows(ops.GetOperations()[0], "hub", "")
	r.network.Hold("EnsureHub")
	op, err := r.CreateOrganisation(t.Context(), &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "core", Organisation: &tenantv1.Organisation{Mode: mutualized},
	})
	if err != nil {
		t.Fatal(err)
	}
	given := r.follows(op, "hub", "")
	r.network.GiveUp("EnsureHub", errs.New(errs.Aborted, "SUPERSEDED", "a newer change replaced this one").With("operation", successor))
	if got := r.follows(op, "hub", given); got != successor {
		t.Errorf("it follows %s, want %s", got, successor)
	}
	r.done(op, nil)
}

// TestCancelledVPC blocks the organisation with what its owner can do: a VPC is its owner's, who cancelled it.
func TestCancelledVPC(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.tenant("acme")
	r.network.Hold("CreateVpc")
	op, err := r.CreateOrganisation(t.Context(), &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "core",
		Organisation: &tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{{VpcId: "dev"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.follows(op, "vpc-dev", "")
	r.network.GiveUp("CreateVpc", cancelled)
	r.until(op, "blocked", func(_ *longrunningpb.Operation, m *operationv1.OperationMetadata) bool { return m.GetBlockage() != nil })
	o := r.getOrganisation("tenants/acme/organisations/core")
	if b := o.GetBlockage(); b.GetOwner() != typev1.Blockage_USER || b.GetReason() != "CANCELLED" || !strings.Contains(b.GetMessage(), "update the resource") {
		t.Errorf("blocked by %v", b)
	}
	r.network.Mend(o.GetName() + "/vpcs/dev")
	r.done(op, nil)
}

// TestOrder_vpcs_areAskedForInTurn shows that the same order gets the same addresses every time: the calls come one after the
// other, those that name a CIDR first, and none waits until the VPC before it is made.
func TestOrder_vpcs_areAskedForInTurn(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.tenant("acme")
	r.network.Hold("CreateVpc")
	o := &tenantv1.Organisation{Mode: mutualized}
	for _, id := range []string{"staging", "dev", "prod", "audit", "test"} {
		o.Vpcs = append(o.Vpcs, &tenantv1.VpcOrder{VpcId: id})
	}
	o.Vpcs[2].Cidr = "10.64.0.0/20"
	op, err := r.CreateOrganisation(t.Context(), &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "core", Organisation: o,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.eventually("all VPCs are ordered while none is made", func() bool { return len(r.network.Ordered("CreateVpc")) == len(o.GetVpcs()) })
	var want []string
	for _, id := range []string{"prod", "staging", "dev", "audit", "test"} {
		want = append(want, "tenants/acme/organisations/core/vpcs/"+id)
	}
	if got := r.network.Ordered("CreateVpc"); !slices.Equal(got, want) {
		t.Errorf("ordered as %v, want %v", got, want)
	}
	r.network.Release()
	r.done(op, nil)
}
