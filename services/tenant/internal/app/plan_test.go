package app_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/provision/plantest"
)

// TestPlan_everyChange_equalsTheResult takes a tenant and an organisation through every change there is, each asked for as a
// plan first.
func TestPlan_everyChange_equalsTheResult(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	p := plantest.Prover{Pool: r.pool, Done: r.done, Service: "tenant"}
	acme, core := "tenants/acme", "tenants/acme/organisations/core"
	proves := func(what string, call plantest.Call) *operationv1.Plan { t.Helper(); return p.Proves(t, what, call) }

	proves("create tenant", func(only bool) (*longrunningpb.Operation, error) {
		return r.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: "acme", Tenant: &tenantv1.Tenant{}, RequestId: "t", ValidateOnly: only})
	})
	plan := proves("create organisation", func(only bool) (*longrunningpb.Operation, error) {
		return r.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
			Parent: acme, OrganisationId: "core", ValidateOnly: only, RequestId: "o",
			Organisation: &tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{{VpcId: "dev"}, {VpcId: "prod"}}},
		})
	})
	organisations := &operationv1.QuotaEffect{Resource: "organisations", UsageChange: 1, Quota: acme + "/quotas/tenant.organisations", TakenAfter: 1, EffectiveLimit: 40}
	for _, q := range plan.GetQuota() {
		if q.GetResource() == "organisations" {
			if q.String() != organisations.String() {
				t.Errorf("quota: %v", q)
			}
			continue
		}
		if q.GetUsageChange() != 0 && (q.GetTakenAfter() != q.GetUsageChange() || q.GetEffectiveLimit() != q.GetLimit() || q.GetQuota() != core+"/quotas/network."+q.GetResource()) {
			t.Errorf("quota: %v", q)
		}
		if q.GetResource() == "networks" && (q.GetUsageChange() != 5 || q.GetLimit() != 40) || q.GetLimit() == 0 {
			t.Errorf("quota: %v", q)
		}
	}
	proves("update tenant", func(only bool) (*longrunningpb.Operation, error) {
		return r.UpdateTenant(ctx, &tenantv1.UpdateTenantRequest{Tenant: &tenantv1.Tenant{Name: acme, DisplayName: "Acme"}, ValidateOnly: only})
	})
	proves("suspend", func(only bool) (*longrunningpb.Operation, error) {
		return r.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: acme, ValidateOnly: only})
	})
	proves("resume", func(only bool) (*longrunningpb.Operation, error) {
		return r.ResumeTenant(ctx, &tenantv1.ResumeTenantRequest{Name: acme, ValidateOnly: only})
	})
	plan = proves("update quota", func(only bool) (*longrunningpb.Operation, error) {
		return r.UpdateOrganisation(ctx, &tenantv1.UpdateOrganisationRequest{
			Organisation: &tenantv1.Organisation{Name: core, Quota: &tenantv1.Quota{Cores: 7}},
			UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"quota.cores"}}, ValidateOnly: only,
		})
	})
	if q := plan.GetQuota(); len(q) != 3 || q[0].GetResource() != "cores" || q[0].GetLimit() != 7 {
		t.Errorf("quota: %v", q)
	}
	proves("rotate credential", func(only bool) (*longrunningpb.Operation, error) {
		return r.RotateOrganisationCredential(ctx, &tenantv1.RotateOrganisationCredentialRequest{Name: core, ValidateOnly: only})
	})
	plan = proves("delete organisation", func(only bool) (*longrunningpb.Operation, error) {
		return r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: core, Force: true, ValidateOnly: only})
	})
	purges(t, plan, r.purge(t, core), "keystone.project", core+"/vpcs/dev", core+"/vpcs/prod", core+"/hub", core)
	plan = proves("undelete organisation", func(only bool) (*longrunningpb.Operation, error) {
		return r.UndeleteOrganisation(ctx, &tenantv1.UndeleteOrganisationRequest{Name: core, ValidateOnly: only})
	})
	if plan.GetPurgeTime() != nil || len(plan.GetPurgedObjects()) > 0 {
		t.Errorf("the return of an organisation purges %v", plan.GetPurgedObjects())
	}
	plan = proves("delete tenant", func(only bool) (*longrunningpb.Operation, error) {
		return r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: acme, Force: true, ValidateOnly: only})
	})
	purges(t, plan, r.purge(t, acme), "keystone.domain", core+"/vpcs/dev", core+"/vpcs/prod", core+"/hub", core, acme, acme+"/boundary")
	proves("undelete tenant", func(only bool) (*longrunningpb.Operation, error) {
		return r.UndeleteTenant(ctx, &tenantv1.UndeleteTenantRequest{Name: acme, ValidateOnly: only})
	})
	plan = p.Plan(t, "purge organisation", func(only bool) (*longrunningpb.Operation, error) {
		return r.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: core, Force: true, Purge: true, ValidateOnly: only})
	})
	below(t, plan, core+"/vpcs/dev", core+"/vpcs/prod", core+"/hub")
	plan = proves("purge tenant", func(only bool) (*longrunningpb.Operation, error) {
		return r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: acme, Force: true, Purge: true, ValidateOnly: only})
	})
	below(t, plan, core+"/vpcs/dev", core+"/vpcs/prod", core+"/hub", acme+"/boundary")
}

// purges checks that the plan of a deletion says what the purge will remove, and when.
func purges(t *testing.T, plan *operationv1.Plan, at time.Time, last string, resources ...string) {
	t.Helper()
	if d := plan.GetPurgeTime().AsTime().Sub(at); d > time.Minute || d < -time.Minute {
		t.Errorf("the plan purges at %v, the resource says %v", plan.GetPurgeTime().AsTime(), at)
	}
	found, types, services := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, o := range plan.GetPurgedObjects() {
		if o.GetAction() != operationv1.PlannedObject_DELETE || o.GetId() == "" || found[o.GetService()+o.GetType()+o.GetId()] {
			t.Errorf("the purge: %v", o)
		}
		found[o.GetResource()], found[o.GetService()+o.GetType()+o.GetId()] = true, true
		types[o.GetType()], services[o.GetService()] = true, true
	}
	for _, name := range resources {
		if !found[name] {
			t.Errorf("the purge lacks what %s is made of", name)
		}
	}
	if !types[last] || !services["network"] || !services["tenant"] {
		t.Errorf("the purge removes %v of %v", types, services)
	}
	for _, o := range plan.GetObjects() {
		if o.GetAction() == operationv1.PlannedObject_DELETE {
			t.Errorf("the deletion removes %v", o)
		}
	}
}

// purge is when a deleted tenant or organisation is removed for good.
func (r *rig) purge(t *testing.T, name string) time.Time {
	t.Helper()
	if strings.Contains(name, "/organisations/") {
		o, err := r.GetOrganisation(t.Context(), &tenantv1.GetOrganisationRequest{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return o.GetPurgeTime().AsTime()
	}
	v, err := r.GetTenant(t.Context(), &tenantv1.GetTenantRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return v.GetPurgeTime().AsTime()
}

// below checks that the plan of a removal lists what the network service removes along with it.
func below(t *testing.T, plan *operationv1.Plan, resources ...string) {
	t.Helper()
	found := map[string]bool{}
	for _, o := range plan.GetObjects() {
		if o.GetService() == "network" {
			found[o.GetResource()] = o.GetAction() == operationv1.PlannedObject_DELETE && strings.HasPrefix(o.GetType(), "neutron.")
		}
	}
	for _, name := range resources {
		if !found[name] {
			t.Errorf("the preview lacks what %s is made of", name)
		}
	}
}
