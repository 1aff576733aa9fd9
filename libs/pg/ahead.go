package pg

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

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

// errNotNarrowed ends a connection. To callers it is one that broke: the statement may have been carried out.
var errNotNarrowed = fmt.Errorf("postgres refused the scope of a statement: %w", io.ErrUnexpectedEOF)

// ahead is a connection's scope, and its reader: a change of the scope is written in front of the statement that it is for, in the same
// round trip, and its answer is taken out of what the driver reads.
//
// Whatever the server makes of the change, it goes on to the statement. So the connection gets the scope of nobody first, by a message
// of its own: with either of the two refused, as by pg_cancel_backend, the statement still does not run in the scope of somebody else.
type ahead struct {
	scope string

	in         *bufio.Reader
	unanswered int // messages sent ahead whose end the server has not told yet
	passing    int // bytes left of a message that is not an answer to them
}

// lookAhead gives a connection that is about to be opened its ahead.
func lookAhead(_ context.Context, cfg *pgx.ConnConfig) error {
	a := &ahead{scope: scope.All}
	// Whoever comes without it, as with psql, sees nothing.
	cfg.RuntimeParams[tenantsSetting] = a.scope
	cfg.RuntimeParams["client_encoding"] = "UTF8" // which quoting a scope needs
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
	if !utf8.ValidString(want) || strings.ContainsRune(want, 0) {
		return true, fmt.Errorf("narrow a connection: %q is no scope", want)
	}
	literal, err := conn.PgConn().EscapeString(want)
	if err != nil {
		return true, fmt.Errorf("narrow a connection: %w", err)
	}
	if conn.PgConn().Frontend().ReadBufferLen() > 0 || a.passing > 0 {
		return false, nil // something that nobody asked for: the answers could not be told apart
	}
	if a.scope != "" {
		a.send(conn, "")
	}
	a.send(conn, literal)
	a.scope = want
	return true, nil
}

// send writes a change of the scope into the buffer that the statement goes to.
func (a *ahead) send(conn *pgx.Conn, literal string) {
	conn.PgConn().Frontend().SendQuery(&pgproto3.Query{String: "SET " + tenantsSetting + " TO '" + literal + "'"})
	a.unanswered++
}

// Read gives what the server says, less the answers to what was sent ahead. Notices among them are passed on. What it has not looked at
// whole stays in the buffer, since a read may time out anywhere and be tried again.
func (a *ahead) Read(p []byte) (int, error) {
	for a.unanswered > 0 && a.passing == 0 {
		header, err := a.in.Peek(headerSize)
		if err != nil {
			return 0, err
		}
		kind, size := header[0], 1+int(binary.BigEndian.Uint32(header[1:]))
		if kind != commandComplete && kind != readyForQuery && kind != errorResponse {
			a.passing = size
			break
		}
		message, err := a.in.Peek(size)
		if err != nil {
			return 0, err
		}
		if kind == errorResponse {
			if err := refusal(message[headerSize:]); err != nil {
				return 0, err
			}
			a.passing = size
			break
		}
		if kind == readyForQuery {
			a.unanswered--
		}
		if _, err := a.in.Discard(size); err != nil {
			return 0, err
		}
	}
	if a.passing == 0 {
		return a.in.Read(p)
	}
	n, err := a.in.Read(p[:min(len(p), a.passing)])
	a.passing -= n
	return n, err
}

// refusal is nil when the server says that it ends the connection, which is for the driver to hear.
func refusal(body []byte) error {
	var e pgproto3.ErrorResponse
	if err := e.Decode(body); err != nil {
		return err
	}
	if e.SeverityUnlocalized != "ERROR" {
		return nil
	}
	return fmt.Errorf("%w (SQLSTATE %s: %s)", errNotNarrowed, e.Code, e.Message)
}
