package rows

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resource"
)

// Listing describes a list of one kind of resource.
type Listing[T any] struct {
	// Kind is for errors.
	Kind string
	// Query is the statement up to WHERE.
	Query  string
	Scan   pgx.RowToFunc[T]
	Schema *filter.Schema
	// Orders are the fields a caller may order by; Usual is the order without a wish, Unique when it is empty.
	Orders []string
	Usual  []paging.Order
	// Unique breaks ties.
	Unique paging.Order
	// Values are those of an item by the names of the orders.
	Values func(T) map[string]any
	// Shown is a condition that resource.List.All lifts; empty for none.
	Shown string
	// Name and Parent are the SQL of the names that Only and Within limit. Without a Name a narrowed list is empty.
	Name, Parent string
}

func (l *Listing[T]) order(text string) ([]paging.Order, error) {
	orders, err := l.Schema.OrderBy(text, l.Orders...)
	if err != nil {
		return nil, err
	}
	if len(orders) == 0 {
		orders = slices.Clone(l.Usual)
	}
	if slices.ContainsFunc(orders, func(o paging.Order) bool { return o.Field == l.Unique.Field }) {
		return orders, nil
	}
	last := l.Unique
	if len(orders) > 0 {
		// One index serves an order of one direction.
		last.Desc = orders[len(orders)-1].Desc
	}
	return append(orders, last), nil
}

// Page reads one page of the rows for which scope, a condition on args, holds.
func (l *Listing[T]) Page(ctx context.Context, q Querier, tokens *paging.Token, in resource.List, scope string, args ...any) (resource.Page[T], error) {
	var none resource.Page[T]
	where, filterArgs, err := l.Schema.SQL(in.Filter, len(args)+1)
	if err != nil {
		return none, err
	}
	args = append(args, filterArgs...)
	orders, err := l.order(in.Order)
	if err != nil {
		return none, err
	}
	binding := paging.Binding{Method: in.Method, Parent: in.Parent, Filter: fmt.Sprintf("%s all=%t", in.Filter, in.All), Order: in.Order}
	last, err := tokens.Decode(in.Token, binding)
	if err != nil {
		return none, err
	}
	after, afterArgs, err := paging.After(orders, last, len(args)+1)
	if err != nil {
		return none, err
	}
	args = append(args, afterArgs...)
	seen, args := l.visible(in, args)
	items, err := Many(ctx, q, l.Kind, l.Scan, fmt.Sprintf("%s WHERE (%s) AND (%s) AND (%s) AND (%s) ORDER BY %s LIMIT %d",
		l.Query, scope, where, after, seen, paging.OrderBy(orders), in.Size+1), args...)
	if err != nil {
		return none, err
	}
	items, more := paging.Cut(items, in.Size)
	if !more {
		return resource.Page[T]{Items: items}, nil
	}
	values, keys := l.Values(items[len(items)-1]), make([]any, len(orders))
	for i, o := range orders {
		keys[i] = values[o.Field]
	}
	next, err := tokens.Encode(binding, keys...)
	return resource.Page[T]{Items: items, Next: next}, err
}

// visible is the condition of the rows that the caller may see and did not leave out.
func (l *Listing[T]) visible(in resource.List, args []any) (string, []any) {
	seen := "TRUE"
	if l.Shown != "" && !in.All {
		seen = l.Shown
	}
	switch {
	case in.Only == nil && in.Within == nil:
		return seen, args
	case l.Name == "":
		return "FALSE", args
	}
	args = append(args, in.Only)
	narrow := fmt.Sprintf("%s = ANY($%d)", l.Name, len(args))
	if l.Parent != "" {
		args = append(args, in.Within)
		narrow = fmt.Sprintf("(%s OR %s = ANY($%d))", narrow, l.Parent, len(args))
	}
	return fmt.Sprintf("%s AND %s", seen, narrow), args
}
