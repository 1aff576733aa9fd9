package store

import (
	"context"
	"fmt"
	"slices"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/network/internal/core/drift"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/request"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// listing is how one kind of resource is listed.
type listing[R, T any] struct {
	kind    string
	query   string
	schema  *filter.Schema
	orders  []string
	usual   []paging.Order
	unique  paging.Order
	convert func(R) (T, error)
	// values are those of the order's columns in one item.
	values func(T, []paging.Order) []any
}

func vpcListing() listing[vpcRow, vpc.Vpc] {
	name := paging.Order{Field: "name", SQL: "v.name"}
	return listing[vpcRow, vpc.Vpc]{
		kind: vpc.Kind, query: selectVpc,
		schema: filter.NewSchema(
			filter.String("name", "v.name"), filter.String("display_name", "v.display_name"),
			filter.Enum("mode", "v.mode", typev1.ResourceMode_value), filter.Enum("state", "r.state", typev1.State_value),
			filter.CIDR("cidr", "v.cidr"), filter.Labels("labels", "v.labels"), filter.Bool("deletion_protection", "v.deletion_protection"), filter.Timestamp("create_time", "v.create_time")),
		orders: []string{"name", "create_time"}, usual: []paging.Order{name}, unique: name, convert: vpcRow.vpc,
		values: func(v vpc.Vpc, orders []paging.Order) []any {
			return valuesOf(orders, map[string]any{"name": v.Name.String(), "create_time": v.Created})
		},
	}
}

func peeringListing() listing[peeringRow, peering.Peering] {
	name := paging.Order{Field: "name", SQL: "p.name"}
	return listing[peeringRow, peering.Peering]{
		kind: peering.Kind, query: selectPeering,
		schema: filter.NewSchema(
			filter.String("name", "p.name"), filter.String("vpc", "p.vpc"), filter.String("peer_vpc", "p.peer_vpc"),
			filter.Enum("acceptance", "p.acceptance", networkv1.Peering_Acceptance_value),
			filter.Enum("state", "r.state", typev1.State_value), filter.Timestamp("create_time", "p.create_time")),
		orders: []string{"name", "create_time"}, usual: []paging.Order{name}, unique: name, convert: peeringRow.peering,
		values: func(p peering.Peering, orders []paging.Order) []any {
			return valuesOf(orders, map[string]any{"name": p.Name.String(), "create_time": p.Created})
		},
	}
}

func findingListing() listing[findingRow, drift.Finding] {
	seen := paging.Order{Field: "last_seen_time", SQL: "f.last_seen", Desc: true}
	return listing[findingRow, drift.Finding]{
		kind: "drift finding", query: selectFinding,
		schema: filter.NewSchema(
			filter.String("resource", "f.resource"), filter.Enum("kind", "f.kind", networkv1.DriftFinding_Kind_value),
			filter.String("object_type", "f.object_type"), filter.String("object_id", "f.object_id"),
			filter.Timestamp("first_seen_time", "f.first_seen"), filter.Timestamp("last_seen_time", "f.last_seen"),
			filter.Timestamp("resolve_time", "f.resolve_time")),
		orders: []string{"last_seen_time", "first_seen_time"}, usual: []paging.Order{seen},
		unique: paging.Order{Field: "uid", SQL: "f.uid", Desc: true}, convert: findingRow.finding,
		values: func(f drift.Finding, orders []paging.Order) []any {
			return valuesOf(orders, map[string]any{"uid": f.UID, "last_seen_time": f.LastSeen, "first_seen_time": f.FirstSeen})
		},
	}
}

func valuesOf(orders []paging.Order, fields map[string]any) []any {
	out := make([]any, len(orders))
	for i, o := range orders {
		out[i] = fields[o.Field]
	}
	return out
}

// order is the columns a list is sorted by; the last is unique.
func (l listing[R, T]) order(text string) ([]paging.Order, error) {
	orders, err := l.schema.OrderBy(text, l.orders...)
	if err != nil {
		return nil, err
	}
	if len(orders) == 0 {
		orders = slices.Clone(l.usual)
	}
	if slices.ContainsFunc(orders, func(o paging.Order) bool { return o.Field == l.unique.Field }) {
		return orders, nil
	}
	last := l.unique
	// The same direction throughout lets one index answer.
	last.Desc = orders[len(orders)-1].Desc
	return append(orders, last), nil
}

// page reads one page of what scope, a condition with args, lets through.
func page[R, T any](ctx context.Context, s *Store, l listing[R, T], in request.List, scope string, args ...any) ([]T, string, error) {
	where, filterArgs, err := l.schema.SQL(in.Filter, len(args)+1)
	if err != nil {
		return nil, "", err
	}
	args = append(args, filterArgs...)
	orders, err := l.order(in.Order)
	if err != nil {
		return nil, "", err
	}
	binding := paging.Binding{Method: in.Method, Parent: in.Parent, Filter: in.Filter, Order: in.Order}
	last, err := s.tokens.Decode(in.Token, binding)
	if err != nil {
		return nil, "", err
	}
	after, afterArgs, err := paging.After(orders, last, len(args)+1)
	if err != nil {
		return nil, "", err
	}
	args = append(args, afterArgs...)
	sql := fmt.Sprintf("%s WHERE (%s) AND (%s) AND (%s) ORDER BY %s LIMIT %d",
		l.query, scope, where, after, paging.OrderBy(orders), in.Size+1)
	items, err := many(ctx, s.pool, l.kind, l.convert, sql, args...)
	if err != nil {
		return nil, "", err
	}
	items, more := paging.Cut(items, in.Size)
	if !more {
		return items, "", nil
	}
	next, err := s.tokens.Encode(binding, l.values(items[len(items)-1], orders)...)
	return items, next, err
}

// tenantKnown refuses the list of a tenant that has no boundary: an empty answer would say that the tenant is there.
func (s *Store) tenantKnown(ctx context.Context, tenant string) error {
	_, err := boundaryOf(ctx, s.pool, tenant)
	return err
}

// ListVpcs lists the VPCs of an organisation, or of all of a tenant.
func (s *Store) ListVpcs(ctx context.Context, parent resourcename.Organisation, in request.List) ([]vpc.Vpc, string, error) {
	scope, args := "v.tenant = $1", []any{parent.Tenant}
	if parent.Organisation == resourcename.Wildcard {
		if err := s.tenantKnown(ctx, parent.Tenant); err != nil {
			return nil, "", err
		}
	} else {
		// An organisation is known here by its hub.
		if _, err := hubOf(ctx, s.pool, parent); err != nil {
			return nil, "", err
		}
		scope, args = scope+" AND v.organisation = $2", append(args, parent.Organisation)
	}
	if in.Only != nil {
		scope = fmt.Sprintf("%s AND (v.name = ANY($%d) OR 'tenants/' || v.tenant || '/organisations/' || v.organisation = ANY($%d))",
			scope, len(args)+1, len(args)+2)
		args = append(args, in.Only, in.Within)
	}
	return page(ctx, s, vpcListing(), in, scope, args...)
}

// ListPeerings lists the peerings of a tenant.
func (s *Store) ListPeerings(ctx context.Context, parent resourcename.Tenant, in request.List) ([]peering.Peering, string, error) {
	if err := s.tenantKnown(ctx, parent.Tenant); err != nil {
		return nil, "", err
	}
	return page(ctx, s, peeringListing(), in, "p.tenant = $1", parent.Tenant)
}

// ListFindings lists the drift findings of a tenant; those that are resolved only when asked for.
func (s *Store) ListFindings(ctx context.Context, parent resourcename.Tenant, in request.List, resolved bool) ([]drift.Finding, string, error) {
	if err := s.tenantKnown(ctx, parent.Tenant); err != nil {
		return nil, "", err
	}
	in.Parent = fmt.Sprintf("%s resolved=%t", in.Parent, resolved)
	return page(ctx, s, findingListing(), in, "f.tenant = $1 AND ($2 OR f.resolve_time IS NULL)", parent.Tenant, resolved)
}
