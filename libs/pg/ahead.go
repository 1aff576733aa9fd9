package pg

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/low-layer/platform/libs/pg/scope"
)

const (
	// tenantsSetting is what the policies of the tables look at.
	tenantsSetting = "lowlayer.tenants"
	aheadKey       = "lowlayer.ahead"

	headerSize      = 5 // of a message: its kind, and its length without the kind
	commandComplete = 'C'
	readyForQuery   = 'Z'
	errorResponse   = 'E'
)

var errNotNarrowed = errors.New("postgres refused the scope of a statement: the connection is given up")

// ahead is a connection's scope, and its reader: a change of the scope is written in front of the statement that it is for, in the same
// round trip, and its answer is taken out of what the driver reads. Refused, the statement's answer is never given.
type ahead struct {
	scope string

	in         *bufio.Reader
	unanswered int // changes whose end the server has not told yet
	passing    int // bytes left of a message that is not ours
	refused    bool
}

// lookAhead gives a connection that is about to be opened its ahead.
func lookAhead(_ context.Context, cfg *pgx.ConnConfig) error {
	a := &ahead{scope: scope.All}
	// Whoever comes without it, as with psql, sees nothing.
	cfg.RuntimeParams[tenantsSetting] = a.scope
	cfg.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		a.in = bufio.NewReader(r)
		return pgproto3.NewFrontend(a, w)
	}
	cfg.AfterConnect = func(_ context.Context, conn *pgconn.PgConn) error {
		conn.CustomData()[aheadKey] = a
		return nil
	}
	return nil
}

// narrow gives a connection the scope of who is about to use it. The driver sends it with the first statement.
func narrow(ctx context.Context, conn *pgx.Conn) (bool, error) {
	a, ok := conn.PgConn().CustomData()[aheadKey].(*ahead)
	if !ok {
		return false, errNotNarrowed
	}
	want := scope.Of(ctx)
	if want == a.scope {
		return true, nil
	}
	literal, err := conn.PgConn().EscapeString(want)
	if err != nil {
		return false, fmt.Errorf("narrow a connection: %w", err)
	}
	conn.PgConn().Frontend().SendQuery(&pgproto3.Query{String: "SET " + tenantsSetting + " TO '" + literal + "'"})
	a.scope = want
	a.unanswered++
	return true, nil
}

// Read gives what the server says, less the answers to what was sent ahead. Notices among them are passed on. What it has not looked at
// whole stays in the buffer, since a read may time out anywhere and be tried again.
func (a *ahead) Read(p []byte) (int, error) {
	for a.unanswered > 0 && a.passing == 0 {
		if a.refused {
			return 0, errNotNarrowed
		}
		header, err := a.in.Peek(headerSize)
		if err != nil {
			return 0, err
		}
		kind, size := header[0], 1+int(binary.BigEndian.Uint32(header[1:]))
		if kind != commandComplete && kind != readyForQuery {
			a.refused, a.passing = kind == errorResponse, size
			break
		}
		if _, err := a.in.Peek(size); err != nil {
			return 0, err
		}
		if _, err := a.in.Discard(size); err != nil {
			return 0, err
		}
		if kind == readyForQuery {
			a.unanswered--
		}
	}
	if a.passing == 0 {
		return a.in.Read(p)
	}
	n, err := a.in.Read(p[:min(len(p), a.passing)])
	a.passing -= n
	return n, err
}
