package store

import (
	"context"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

func vpcListing() rows.Listing[vpc.Vpc] {
	name := paging.Order{Field: "name", SQL: "v.name"}
	return rows.Listing[vpc.Vpc]{
		Kind: vpc.Kind, Query: selectVpc, Name: "v.name", Parent: "'tenants/' || v.tenant || '/organisations/' || v.organisation",
		Schema: filter.NewSchema(
			filter.String("name", "v.name"), filter.String("display_name", "v.display_name"),
			filter.Enum("mode", "v.mode", typev1.ResourceMode_value), filter.Enum("state", "r.state", typev1.State_value),
			filter.CIDR("cidr", "v.cidr"), filter.Labels("labels", "v.labels"), filter.Bool("deletion_protection", "v.deletion_protection"), filter.Timestamp("create_time", "v.create_time")),
		Orders: []string{"name", "create_time"}, Unique: name, Scan: rows.By(vpcRow.vpc),
		Values: func(v vpc.Vpc) map[string]any {
			return map[string]any{"name": v.Name.String(), "create_time": v.Created}
		},
	}
}

func peeringListing() rows.Listing[peering.Peering] {
	name := paging.Order{Field: "name", SQL: "p.name"}
	return rows.Listing[peering.Peering]{
		Kind: peering.Kind, Query: selectPeering,
		Schema: filter.NewSchema(
			filter.String("name", "p.name"), filter.String("vpc", "p.vpc"), filter.String("peer_vpc", "p.peer_vpc"),
			filter.Enum("acceptance", "p.acceptance", networkv1.Peering_Acceptance_value),
			filter.Enum("state", "r.state", typev1.State_value), filter.Timestamp("create_time", "p.create_time")),
		Orders: []string{"name", "create_time"}, Unique: name, Scan: rows.By(peeringRow.peering),
		Values: func(p peering.Peering) map[string]any {
			return map[string]any{"name": p.Name.String(), "create_time": p.Created}
		},
	}
}

// TenantKnown refuses the list of a tenant without a boundary: an empty list would say that the tenant exists.
func (s *Store) TenantKnown(ctx context.Context, tenant string) error {
	_, err := s.Boundary(ctx, tenant)
	return err
}

// ListVpcs lists the VPCs of an organisation, or of all of a tenant.
func (s *Store) ListVpcs(ctx context.Context, parent resourcename.Organisation, in resource.List) (resource.Page[vpc.Vpc], error) {
	list := vpcListing()
	if parent.Organisation == resourcename.Wildcard {
		if err := s.TenantKnown(ctx, parent.Tenant); err != nil {
			return resource.Page[vpc.Vpc]{}, err
		}
		return list.Page(ctx, s.pool, s.tokens, in, "v.tenant = $1", parent.Tenant)
	}
	// The service knows an organisation by its hub.
	if _, err := s.FindHub(ctx, s.pool, parent); err != nil {
		return resource.Page[vpc.Vpc]{}, err
	}
	return list.Page(ctx, s.pool, s.tokens, in, "v.tenant = $1 AND v.organisation = $2", parent.Tenant, parent.Organisation)
}

// ListPeerings lists the peerings of a tenant.
func (s *Store) ListPeerings(ctx context.Context, parent resourcename.Tenant, in resource.List) (resource.Page[peering.Peering], error) {
	if err := s.TenantKnown(ctx, parent.Tenant); err != nil {
		return resource.Page[peering.Peering]{}, err
	}
	list := peeringListing()
	return list.Page(ctx, s.pool, s.tokens, in, "p.tenant = $1", parent.Tenant)
}
