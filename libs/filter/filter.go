// Package filter turns the `filter` and `order_by` of list requests into parameterised SQL.
//
// The language is the part of AIP-160 that users of lists need. A filter is comparisons joined by AND, OR (which binds
// tighter than AND, as the AIP has it) and NOT or `-`, with parentheses:
//
//	strings     name = "dev", name = "dev*" (`*` is any text, `\\*` a star), name : "ev" (contains, any case), < <= > >=
//	enums       state = ACTIVE, mode != DEDICATED
//	booleans    reconciling, NOT reconciling, reconciling = false
//	integers    generation >= 3
//	timestamps  create_time > "2026-11-01T00:00:00Z"
//	labels      labels.env = "prod", labels.env : * or labels : env (has the key), labels."a-b" = "x"
//	addresses   cidr : "10.64.0.7" (contains), cidr <= "10.64.0.0/12" (lies within), cidr = "10.64.0.0/20"
//	any         field : * (is set)
//
// A field has its name of the proto or of JSON: create_time and createTime are one.
//
// A comparison with a value that is not set is false, and so its negation true: `!=` is always the opposite of `=`.
//
// It promises that text of a caller reaches SQL only as a parameter, that only declared fields can be named, that
// length and number of comparisons are bounded, and that every mistake is INVALID_ARGUMENT naming `filter` (or
// `order_by`), the position in it and what would be right.
package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/low-layer/platform/libs/errs"
)

const (
	// maxLength and maxComparisons bound what one filter may cost to parse and to run.
	maxLength      = 2048
	maxComparisons = 64
)

// Schema is the fields of one list.
type Schema struct {
	fields map[string]Field // by the name of the proto, and by that of JSON
	names  []string
}

// NewSchema declares what callers may filter and order by.
func NewSchema(fields ...Field) *Schema {
	s := &Schema{fields: make(map[string]Field, len(fields))}
	for _, f := range fields {
		s.fields[f.name], s.fields[jsonName(f.name)] = f, f
		s.names = append(s.names, f.name)
	}
	return s
}

// jsonName is the name of a field in JSON: createTime for create_time.
func jsonName(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// SQL is the condition of a filter, with parameters from $firstArg on; for an empty filter it is TRUE.
func (s *Schema) SQL(filterText string, firstArg int) (where string, args []any, err error) {
	root, err := s.parse(filterText)
	if err != nil {
		return "", nil, err
	}
	if root == nil {
		return "TRUE", nil, nil
	}
	w := &writer{next: firstArg}
	root.sql(w)
	return w.text.String(), w.args, nil
}

// parse is nil for an empty filter.
func (s *Schema) parse(text string) (node, error) {
	switch {
	case len(text) > maxLength:
		return nil, wrong(0, fmt.Sprintf("is longer than %d bytes: shorten it", maxLength))
	case !utf8.ValidString(text):
		return nil, wrong(0, "is not UTF-8: send it as UTF-8")
	}
	trimmed := strings.TrimLeftFunc(text, unicode.IsSpace)
	offset := len(text) - len(trimmed)
	if trimmed == "" {
		return nil, nil
	}
	parsed, err := parseExpression(trimmed)
	if err != nil {
		err.at += offset
		return nil, err.invalid(text)
	}
	c := &checker{schema: s, source: trimmed, positions: parsed.GetSourceInfo().GetPositions()}
	root, mistake := c.condition(parsed.GetExpr())
	if mistake != nil {
		mistake.at += offset
		return nil, mistake.invalid(text)
	}
	return root, nil
}

// problem is a mistake at a byte of the filter.
type problem struct {
	at   int
	text string
}

// invalid gives the position in characters, counted from 1.
func (p *problem) invalid(filter string) error {
	at := min(max(p.at, 0), len(filter))
	return wrong(utf8.RuneCountInString(filter[:at])+1, p.text)
}

func wrong(column int, text string) error {
	if column > 0 {
		text = fmt.Sprintf("at character %d: %s", column, text)
	}
	return errs.Invalid(errs.Field("filter", "%s", text))
}
