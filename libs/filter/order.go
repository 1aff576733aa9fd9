package filter

import (
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/paging"
)

// maxOrders bounds the columns of an order.
const maxOrders = 4

// Order is one column of an order.
type Order = paging.Order

// OrderBy reads `field [asc|desc], …`. allowed are the fields that may be named, all but labels when none is given; they
// must be declared, and their columns not null. An empty text is no order. The caller adds a unique last column.
func (s *Schema) OrderBy(text string, allowed ...string) ([]Order, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(text) > maxLength {
		return nil, wrongOrder("is too long: name at most %d fields", maxOrders)
	}
	known := s.sortable(allowed)
	var orders []Order
	for i, part := range strings.Split(text, ",") {
		words := strings.Fields(part)
		if len(words) == 0 || len(words) > 2 {
			return nil, wrongOrder("part %d, %q, is not understood: write FIELD or FIELD desc, separated by commas", i+1, clip(part))
		}
		field, ok := s.fields[words[0]]
		if !ok || !slices.Contains(known, field.name) {
			return nil, wrongOrder("there is no order by %q: use one of %s", clip(words[0]), strings.Join(known, ", "))
		}
		desc := len(words) == 2 && words[1] == "desc"
		switch {
		case len(words) == 2 && !desc && words[1] != "asc":
			return nil, wrongOrder("%q is no direction: write asc or desc behind %s", clip(words[1]), field.name)
		case slices.ContainsFunc(orders, func(o Order) bool { return o.Field == field.name }):
			return nil, wrongOrder("%s is named twice: name it once", field.name)
		case len(orders) == maxOrders:
			return nil, wrongOrder("names more than %d fields: name fewer", maxOrders)
		}
		orders = append(orders, Order{Field: field.name, SQL: field.column, Desc: desc})
	}
	return orders, nil
}

func (s *Schema) sortable(allowed []string) []string {
	if len(allowed) > 0 {
		return allowed
	}
	var names []string
	for _, name := range s.names {
		if s.fields[name].kind != kindLabels {
			names = append(names, name)
		}
	}
	return names
}

func wrongOrder(format string, args ...any) error {
	return errs.Invalid(errs.Field("order_by", format, args...))
}

// clip keeps what is quoted back short.
func clip(text string) string {
	if len(text) > 40 {
		return strings.ToValidUTF8(text[:40], "") + "…"
	}
	return text
}
