// Package span cuts spans at months, so that each piece is in one partition. It is pure.
package span

import (
	"time"

	"github.com/low-layer/platform/services/metering/internal/core/price"
)

// Span is a quantity of a meter that a resource has from a time on. End is zero while it lasts.
type Span struct {
	Tenant, Resource, UID string
	Meter                 price.Meter
	Quantity              int64
	Start, End            time.Time
}

// Pieces cuts a span that has ended at the months of UTC. A span without a length has none.
func (s Span) Pieces() []Span {
	var out []Span
	for from := s.Start.UTC(); from.Before(s.End); {
		piece := s
		_, next := price.Month(from, time.UTC)
		piece.Start, piece.End = from, s.End.UTC()
		if next.Before(piece.End) {
			piece.End = next
		}
		out, from = append(out, piece), piece.End
	}
	return out
}
