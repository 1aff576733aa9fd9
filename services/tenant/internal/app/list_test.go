package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

// TestListsUnderNobody names the parent that is missing instead of answering that it holds nothing.
func TestListsUnderNobody(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	_, err := r.ListOrganisations(ctx, &tenantv1.ListOrganisationsRequest{Parent: "tenants/nobody"})
	refused(t, err, "TENANT_NOT_FOUND")
	_, err = r.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: "tenants/nobody"})
	refused(t, err, "TENANT_NOT_FOUND")
	r.tenant("acme")
	r.done(r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Purge: true}))
	ops, err := r.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: "tenants/acme"})
	if err != nil || len(ops.GetOperations()) != 2 {
		t.Errorf("what was done to a tenant that is gone: %v, %v", ops, err)
	}
}

// TestLists pages, filters and orders, and refuses what it does not understand.
func TestLists(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	var all []string
	for i := range 5 {
		id := fmt.Sprintf("ten-%d", i)
		r.done(r.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: id, Tenant: &tenantv1.Tenant{
			DisplayName: strings.ToUpper(id), Labels: map[string]string{"env": []string{"prod", "test"}[i%2]},
		}}))
		all = append(all, "tenants/"+id)
	}
	r.done(r.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: all[4]}))
	pages := func(req *tenantv1.ListTenantsRequest) []string {
		t.Helper()
		var out []string
		for {
			page, err := r.ListTenants(ctx, req)
			if err != nil {
				t.Fatalf("list %v: %v", req, err)
			}
			if n := len(page.GetTenants()); req.GetPageSize() > 0 && n > int(req.GetPageSize()) {
				t.Errorf("a page of %d holds %d", req.GetPageSize(), n)
			}
			for _, ten := range page.GetTenants() {
				out = append(out, ten.GetName())
			}
			if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
				return out
			}
		}
	}
	back := slices.Clone(all)
	slices.Reverse(back)
	for name, c := range map[string]struct {
		req  *tenantv1.ListTenantsRequest
		want []string
	}{
		"all":         {&tenantv1.ListTenantsRequest{}, all},
		"in pages":    {&tenantv1.ListTenantsRequest{PageSize: 2}, all},
		"backwards":   {&tenantv1.ListTenantsRequest{PageSize: 2, OrderBy: "name desc"}, back},
		"by time":     {&tenantv1.ListTenantsRequest{PageSize: 1, OrderBy: "create_time desc"}, back},
		"by label":    {&tenantv1.ListTenantsRequest{Filter: `labels.env = "prod"`}, []string{all[0], all[2], all[4]}},
		"by state":    {&tenantv1.ListTenantsRequest{Filter: "state = SUSPENDED"}, all[4:]},
		"both":        {&tenantv1.ListTenantsRequest{PageSize: 1, Filter: `state = ACTIVE AND labels.env = "prod"`}, []string{all[0], all[2]}},
		"by its name": {&tenantv1.ListTenantsRequest{Filter: `display_name = "TEN-1"`}, all[1:2]},
	} {
		t.Run(name, func(t *testing.T) {
			if got := pages(c.req); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	_, err := r.ListTenants(ctx, &tenantv1.ListTenantsRequest{Filter: "domain_id = 3"})
	refused(t, err, "INVALID_FIELDS", "filter")
	_, err = r.ListTenants(ctx, &tenantv1.ListTenantsRequest{OrderBy: "state"})
	refused(t, err, "INVALID_FIELDS", "order_by")
	page, err := r.ListTenants(ctx, &tenantv1.ListTenantsRequest{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.ListTenants(ctx, &tenantv1.ListTenantsRequest{PageSize: 1, PageToken: page.GetNextPageToken(), Filter: "state = ACTIVE"})
	refused(t, err, "INVALID_FIELDS", "page_token")
	_, err = r.ListOrganisations(ctx, &tenantv1.ListOrganisationsRequest{Parent: "tenants/nobody"})
	refused(t, err, "TENANT_NOT_FOUND")
}

// TestUpdates changes what may be changed, by mask, and refuses the rest.
func TestUpdates(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	r.tenant("acme")
	o := r.organisation("acme", "core")
	name := o.GetName()
	update := func(change *tenantv1.Organisation, paths ...string) error {
		change.Name = name
		op, err := r.UpdateOrganisation(ctx, &tenantv1.UpdateOrganisationRequest{
			Organisation: change, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
		})
		if err == nil {
			r.done(op, nil)
		}
		return err
	}
	calls := func() int {
		n := 0
		for _, c := range r.cloud.Calls() {
			if c.Method != "GET" {
				n++
			}
		}
		return n
	}
	before := calls()
	if err := update(&tenantv1.Organisation{DisplayName: "Core", Labels: map[string]string{"a": "b"}, Etag: o.GetEtag()}); err != nil {
		t.Fatal(err)
	}
	if n := calls() - before; n != 0 {
		t.Errorf("a change of texts made %d writing calls in the cloud", n)
	}
	refused(t, update(&tenantv1.Organisation{DisplayName: "Again", Etag: o.GetEtag()}), "ETAG_MISMATCH")
	if err := update(&tenantv1.Organisation{Quota: &tenantv1.Quota{Cores: 7, Routers: 5}}, "quota"); err != nil {
		t.Fatal(err)
	}
	if err := update(&tenantv1.Organisation{Quota: &tenantv1.Quota{Cores: 9}}, "quota.cores", "labels"); err != nil {
		t.Fatal(err)
	}
	got := r.getOrganisation(name)
	if got.GetQuota().GetCores() != 9 || got.GetQuota().GetRouters() != 5 || got.GetDisplayName() != "Core" || len(got.GetLabels()) != 0 {
		t.Errorf("updated organisation: %v", got)
	}
	refused(t, update(&tenantv1.Organisation{Mode: typev1.ResourceMode_DEDICATED}, "mode"), "INVALID_FIELDS", "organisation.mode")
	refused(t, update(&tenantv1.Organisation{}, "colour"), "INVALID_FIELDS", "update_mask")
	refused(t, update(&tenantv1.Organisation{Mode: typev1.ResourceMode_DEDICATED, HubCidr: "10.64.0.0/22"}), "INVALID_FIELDS",
		"organisation.mode", "organisation.hub_cidr")
	refused(t, update(&tenantv1.Organisation{Vpcs: []*tenantv1.VpcOrder{{VpcId: "dev"}}}), "INVALID_FIELDS", "organisation.vpcs")
	// A resource can be sent back whole, as it was read.
	whole := r.getOrganisation(name)
	whole.DisplayName = "Whole"
	if err := update(whole); err != nil {
		t.Errorf("send back what was read: %v", err)
	}
	_, err := r.UpdateTenant(ctx, &tenantv1.UpdateTenantRequest{
		Tenant: &tenantv1.Tenant{Name: "tenants/acme", NetworkCidr: "10.0.0.0/12"},
	})
	refused(t, err, "INVALID_FIELDS", "tenant.network_cidr")
	_, err = r.UpdateTenant(ctx, &tenantv1.UpdateTenantRequest{Tenant: &tenantv1.Tenant{Name: "tenants/nobody", DisplayName: "x"}})
	refused(t, err, "TENANT_NOT_FOUND")
}
