package merge

import (
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
)

// cursor is a place in the list of one service: a page, and the last returned item of that page.
type cursor struct {
	token, after string
	done         bool
}

// position is a place in the merged list. A service that is added between two pages begins at the place in time.
type position struct {
	last    time.Time
	order   []string
	cursors map[string]cursor
}

const valuesPerCursor = 4

func (p position) values() []any {
	out := []any{p.last}
	for _, name := range p.order {
		c := p.cursors[name]
		out = append(out, name, c.token, c.after, c.done)
	}
	return out
}

// readPosition is the opposite of values, which were signed, so they have the form.
func readPosition(values []any) position {
	p := position{cursors: make(map[string]cursor)}
	if len(values) == 0 {
		return p
	}
	p.last, _ = values[0].(time.Time)
	for v := values[1:]; len(v) >= valuesPerCursor; v = v[valuesPerCursor:] {
		name, _ := v[0].(string)
		var c cursor
		c.token, _ = v[1].(string)
		c.after, _ = v[2].(string)
		c.done, _ = v[3].(bool)
		p.cursors[name] = c
	}
	return p
}

func isDown(err error) bool {
	code := grpcerr.FromError(err).Code
	return code == errs.Unavailable || code == errs.DeadlineExceeded
}
