package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// listing is one kind of list: what it reads, what callers may filter and order by, and what its pages are cut by.
type listing[T any] struct {
	method string
	sql    string
	schema *filter.Schema
	// deleted is the condition that hides deleted resources.
	deleted string
	// last is the tie-breaker of every order: unique among the rows of a list.
	last paging.Order
	scan pgx.RowToFunc[T]
	// key is the values of a row by the names callers order by.
	key func(T) map[string]any
}

var orderable = []string{"name", "create_time"}

// The schemas hold the columns' names; a schema is read only and may be shared.
func tenantListing() listing[tenancy.Tenant] {
	return listing[tenancy.Tenant]{
		method: "ListTenants", sql: tenantColumns, deleted: "t.delete_time IS NULL",
		schema: filter.NewSchema(
			filter.String("name", "t.name"), filter.String("display_name", "t.display_name"),
			filter.Enum("state", "r.state", typev1.State_value), filter.Labels("labels", "t.labels"),
			filter.Timestamp("create_time", "t.create_time"),
		),
		last: paging.Order{Field: "name", SQL: "t.name"},
		scan: scanTenant,
		key: func(t tenancy.Tenant) map[string]any {
			return map[string]any{"name": t.Name(), "create_time": t.CreateTime}
		},
	}
}

func organisationListing() listing[tenancy.Organisation] {
	return listing[tenancy.Organisation]{
		method: "ListOrganisations", sql: organisationColumns, deleted: "o.delete_time IS NULL",
		schema: filter.NewSchema(
			filter.String("name", "o.name"), filter.String("display_name", "o.display_name"),
			filter.Enum("mode", "o.mode", typev1.ResourceMode_value),
			filter.Enum("state", "r.state", typev1.State_value), filter.Labels("labels", "o.labels"),
			filter.Timestamp("create_time", "o.create_time"),
		),
		last: paging.Order{Field: "name", SQL: "o.name"},
		scan: scanOrganisation,
		key: func(o tenancy.Organisation) map[string]any {
			return map[string]any{"name": o.Name(), "create_time": o.CreateTime}
		},
	}
}

// ListTenants answers a page of tenants.
func (s *Store) ListTenants(ctx context.Context, q tenancy.List) (tenancy.Page[tenancy.Tenant], error) {
	return page(ctx, s, s.tenants, q, "TRUE")
}

// ListOrganisations answers a page of a tenant's organisations.
func (s *Store) ListOrganisations(ctx context.Context, q tenancy.List) (tenancy.Page[tenancy.Organisation], error) {
	return page(ctx, s, s.organisations, q, "o.tenant_id = $1", q.Tenant)
}

func page[T any](
	ctx context.Context, s *Store, l listing[T], q tenancy.List, scope string, args ...any,
) (tenancy.Page[T], error) {
	var none tenancy.Page[T]
	orders, err := l.orders(q.OrderBy)
	if err != nil {
		return none, err
	}
	matches, filterArgs, err := l.schema.SQL(q.Filter, len(args)+1)
	if err != nil {
		return none, err
	}
	args = append(args, filterArgs...)
	binding := paging.Binding{
		Method: l.method, Parent: q.Tenant, Filter: fmt.Sprintf("%s deleted=%t", q.Filter, q.ShowDeleted), Order: q.OrderBy,
	}
	last, err := s.pages.Decode(q.PageToken, binding)
	if err != nil {
		return none, err
	}
	after, afterArgs, err := paging.After(orders, last, len(args)+1)
	if err != nil {
		return none, err
	}
	args = append(args, afterArgs...)
	where := []string{scope, "(" + matches + ")", after}
	if !q.ShowDeleted {
		where = append(where, l.deleted)
	}
	if q.Only != nil {
		args = append(args, q.Only)
		where = append(where, fmt.Sprintf("%s = ANY($%d)", l.last.SQL, len(args)))
	}
	size := paging.Size(q.PageSize)
	sql := fmt.Sprintf("%s WHERE %s ORDER BY %s LIMIT %d", l.sql, strings.Join(where, " AND "), paging.OrderBy(orders), size+1)
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return none, fmt.Errorf("list: %w", err)
	}
	items, err := pgx.CollectRows(rows, l.scan)
	if err != nil {
		return none, fmt.Errorf("list: %w", err)
	}
	return cut(s.pages, binding, items, size, orders, l.key)
}

func (l listing[T]) orders(text string) ([]paging.Order, error) {
	orders, err := l.schema.OrderBy(text, orderable...)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(orders, func(o paging.Order) bool { return o.Field == l.last.Field }) {
		orders = append(orders, l.last)
	}
	return orders, nil
}

func cut[T any](
	tokens *paging.Token, b paging.Binding, items []T, size int, orders []paging.Order, key func(T) map[string]any,
) (tenancy.Page[T], error) {
	items, more := paging.Cut(items, size)
	out := tenancy.Page[T]{Items: items}
	if !more {
		return out, nil
	}
	values := key(items[len(items)-1])
	last := make([]any, len(orders))
	for i, o := range orders {
		last[i] = values[o.Field]
	}
	token, err := tokens.Encode(b, last...)
	if err != nil {
		return tenancy.Page[T]{}, fmt.Errorf("list: %w", err)
	}
	out.NextPageToken = token
	return out, nil
}
