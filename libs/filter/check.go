package filter

import (
	"fmt"
	"slices"
	"strings"

	"go.einride.tech/aip/filtering"
	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
)

// checker gives the parsed expression its meaning.
type checker struct {
	schema      *Schema
	source      string
	positions   map[int64]int32
	comparisons int
}

func (c *checker) problem(e *expr.Expr, format string, args ...any) *problem {
	return &problem{at: int(c.positions[e.GetId()]), text: fmt.Sprintf(format, args...)}
}

// condition is anything that is true or false.
func (c *checker) condition(e *expr.Expr) (node, *problem) {
	call := e.GetCallExpr()
	if call == nil {
		return c.bare(e)
	}
	args := call.GetArgs()
	switch name := call.GetFunction(); {
	case len(args) == 2 && (name == filtering.FunctionAnd || name == filtering.FunctionFuzzyAnd):
		return c.both(args, func(l, r node) node { return and{l, r} })
	case len(args) == 2 && name == filtering.FunctionOr:
		return c.both(args, func(l, r node) node { return or{l, r} })
	case len(args) == 1 && name == filtering.FunctionNot:
		inner, p := c.condition(args[0])
		if p != nil {
			return nil, p
		}
		return not{inner}, nil
	case len(args) == 2 && slices.Contains(comparators, name):
		return c.comparison(name, args[0], args[1])
	default:
		return nil, c.problem(e, `%q is not a function here: write FIELD = "value"`, name)
	}
}

var comparators = []string{
	filtering.FunctionEquals, filtering.FunctionNotEquals, filtering.FunctionLessThan, filtering.FunctionLessEquals,
	filtering.FunctionGreaterThan, filtering.FunctionGreaterEquals, filtering.FunctionHas,
}

func (c *checker) both(args []*expr.Expr, combine func(l, r node) node) (node, *problem) {
	left, p := c.condition(args[0])
	if p != nil {
		return nil, p
	}
	right, p := c.condition(args[1])
	if p != nil {
		return nil, p
	}
	return combine(left, right), nil
}

// bare is a boolean field that stands alone.
func (c *checker) bare(e *expr.Expr) (node, *problem) {
	path, ok := pathOf(e)
	if !ok {
		return nil, c.problem(e, `a value alone says nothing: write FIELD = "value"`)
	}
	field, key, p := c.resolve(e, path)
	if p != nil {
		return nil, p
	}
	if field.kind != kindBool || key != "" {
		return nil, c.problem(e, "%s alone says nothing: compare it, for example %s", strings.Join(path, "."), example(field))
	}
	return c.counted(e, compare{field, "=", true})
}

func (c *checker) comparison(op string, left, right *expr.Expr) (node, *problem) {
	path, ok := pathOf(left)
	if !ok {
		return nil, c.problem(left, "the left side must be a field: one of %s", c.known())
	}
	field, key, p := c.resolve(left, path)
	if p != nil {
		return nil, p
	}
	value, ok := c.valueOf(right)
	if !ok {
		return nil, c.problem(right, "the right side must be a single value, for example %s", example(field))
	}
	if strings.ContainsRune(value, 0) {
		return nil, c.problem(right, "a value cannot contain the character NUL: remove it")
	}
	var leaf node
	var text string
	switch {
	case field.kind == kindLabels:
		leaf, text = labelLeaf(field, key, op, value)
	case op == filtering.FunctionHas && value == "*":
		leaf = set{field}
	default:
		leaf, text = fieldLeaf(field, op, value)
	}
	if text != "" {
		return nil, c.problem(left, "%s", text)
	}
	return c.counted(left, leaf)
}

func (c *checker) counted(e *expr.Expr, leaf node) (node, *problem) {
	c.comparisons++
	if c.comparisons > maxComparisons {
		return nil, c.problem(e, "there are more than %d comparisons: use fewer", maxComparisons)
	}
	return leaf, nil
}

// resolve finds the field of a path: the longest declared name, and behind labels the key.
func (c *checker) resolve(e *expr.Expr, path []string) (field Field, key string, p *problem) {
	full := strings.Join(path, ".")
	if f, ok := c.schema.fields[full]; ok {
		return f, "", nil
	}
	for i := len(path) - 1; i > 0; i-- {
		if f, ok := c.schema.fields[strings.Join(path[:i], ".")]; ok && f.kind == kindLabels {
			return f, strings.Join(path[i:], "."), nil
		}
	}
	return Field{}, "", c.problem(e, "there is no field %q to filter by: use one of %s", full, c.known())
}

func (c *checker) known() string { return strings.Join(c.schema.names, ", ") }

// pathOf reads a field name; a quoted text is a value, not a name.
func pathOf(e *expr.Expr) ([]string, bool) {
	switch e.GetExprKind().(type) {
	case *expr.Expr_IdentExpr:
		return []string{e.GetIdentExpr().GetName()}, true
	case *expr.Expr_SelectExpr:
		selected := e.GetSelectExpr()
		path, ok := pathOf(selected.GetOperand())
		return append(path, selected.GetField()), ok
	default:
		return nil, false
	}
}
