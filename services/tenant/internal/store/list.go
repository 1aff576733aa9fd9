package store

import (
	"context"

	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

var orderable = []string{"name", "create_time"}

func tenantListing() rows.Listing[tenancy.Tenant] {
	return rows.Listing[tenancy.Tenant]{
		Kind: "tenant", Query: tenantColumns, Scan: scanTenant, Orders: orderable, Unique: paging.Order{Field: "name", SQL: "t.name"},
		Shown: "t.delete_time IS NULL", Name: "t.name",
		Schema: filter.NewSchema(
			filter.String("name", "t.name"), filter.String("display_name", "t.display_name"),
			filter.Enum("state", "r.state", typev1.State_value), filter.Labels("labels", "t.labels"),
			filter.Timestamp("create_time", "t.create_time"),
		),
		Values: func(t tenancy.Tenant) map[string]any {
			return map[string]any{"name": t.Name(), "create_time": t.CreateTime}
		},
	}
}

func organisationListing() rows.Listing[tenancy.Organisation] {
	return rows.Listing[tenancy.Organisation]{
		Kind: "organisation", Query: organisationColumns, Scan: scanOrganisation, Orders: orderable,
		Unique: paging.Order{Field: "name", SQL: "o.name"}, Shown: "o.delete_time IS NULL", Name: "o.name",
		Schema: filter.NewSchema(
			filter.String("name", "o.name"), filter.String("display_name", "o.display_name"),
			filter.Enum("mode", "o.mode", typev1.ResourceMode_value),
			filter.Enum("state", "r.state", typev1.State_value), filter.Labels("labels", "o.labels"),
			filter.Timestamp("create_time", "o.create_time"),
		),
		Values: func(o tenancy.Organisation) map[string]any {
			return map[string]any{"name": o.Name(), "create_time": o.CreateTime}
		},
	}
}

// ListTenants reads a page of tenants.
func (s *Store) ListTenants(ctx context.Context, q resource.List) (resource.Page[tenancy.Tenant], error) {
	return s.tenants.Page(ctx, s.pool, s.pages, q, "TRUE")
}

// ListOrganisations reads a page of a tenant's organisations.
func (s *Store) ListOrganisations(ctx context.Context, tenant string, q resource.List) (resource.Page[tenancy.Organisation], error) {
	return s.organisations.Page(ctx, s.pool, s.pages, q, "o.tenant_id = $1", tenant)
}
