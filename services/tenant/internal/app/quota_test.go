package app_test

import (
	"fmt"
	"sync"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/services/tenant/internal/app"
)

// stands is what is in use and reserved of the quota of organisations.
func (r *rig) stands() (inUse, reserved int) {
	r.t.Helper()
	err := r.pool.QueryRow(r.t.Context(), `SELECT coalesce(max(in_use), 0), coalesce(max(reserved), 0) FROM quota_limits WHERE place = 'tenants/acme'`).Scan(&inUse, &reserved)
	if err != nil {
		r.t.Fatal(err)
	}
	return inUse, reserved
}

// TestCreateOrganisation_atTheQuota_takesExactlyTheRoom: of many orders at once exactly as many are taken as there is room for. A deleted
// organisation counts until it is purged.
func TestCreateOrganisation_atTheQuota_takesExactlyTheRoom(t *testing.T) {
	t.Parallel()
	const limit, orders = 3, 10
	r := start(t, func(c *app.Config) { c.QuotaOrganisations = limit })
	ctx := t.Context()
	acme := "tenants/acme"
	r.done(r.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: "acme", Tenant: &tenantv1.Tenant{}}))
	create := func(id string, plan bool) (*longrunningpb.Operation, error) {
		return r.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
			Parent: acme, OrganisationId: id, Organisation: &tenantv1.Organisation{Mode: mutualized}, ValidateOnly: plan,
		})
	}
	var mu sync.Mutex
	var taken []*longrunningpb.Operation
	var all sync.WaitGroup
	for i := range orders {
		all.Go(func() {
			op, err := create(fmt.Sprintf("org%d", i), false)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				taken = append(taken, op)
				return
			}
			if e := grpcerr.FromError(err); e.Code != errs.ResourceExhausted || e.Reason != "QUOTA_EXCEEDED" || len(e.Quota) != 1 || e.Quota[0].Subject != acme+"/quotas/tenant.organisations" {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	if len(taken) != limit {
		t.Fatalf("%d of %d orders were taken, the limit is %d", len(taken), orders, limit)
	}
	for _, op := range taken {
		r.done(op, nil)
	}
	if inUse, reserved := r.stands(); inUse != limit || reserved != 0 {
		t.Errorf("%d in use, %d reserved", inUse, reserved)
	}
	first := r.metadata(taken[0]).GetResource()
	r.done(r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: first}))
	_, err := create("more", true)
	refused(t, err, "QUOTA_EXCEEDED")
	r.done(r.UndeleteOrganisation(ctx, &tenantv1.UndeleteOrganisationRequest{Name: first}))
	r.done(r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: first, Purge: true}))
	if inUse, reserved := r.stands(); inUse != limit-1 || reserved != 0 {
		t.Errorf("%d in use, %d reserved", inUse, reserved)
	}
	r.done(create("more", false))
	r.done(r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: acme, Force: true, Purge: true}))
	var left int
	if err := r.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM quota_limits) + (SELECT count(*) FROM quota_reservations)`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
}

// TestQuota_change_reachesTheNetworkService when an organisation is made, and whenever it changes.
func TestQuota_change_reachesTheNetworkService(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	core := "tenants/acme/organisations/core"
	r.done(r.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: "acme", Tenant: &tenantv1.Tenant{}}))
	r.done(r.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "core", Organisation: &tenantv1.Organisation{Mode: mutualized, Quota: &tenantv1.Quota{Routers: 9}},
	}))
	if q := r.network.Quota(core); q.GetRouters() != 9 || q.GetNetworks() != 40 || q.GetPorts() != 200 || q.GetSecurityGroups() != 20 {
		t.Errorf("told %v", q)
	}
	r.done(r.UpdateOrganisation(ctx, &tenantv1.UpdateOrganisationRequest{
		Organisation: &tenantv1.Organisation{Name: core, Quota: &tenantv1.Quota{Ports: 300}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"quota.ports"}},
	}))
	if q := r.network.Quota(core); q.GetRouters() != 9 || q.GetPorts() != 300 {
		t.Errorf("told %v", q)
	}
	// The platform's defaults may be too small for an order.
	r.restart(func(c *app.Config) { c.QuotaRouters = 2 })
	_, err := r.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{Parent: "tenants/acme", OrganisationId: "side", Organisation: &tenantv1.Organisation{
		Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{{VpcId: "aa"}, {VpcId: "bb"}},
	}})
	refused(t, err, "INVALID_FIELDS", "organisation.quota.routers")
}
