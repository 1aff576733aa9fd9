package filter

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.einride.tech/aip/filtering"
	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
)

// valueOf reads a value as the text it was written as; the field decides what it means. timestamp("…") is the AIP's
// long form of a timestamp.
func (c *checker) valueOf(e *expr.Expr) (string, bool) {
	switch kind := e.GetExprKind().(type) {
	case *expr.Expr_IdentExpr:
		return kind.IdentExpr.GetName(), true
	case *expr.Expr_SelectExpr:
		path, ok := pathOf(e)
		return strings.Join(path, "."), ok
	case *expr.Expr_ConstExpr:
		if text, is := kind.ConstExpr.GetConstantKind().(*expr.Constant_StringValue); is {
			return text.StringValue, true
		}
		return c.number(e), true
	case *expr.Expr_CallExpr:
		if args := kind.CallExpr.GetArgs(); kind.CallExpr.GetFunction() == filtering.FunctionTimestamp && len(args) == 1 {
			return c.valueOf(args[0])
		}
	}
	return "", false
}

// number is a number as it was written: 007 is not 7 to a text field.
func (c *checker) number(e *expr.Expr) string {
	rest := c.source[min(max(int(c.positions[e.GetId()]), 0), len(c.source)):]
	rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
	end := strings.IndexFunc(rest, func(r rune) bool {
		return r != '-' && r != '.' && !unicode.IsDigit(r) && !unicode.IsLetter(r)
	})
	if end < 0 {
		end = len(rest)
	}
	return rest[:end]
}

// fieldLeaf is a comparison of a field that is not labels, or what is wrong with it.
func fieldLeaf(f Field, op, value string) (node, string) {
	switch f.kind {
	case kindString:
		return stringLeaf(f, op, value)
	case kindEnum:
		if !slices.Contains(f.values, value) {
			return nil, fmt.Sprintf("%s cannot be %q: use one of %s", f.name, value, strings.Join(f.values, ", "))
		}
		return equality(f, op, value)
	case kindBool:
		if value != "true" && value != "false" {
			return nil, fmt.Sprintf("%s cannot be %q: use true or false", f.name, value)
		}
		return equality(f, op, value == "true")
	case kindInteger:
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, fmt.Sprintf("%s cannot be %q: use a whole number", f.name, value)
		}
		return ordered(f, op, number)
	case kindTimestamp:
		at, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return nil, fmt.Sprintf(`%s cannot be %q: use a quoted time such as "2026-11-01T00:00:00Z"`, f.name, value)
		}
		return ordered(f, op, at)
	case kindCIDR:
		return addressLeaf(f, op, value)
	default:
		return nil, f.name + " cannot be compared: leave it out"
	}
}

// equality is for values without an order; `:` means the same as `=` for a single value.
func equality(f Field, op string, value any) (node, string) {
	leaf := compare{f, "=", value}
	switch op {
	case filtering.FunctionEquals, filtering.FunctionHas:
		return leaf, ""
	case filtering.FunctionNotEquals:
		return not{leaf}, ""
	default:
		return nil, fmt.Sprintf("%s has no order, so %s does not apply: use = or !=", f.name, op)
	}
}

// ordered is for values with an order.
func ordered(f Field, op string, value any) (node, string) {
	switch op {
	case filtering.FunctionEquals, filtering.FunctionHas, filtering.FunctionNotEquals:
		return equality(f, op, value)
	default:
		return compare{f, op, value}, ""
	}
}

func stringLeaf(f Field, op, value string) (node, string) {
	pattern := newPattern(value)
	text, plain := pattern.plain()
	switch {
	case op == filtering.FunctionHas:
		return match{field: f, pattern: pattern, anyCase: true, contains: true}, ""
	case plain:
		return ordered(f, op, text)
	case op == filtering.FunctionEquals:
		return match{field: f, pattern: pattern}, ""
	case op == filtering.FunctionNotEquals:
		return not{match{field: f, pattern: pattern}}, ""
	default:
		return nil, fmt.Sprintf(`* means any text only behind =, != and :, not behind %s: write \\* for a star`, op)
	}
}

func labelLeaf(f Field, key, op, value string) (node, string) {
	pattern := newPattern(value)
	text, plain := pattern.plain()
	switch {
	case op != filtering.FunctionHas && op != filtering.FunctionEquals && op != filtering.FunctionNotEquals:
		return nil, fmt.Sprintf(`labels have no order, so %s does not apply: use =, != or :`, op)
	case key == "" && op != filtering.FunctionHas:
		return nil, fmt.Sprintf(`say which label: %s.KEY = "value"`, f.name)
	case key == "" && pattern.anything():
		return set{f}, ""
	case key == "" && plain:
		return hasLabel{f, text}, ""
	case key == "":
		return nil, fmt.Sprintf("a label's key is matched as a whole: write %s : KEY without *", f.name)
	case strings.ContainsRune(key, 0):
		return nil, "a label's key cannot contain the character NUL: remove it"
	}
	var leaf node = label{f, key, pattern}
	if pattern.anything() {
		leaf = hasLabel{f, key}
	}
	if op == filtering.FunctionNotEquals {
		leaf = not{leaf}
	}
	return leaf, ""
}

// addressLeaf compares address ranges by what contains what.
func addressLeaf(f Field, op, value string) (node, string) {
	prefix, err := parsePrefix(value)
	if err != nil {
		return nil, fmt.Sprintf(`%s cannot be %q: use a quoted address or range such as "10.64.0.0/20"`, f.name, value)
	}
	switch op {
	case filtering.FunctionEquals:
		return compare{f, "=", prefix}, ""
	case filtering.FunctionNotEquals:
		return not{compare{f, "=", prefix}}, ""
	case filtering.FunctionLessThan:
		return compare{f, "<<", prefix}, ""
	case filtering.FunctionLessEquals:
		return compare{f, "<<=", prefix}, ""
	case filtering.FunctionGreaterThan:
		return compare{f, ">>", prefix}, ""
	default: // contains: `>=` and `:`
		return compare{f, ">>=", prefix}, ""
	}
}

func parsePrefix(value string) (netip.Prefix, error) {
	if strings.Contains(value, "/") {
		prefix, err := netip.ParsePrefix(value)
		return prefix.Masked(), err
	}
	address, err := netip.ParseAddr(value)
	if err != nil {
		return netip.Prefix{}, err
	}
	return address.WithZone("").Prefix(address.BitLen())
}

// example shows how a field is compared.
func example(f Field) string {
	switch f.kind {
	case kindEnum:
		return f.name + " = " + f.values[len(f.values)-1]
	case kindBool:
		return f.name + " = true"
	case kindInteger:
		return f.name + " > 1"
	case kindTimestamp:
		return f.name + ` > "2026-11-01T00:00:00Z"`
	case kindLabels:
		return f.name + `.env = "prod"`
	case kindCIDR:
		return f.name + ` : "10.64.0.7"`
	default:
		return f.name + ` = "value"`
	}
}
