package pg_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/pg/scope"
)

// counted counts what is written to a server.
type counted struct {
	net.Conn
	writes *atomic.Int32
}

func (c counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// TestTheScopeNeedsNoRoundTrip: a statement in another scope is written to the server at once with the change of the scope.
func TestTheScopeNeedsNoRoundTrip(t *testing.T) {
	pc, err := pgxpool.ParseConfig(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	var writes atomic.Int32
	dial := pc.ConnConfig.DialFunc
	pc.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return counted{conn, &writes}, err
	}
	pc.MaxConns = 1
	pg.Scoped(pc)
	pool, err := pgxpool.NewWithConfig(t.Context(), pc)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	read := func(tenant string) (written int32) {
		t.Helper()
		before := writes.Load()
		var got string
		err := pool.QueryRow(scope.With(t.Context(), []string{tenant}), "SELECT current_setting('lowlayer.tenants')").Scan(&got)
		if err != nil || got != tenant {
			t.Fatalf("as %s: %q, %v", tenant, got, err)
		}
		return writes.Load() - before
	}
	read("acme") // connects and prepares the statement
	for _, tenant := range []string{"acme", "umbrella", "it's", "acme"} {
		if written := read(tenant); written != 1 {
			t.Errorf("as %s: written %d times", tenant, written)
		}
	}
}

func TestAheadReads(t *testing.T) {
	var (
		set     = message(t, &pgproto3.CommandComplete{CommandTag: []byte("SET")})
		ready   = message(t, &pgproto3.ReadyForQuery{TxStatus: 'I'})
		notice  = message(t, &pgproto3.NoticeResponse{Message: strings.Repeat("n", 9000)})
		event   = message(t, &pgproto3.NotificationResponse{Channel: "c", Payload: "p"})
		failure = message(t, &pgproto3.ErrorResponse{Severity: "ERROR", Code: "57014", Message: "canceled"})
		answer  = slices.Concat(message(t, &pgproto3.DataRow{Values: [][]byte{bytes.Repeat([]byte("d"), 9000)}}), set, ready)
	)
	for name, c := range map[string]struct {
		changes   int
		in, want  []byte
		mustBreak bool
	}{
		"nothing was sent ahead":       {0, answer, answer, false},
		"one change":                   {1, slices.Concat(set, ready, answer), answer, false},
		"two changes":                  {2, slices.Concat(set, ready, set, ready, answer), answer, false},
		"others' messages in between":  {2, slices.Concat(notice, set, event, ready, event, set, ready, answer), slices.Concat(notice, event, event, answer), false},
		"a change that is refused":     {1, slices.Concat(failure, ready, answer), failure, true},
		"the second change is refused": {2, slices.Concat(set, ready, failure, ready, answer), failure, true},
		"the server went away":         {1, set[:3], nil, false},
	} {
		for way, reader := range map[string]io.Reader{
			"whole":         bytes.NewReader(c.in),
			"byte by byte":  iotest.OneByteReader(bytes.NewReader(c.in)),
			"with timeouts": everySecond{iotest.OneByteReader(bytes.NewReader(c.in)), new(int)},
		} {
			past := pg.Past(c.changes, reader)
			var got []byte
			var err error
			for p := make([]byte, 8192); err == nil || err == iotest.ErrTimeout; {
				var n int
				n, err = past.Read(p)
				got = append(got, p[:n]...)
			}
			if !bytes.Equal(got, c.want) {
				t.Errorf("%s, %s: read %q", name, way, got)
			}
			if broken := err != io.EOF; broken != c.mustBreak {
				t.Errorf("%s, %s: ends with %v", name, way, err)
			}
		}
	}
}

// everySecond read ends with a timeout.
type everySecond struct {
	io.Reader
	n *int
}

func (r everySecond) Read(p []byte) (int, error) {
	if *r.n++; *r.n%2 == 0 {
		return 0, iotest.ErrTimeout
	}
	return r.Reader.Read(p)
}

func message(t *testing.T, m pgproto3.BackendMessage) []byte {
	t.Helper()
	b, err := m.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
