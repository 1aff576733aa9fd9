package filter

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// node is a checked condition: every name is a declared field and every value fits it.
type node interface {
	sql(w *writer)
}

// writer collects SQL and its parameters.
type writer struct {
	text strings.Builder
	args []any
	next int
	// negations is how many NOTs are open.
	negations int
}

func (w *writer) write(parts ...string) {
	for _, part := range parts {
		w.text.WriteString(part)
	}
}

// arg adds a parameter and is its placeholder.
func (w *writer) arg(value any) string {
	w.args = append(w.args, value)
	w.next++
	return fmt.Sprintf("$%d", w.next-1)
}

type and struct{ left, right node }

func (n and) sql(w *writer) { join(w, n.left, " AND ", n.right) }

type or struct{ left, right node }

func (n or) sql(w *writer) { join(w, n.left, " OR ", n.right) }

func join(w *writer, left node, operator string, right node) {
	w.write("(")
	left.sql(w)
	w.write(operator)
	right.sql(w)
	w.write(")")
}

type not struct{ inner node }

func (n not) sql(w *writer) {
	w.write("(NOT ")
	w.negations++
	n.inner.sql(w)
	w.negations--
	w.write(")")
}

// leaf writes one comparison. With a missing value it is NULL, which selects nothing, as FALSE does. They differ only
// under a NOT, where NULL is made FALSE. Elsewhere the comparison stays bare, so that an index can serve it.
func (w *writer) leaf(parts ...string) {
	if w.negations == 0 {
		w.write(parts...)
		return
	}
	w.write("coalesce(")
	w.write(parts...)
	w.write(", FALSE)")
}

// compare is a column against a value of its type; op is an SQL operator of this package's choice.
type compare struct {
	field Field
	op    string
	value any
}

func (n compare) sql(w *writer) {
	column, parameter := n.field.column, w.arg(n.value)
	switch n.value.(type) {
	case string:
		if n.op != "=" {
			// Byte order, so that the result does not depend on the locale of the database.
			column += ` COLLATE "C"`
		}
		parameter += "::text"
	case int64:
		parameter += "::bigint"
	case time.Time:
		parameter += "::timestamptz"
	case netip.Prefix:
		parameter += "::inet"
	case bool:
		parameter += "::boolean"
	}
	w.leaf(column, " ", n.op, " ", parameter)
}

// match is a text column against a LIKE pattern.
type match struct {
	field    Field
	pattern  pattern
	anyCase  bool
	contains bool
}

func (n match) sql(w *writer) {
	op := " LIKE "
	if n.anyCase {
		op = " ILIKE "
	}
	w.leaf(n.field.column, op, w.arg(n.pattern.like(n.contains)), "::text")
}

// set says whether a field has a value at all.
type set struct{ field Field }

func (n set) sql(w *writer) {
	switch n.field.kind {
	case kindString:
		w.leaf(n.field.column, " <> ''")
	case kindLabels:
		w.leaf(n.field.column, " <> '{}'::jsonb")
	default:
		w.write("(", n.field.column, " IS NOT NULL)")
	}
}

// hasLabel says whether a label is there, whatever its value.
type hasLabel struct {
	field Field
	key   string
}

func (n hasLabel) sql(w *writer) {
	w.leaf(n.field.column, " ? ", w.arg(n.key), "::text")
}

// label compares one label with a value; without wildcards it is a containment that a GIN index serves.
type label struct {
	field   Field
	key     string
	pattern pattern
}

func (n label) sql(w *writer) {
	if text, plain := n.pattern.plain(); plain {
		w.leaf(n.field.column, " @> jsonb_build_object(", w.arg(n.key), "::text, ", w.arg(text), "::text)")
		return
	}
	w.leaf(n.field.column, " ->> ", w.arg(n.key), "::text LIKE ", w.arg(n.pattern.like(false)), "::text")
}
