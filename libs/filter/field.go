package filter

import (
	"cmp"
	"maps"
	"slices"
)

type kind int

const (
	kindString kind = iota
	kindEnum
	kindBool
	kindInteger
	kindTimestamp
	kindLabels
	kindCIDR
)

// Field is one thing that can be filtered by.
type Field struct {
	name, column string
	kind         kind
	values       []string
}

// String is a text column.
func String(name, column string) Field { return Field{name: name, column: column, kind: kindString} }

// Enum is a text column that holds the names of a proto enum; values is the generated map of its names.
func Enum(name, column string, values map[string]int32) Field {
	names := slices.SortedFunc(maps.Keys(values), func(a, b string) int { return cmp.Compare(values[a], values[b]) })
	return Field{name: name, column: column, kind: kindEnum, values: names}
}

// Bool is a boolean column.
func Bool(name, column string) Field { return Field{name: name, column: column, kind: kindBool} }

// Integer is a column of any integer type.
func Integer(name, column string) Field { return Field{name: name, column: column, kind: kindInteger} }

// Timestamp is a timestamptz column.
func Timestamp(name, column string) Field {
	return Field{name: name, column: column, kind: kindTimestamp}
}

// Labels is a jsonb column that holds an object of strings.
func Labels(name, column string) Field { return Field{name: name, column: column, kind: kindLabels} }

// CIDR is a cidr or inet column.
func CIDR(name, column string) Field { return Field{name: name, column: column, kind: kindCIDR} }
