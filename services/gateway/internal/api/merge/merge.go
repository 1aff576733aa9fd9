// Package merge makes one list, newest first, out of the lists of all services.
//
// A list is whole or an error that names the service that did not respond, unless the caller accepts a part. A walk over
// all pages returns each item once, also while items are added: the page token holds the place in every service's own
// list.
package merge

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/client"
)

// Item is what lists are made of; its name ends in an id that grows with time.
type Item interface{ GetName() string }

// Page is a page of one service's list.
type Page[T Item] struct {
	Items []T
	Next  string
}

// List is a list to be merged.
type List[T Item] struct {
	Backends []client.Backend
	Tokens   *paging.Token
	// Binding is what a page token is good for.
	Binding paging.Binding
	// PageSize and PageToken are the caller's.
	PageSize  int32
	PageToken string
	// Partial returns a part of the list when a service is away.
	Partial bool
	// Fetch asks one service for a page; Made is when an item was made.
	Fetch func(ctx context.Context, b client.Backend, size int32, token string) (Page[T], error)
	Made  func(T) time.Time
}

// Merged is a page of the merged list.
type Merged[T Item] struct {
	Items         []T
	NextPageToken string
	// Unreachable names the services that did not respond, as `services/<name>`.
	Unreachable []string
}

// Page returns one page.
func (l List[T]) Page(ctx context.Context) (Merged[T], error) {
	if l.PageSize < 0 {
		return Merged[T]{}, errs.Invalid(errs.Field("page_size", "is %d; it must be from 0 to 1000", l.PageSize))
	}
	values, err := l.Tokens.Decode(l.PageToken, l.Binding)
	if err != nil {
		return Merged[T]{}, err //nolint:wrapcheck // an error of the API
	}
	p := readPosition(values)
	m := &merge[T]{list: l, size: paging.Size(l.PageSize), last: p.last}
	for _, b := range l.Backends {
		m.sources = append(m.sources, &source[T]{backend: b, cursor: p.cursors[b.Name]})
	}
	if err := m.run(ctx); err != nil {
		return Merged[T]{}, err
	}
	out := Merged[T]{Items: m.out, Unreachable: m.unreachable()}
	if m.more() {
		out.NextPageToken, err = l.Tokens.Encode(l.Binding, m.position().values()...)
		if err != nil {
			return Merged[T]{}, errs.Internal(err)
		}
	}
	return out, nil
}

// merge makes one page out of the pages of all services.
type merge[T Item] struct {
	list List[T]
	size int
	// last is when the last item of the page before was made; what is newer came since and is not part of this walk.
	last    time.Time
	sources []*source[T]
	out     []T
}

// source is the list of one service.
type source[T Item] struct {
	backend client.Backend
	cursor  cursor
	// items are those of the page of cursor.token that come after cursor.after.
	items []item[T]
	// next is the token of the page after it.
	next    string
	fetched bool
	down    bool
}

type item[T Item] struct {
	value T
	made  time.Time
}

func (m *merge[T]) run(ctx context.Context) error {
	if err := m.fill(ctx); err != nil {
		return err
	}
	for len(m.out) < m.size {
		s := m.newest()
		if s == nil {
			return nil
		}
		first := s.items[0]
		m.out = append(m.out, first.value)
		m.last = first.made
		s.items = s.items[1:]
		s.cursor.after = first.value.GetName()
		if err := s.fill(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// fill gets the first page of every service at once.
func (m *merge[T]) fill(ctx context.Context) error {
	failed := make([]error, len(m.sources))
	var all sync.WaitGroup
	for i, s := range m.sources {
		all.Go(func() { failed[i] = s.fill(ctx, m) })
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// newest is the source with the newest next item.
func (m *merge[T]) newest() *source[T] {
	var best *source[T]
	for _, s := range m.sources {
		if len(s.items) > 0 && (best == nil || s.items[0].before(best.items[0])) {
			best = s
		}
	}
	return best
}

// before orders newest first; ids grow with time, so they decide between two of the same instant.
func (i item[T]) before(j item[T]) bool {
	if !i.made.Equal(j.made) {
		return i.made.After(j.made)
	}
	return suffix(i.value.GetName()) > suffix(j.value.GetName())
}

// suffix is the part of an id that grows with time.
func suffix(name string) string { return name[strings.LastIndexByte(name, '_')+1:] }

// fill gets pages until there is an item to look at or none is left.
func (s *source[T]) fill(ctx context.Context, m *merge[T]) error {
	for len(s.items) == 0 && !s.cursor.done && !s.down {
		if s.fetched {
			if s.next == "" {
				s.cursor = cursor{done: true}
				return nil
			}
			s.cursor = cursor{token: s.next}
		}
		if err := s.fetch(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (s *source[T]) fetch(ctx context.Context, m *merge[T]) error {
	size := int32(m.size) //nolint:gosec // at most 1000
	page, err := m.list.Fetch(Outgoing(ctx), s.backend, size, s.cursor.token)
	if err != nil {
		err = client.Error(err, s.backend.Name, rpc.RequestID(ctx))
		if m.list.Partial && isDown(err) {
			s.down = true
			return nil
		}
		return err
	}
	s.fetched, s.next = true, page.Next
	s.items = m.rest(page.Items, s.cursor.after)
	return nil
}

// Outgoing is the context in which services are asked on behalf of the caller.
func Outgoing(ctx context.Context) context.Context {
	return client.Outgoing(ctx, client.Tokens(ctx), rpc.RequestID(ctx))
}

// rest returns the items after the last returned one. If that is gone, its time and id give the place.
func (m *merge[T]) rest(values []T, after string) []item[T] {
	items := make([]item[T], len(values))
	for i, v := range values {
		items[i] = item[T]{v, m.list.Made(v)}
	}
	for i, v := range values {
		if after != "" && v.GetName() == after {
			return items[i+1:]
		}
	}
	last := m.last
	for i, it := range items {
		seen := !last.IsZero() && (it.made.After(last) || after != "" && it.made.Equal(last) && suffix(it.value.GetName()) >= suffix(after))
		if !seen {
			return items[i:]
		}
	}
	return nil
}

// more is true when another page would hold something.
func (m *merge[T]) more() bool {
	for _, s := range m.sources {
		if len(s.items) > 0 || s.down {
			return len(m.out) > 0
		}
	}
	return false
}

func (m *merge[T]) unreachable() []string {
	var out []string
	for _, s := range m.sources {
		if s.down {
			out = append(out, "services/"+s.backend.Name)
		}
	}
	return out
}

func (m *merge[T]) position() position {
	p := position{last: m.last, cursors: make(map[string]cursor)}
	for _, s := range m.sources {
		p.order = append(p.order, s.backend.Name)
		p.cursors[s.backend.Name] = s.cursor
	}
	return p
}
