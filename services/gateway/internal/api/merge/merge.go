package operation

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/client"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
)

// ListOperations merges the lists of all services, newest first.
func (s *Server) ListOperations(ctx context.Context, r *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	if _, err := resourcename.ParseTenant(r.GetName()); err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	if r.GetPageSize() < 0 {
		return nil, errs.Invalid(errs.Field("page_size", "is %d; it must be from 0 to 1000", r.GetPageSize()))
	}
	binding := paging.Binding{Method: "ListOperations", Parent: r.GetName(), Filter: r.GetFilter()}
	values, err := s.tokens.Decode(r.GetPageToken(), binding)
	if err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	p := readPosition(values)
	m := &merge{request: r, size: paging.Size(r.GetPageSize()), last: p.last}
	for _, b := range s.backends.All() {
		m.sources = append(m.sources, &source{backend: b, cursor: p.cursors[b.Name]})
	}
	if err := m.run(ctx); err != nil {
		return nil, err
	}
	out := &longrunningpb.ListOperationsResponse{Operations: m.out, Unreachable: m.unreachable()}
	if m.more() {
		out.NextPageToken, err = s.tokens.Encode(binding, m.position().values()...)
		if err != nil {
			return nil, errs.Internal(err)
		}
	}
	return out, nil
}

// merge makes one page out of the pages of all services.
type merge struct {
	request *longrunningpb.ListOperationsRequest
	size    int
	// last is when the last operation of the page before was made; what is newer came since and is not part of this walk.
	last    time.Time
	sources []*source
	out     []*longrunningpb.Operation
}

// source is the list of one service.
type source struct {
	backend client.Backend
	cursor  cursor
	// items are those of the page of cursor.token that come after cursor.after.
	items []item
	// next is the token of the page after it.
	next    string
	fetched bool
	down    bool
}

type item struct {
	op   *longrunningpb.Operation
	made time.Time
}

func (m *merge) run(ctx context.Context) error {
	if err := m.fill(ctx); err != nil {
		return err
	}
	for len(m.out) < m.size {
		s := m.newest()
		if s == nil {
			return nil
		}
		first := s.items[0]
		m.out = append(m.out, first.op)
		m.last = first.made
		s.items = s.items[1:]
		s.cursor.after = first.op.GetName()
		if err := s.fill(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// fill gets the first page of every service at once.
func (m *merge) fill(ctx context.Context) error {
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

// newest is the source whose next operation was made last.
func (m *merge) newest() *source {
	var best *source
	for _, s := range m.sources {
		if len(s.items) > 0 && (best == nil || s.items[0].before(best.items[0])) {
			best = s
		}
	}
	return best
}

// before orders newest first; ids grow with time, so they decide between two of the same instant.
func (i item) before(j item) bool {
	if !i.made.Equal(j.made) {
		return i.made.After(j.made)
	}
	return suffix(i.op.GetName()) > suffix(j.op.GetName())
}

// suffix is the part of an id that grows with time.
func suffix(name string) string { return name[strings.LastIndexByte(name, '_')+1:] }

// fill gets pages until there is an operation to look at or none is left.
func (s *source) fill(ctx context.Context, m *merge) error {
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

func (s *source) fetch(ctx context.Context, m *merge) error {
	page, err := operationv1.NewOperationServiceClient(s.backend.Conn).ListOperations(outgoing(ctx), &longrunningpb.ListOperationsRequest{
		Name: m.request.GetName(), Filter: m.request.GetFilter(), PageToken: s.cursor.token,
		PageSize: int32(m.size), //nolint:gosec // at most 1000
	})
	if err != nil {
		err = client.Error(err, s.backend.Name, rpc.RequestID(ctx))
		if m.request.GetReturnPartialSuccess() && isDown(err) {
			s.down = true
			return nil
		}
		return err
	}
	s.fetched, s.next = true, page.GetNextPageToken()
	s.items = rest(page.GetOperations(), s.cursor.after, m.last)
	return nil
}

// rest is what comes after the operation that was answered last. It may be gone by now; then time and id tell the place.
func rest(ops []*longrunningpb.Operation, after string, last time.Time) []item {
	items := make([]item, len(ops))
	for i, op := range ops {
		items[i] = item{op, made(op)}
	}
	for i, op := range ops {
		if after != "" && op.GetName() == after {
			return items[i+1:]
		}
	}
	for i, it := range items {
		seen := !last.IsZero() && (it.made.After(last) || after != "" && it.made.Equal(last) && suffix(it.op.GetName()) >= suffix(after))
		if !seen {
			return items[i:]
		}
	}
	return nil
}

func made(op *longrunningpb.Operation) time.Time {
	var md operationv1.OperationMetadata
	if op.GetMetadata().UnmarshalTo(&md) != nil {
		// Not one of ours: it sorts last, where nothing else is displaced by it.
		return time.Time{}
	}
	return md.GetCreateTime().AsTime()
}

// more is true when another page would hold something.
func (m *merge) more() bool {
	for _, s := range m.sources {
		if len(s.items) > 0 || s.down {
			return len(m.out) > 0
		}
	}
	return false
}

func (m *merge) unreachable() []string {
	var out []string
	for _, s := range m.sources {
		if s.down {
			out = append(out, "services/"+s.backend.Name)
		}
	}
	return out
}

func (m *merge) position() position {
	p := position{last: m.last, cursors: make(map[string]cursor)}
	for _, s := range m.sources {
		p.order = append(p.order, s.backend.Name)
		p.cursors[s.backend.Name] = s.cursor
	}
	return p
}
