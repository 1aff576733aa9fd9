package sim

import (
	"cmp"
	"slices"
	"time"
)

// meta is what every stored object has.
type meta struct {
	ID          string
	ProjectID   string
	Name        string
	Description string
	Tags        []string
	Revision    int
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Seq         int64
}

func (m *meta) base() *meta { return m }

// object is anything that can be listed.
type object interface {
	comparable
	base() *meta
}

// table keeps one type of object by id.
type table[T object] map[string]T

// inOrder lists what keep accepts, oldest first.
func inOrder[T object](t table[T], keep func(T) bool) []T {
	out := make([]T, 0, len(t))
	for _, o := range t {
		if keep == nil || keep(o) {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b T) int { return cmp.Compare(a.base().Seq, b.base().Seq) })
	return out
}

// find gives the first object that matches in no particular order.
func find[T object](t table[T], match func(T) bool) (T, bool) {
	for _, o := range t {
		if match(o) {
			return o, true
		}
	}
	var none T
	return none, false
}

func count[T object](t table[T], match func(T) bool) int {
	n := 0
	for _, o := range t {
		if match(o) {
			n++
		}
	}
	return n
}

// touch marks a change the way Neutron does: a new revision and a new time.
func (m *meta) touch(now time.Time) {
	m.Revision++
	m.UpdatedAt = now
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func microStamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// novaStamp has no zone: the form Nova's older resources use.
func novaStamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000") }
