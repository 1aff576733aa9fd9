package telemetrytest

import (
	"fmt"
	"slices"
	"strings"
)

// Trace is the spans of one trace.
func Trace(spans []*Span, traceID string) []*Span {
	return Filter(spans, func(s *Span) bool { return s.TraceID == traceID })
}

// Filter is the spans for which keep holds.
func Filter(spans []*Span, keep func(*Span) bool) []*Span {
	var kept []*Span
	for _, s := range spans {
		if keep(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// Named is the spans with a name.
func Named(spans []*Span, name string) []*Span {
	return Filter(spans, func(s *Span) bool { return s.Name == name })
}

// Root is the top span of a trace: the one whose parent was not received. It is nil with none, or with several, which is
// a broken trace.
func Root(spans []*Span, traceID string) *Span {
	trace := Trace(spans, traceID)
	tops := Filter(trace, func(s *Span) bool { return Parent(trace, s) == nil })
	if len(tops) != 1 {
		return nil
	}
	return tops[0]
}

// Parent is the span above one, nil when it was not received.
func Parent(spans []*Span, of *Span) *Span {
	for _, s := range spans {
		if s.TraceID == of.TraceID && s.ID == of.Parent {
			return s
		}
	}
	return nil
}

// Children is the spans directly below one, by start.
func Children(spans []*Span, of *Span) []*Span {
	children := Filter(spans, func(s *Span) bool { return s.TraceID == of.TraceID && s.Parent == of.ID })
	slices.SortStableFunc(children, func(a, b *Span) int { return a.Start.Compare(b.Start) })
	return children
}

// IsBelow says whether a span is under another one, at any depth.
func IsBelow(spans []*Span, span, above *Span) bool {
	// No trace is deeper than it has spans, so that a loop in damaged data ends.
	for range spans {
		if span = Parent(spans, span); span == nil {
			return false
		}
		if span == above {
			return true
		}
	}
	return false
}

// Format draws the traces, for the messages of failing tests.
func Format(spans []*Span) string {
	var b strings.Builder
	for _, s := range spans {
		if Parent(spans, s) == nil {
			fmt.Fprintf(&b, "trace %s\n", s.TraceID)
			draw(&b, spans, s, 1)
		}
	}
	if b.Len() == 0 {
		return "(no spans)\n"
	}
	return b.String()
}

func draw(b *strings.Builder, spans []*Span, s *Span, depth int) {
	failed := ""
	if s.Failed {
		failed = " FAILED"
	}
	fmt.Fprintf(b, "%s%s: %s (%s)%s\n", strings.Repeat("  ", depth), s.Service, s.Name, s.Kind, failed)
	if depth > len(spans) {
		return
	}
	for _, child := range Children(spans, s) {
		draw(b, spans, child, depth+1)
	}
}
