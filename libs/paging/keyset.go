package paging

import (
	"fmt"
	"strings"
)

// Order is one column of an order. Its values must not be null, and the last column of an order must be unique, else
// rows are lost between pages.
type Order struct {
	// Field is how callers name it.
	Field string
	// SQL is the column, or an expression; it comes from the program, never from a caller.
	SQL string
	// Desc turns the order round.
	Desc bool
}

// OrderBy is the text behind ORDER BY.
func OrderBy(orders []Order) string {
	columns := make([]string, len(orders))
	for i, o := range orders {
		columns[i] = o.SQL + " ASC"
		if o.Desc {
			columns[i] = o.SQL + " DESC"
		}
	}
	return strings.Join(columns, ", ")
}

// After is the condition for the rows behind the token's values, with parameters from $firstArg on. Without values it is
// TRUE: the first page. One direction for all columns gives a row comparison, which an index serves; mixed directions
// give the equivalent chain.
func After(orders []Order, last []any, firstArg int) (where string, args []any, err error) {
	if len(last) == 0 {
		return "TRUE", nil, nil
	}
	if len(last) != len(orders) {
		return "", nil, damaged()
	}
	for _, o := range orders {
		if o.Desc != orders[0].Desc {
			return mixed(orders, firstArg), last, nil
		}
	}
	columns := make([]string, len(orders))
	parameters := make([]string, len(orders))
	for i, o := range orders {
		columns[i] = o.SQL
		parameters[i] = fmt.Sprintf("$%d", firstArg+i)
	}
	return fmt.Sprintf("(%s) %s (%s)", strings.Join(columns, ", "), behind(orders[0]), strings.Join(parameters, ", ")), last, nil
}

// mixed spells a row comparison out: behind in the first column, or equal there and behind in the second, and so on.
func mixed(orders []Order, firstArg int) string {
	var chain []string
	var equal strings.Builder
	for i, o := range orders {
		chain = append(chain, fmt.Sprintf("(%s%s %s $%d)", equal.String(), o.SQL, behind(o), firstArg+i))
		fmt.Fprintf(&equal, "%s = $%d AND ", o.SQL, firstArg+i)
	}
	return "(" + strings.Join(chain, " OR ") + ")"
}

func behind(o Order) string {
	if o.Desc {
		return "<"
	}
	return ">"
}
