package strict

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxName bounds how much of what a caller wrote is repeated.
const maxName = 64

func find(m protoreflect.MessageDescriptor, key string) protoreflect.FieldDescriptor {
	if f := m.Fields().ByJSONName(key); f != nil {
		return f
	}
	return m.Fields().ByTextName(key)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func shorten(s string) string {
	r := []rune(s)
	if len(r) <= maxName {
		return s
	}
	return string(r[:maxName]) + "…"
}

// suggest names the nearest field, or all of them when none is near.
func suggest(key string, m protoreflect.MessageDescriptor) string {
	names := make([]string, m.Fields().Len())
	for i := range names {
		names[i] = m.Fields().Get(i).JSONName()
	}
	return Suggest(key, names)
}

// Suggest is the end of a sentence that says a name is unknown: the nearest of the names, or all of them.
func Suggest(key string, names []string) string {
	if near := Nearest(key, names); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	if len(names) == 0 {
		return "; leave it out"
	}
	slices.Sort(names)
	return "; it has " + strings.Join(names, ", ")
}

// Nearest is the name that is only a few letters away from key; empty when there is none.
func Nearest(key string, names []string) string {
	if len(key) > maxName {
		return ""
	}
	best, limit := "", max(1, len(key)/3)+1
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for _, n := range names {
		if d := distance(fold(key), fold(n)); d < limit {
			best, limit = n, d
		}
	}
	return best
}

// distance is how many letters must be changed, added, left out or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				cost++
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cost = min(cost, rows[i-2][j-2]+1)
			}
			rows[i][j] = min(cost, rows[i-1][j]+1, rows[i][j-1]+1)
		}
	}
	return rows[len(a)][len(b)]
}
