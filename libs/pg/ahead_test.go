package pg_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/pg/scope"
)

// heard keeps what is written to a server.
type heard struct {
	net.Conn
	writes *[]string
}

func (h heard) Write(p []byte) (int, error) {
	*h.writes = append(*h.writes, string(p))
	return h.Conn.Write(p)
}

// TestTheScopeNeedsNoRoundTrip: a statement in another scope is written to the server at once with the change of the scope, and between
// the scopes of two there is that of nobody, in case the second change is refused.
func TestTheScopeNeedsNoRoundTrip(t *testing.T) {
	pc, err := pgxpool.ParseConfig(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	var writes []string
	dial := pc.ConnConfig.DialFunc
	pc.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return heard{conn, &writes}, err
	}
	pc.MaxConns = 1
	pg.Scoped(pc)
	pool, err := pgxpool.NewWithConfig(t.Context(), pc)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	read := func(tenant string) {
		t.Helper()
		var got string
		err := pool.QueryRow(scope.With(t.Context(), []string{tenant}), "SELECT current_setting('lowlayer.tenants')").Scan(&got)
		if err != nil || got != tenant {
			t.Fatalf("as %s: %q, %v", tenant, got, err)
		}
	}
	read("acme") // connects and prepares the statement
	set := regexp.MustCompile(`SET lowlayer\.tenants TO '(?:[^']|'')*'`)
	for _, c := range []struct {
		tenant  string
		changes []string
	}{
		{"acme", nil},
		{"umbrella", []string{"''", "'umbrella'"}},
		{"it's", []string{"''", "'it''s'"}},
		{"", []string{"''", "''"}},
		{"acme", []string{"'acme'"}},
	} {
		writes = nil
		read(c.tenant)
		if len(writes) != 1 {
			t.Fatalf("as %s: written %q", c.tenant, writes)
		}
		var got []string
		for _, change := range set.FindAllString(writes[0], -1) {
			got = append(got, strings.TrimPrefix(change, "SET lowlayer.tenants TO "))
		}
		if !slices.Equal(got, c.changes) {
			t.Errorf("as %s: changes %q, want %q", c.tenant, got, c.changes)
		}
	}
}

func TestBadScope(t *testing.T) {
	pool := pgtest.Database(t)
	for _, tenant := range []string{"a\x00b", "a\xffb"} {
		if _, err := pool.Exec(scope.With(t.Context(), []string{tenant}), "SELECT 1"); err == nil {
			t.Errorf("%q is a scope", tenant)
		}
	}
	if _, err := pool.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Error(err)
	}
}

func TestOpenRefusesAModeThatEscapesTheScope(t *testing.T) {
	if _, err := pg.Open(t.Context(), pg.Config{URL: "postgres://u@h/db?default_query_exec_mode=exec"}); err == nil {
		t.Error("no error")
	}
}

func TestAheadReads(t *testing.T) {
	var (
		set     = message(t, &pgproto3.CommandComplete{CommandTag: []byte("SET")})
		ready   = message(t, &pgproto3.ReadyForQuery{TxStatus: 'I'})
		notice  = message(t, &pgproto3.NoticeResponse{Message: strings.Repeat("n", 9000)})
		event   = message(t, &pgproto3.NotificationResponse{Channel: "c", Payload: "p"})
		refused = message(t, &pgproto3.ErrorResponse{SeverityUnlocalized: "ERROR", Code: "57014", Message: "canceled"})
		fatal   = message(t, &pgproto3.ErrorResponse{SeverityUnlocalized: "FATAL", Code: "57P01", Message: "terminating"})
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
		"a change that is refused":     {1, slices.Concat(refused, ready, answer), nil, true},
		"the second change is refused": {2, slices.Concat(set, ready, refused, ready, answer), nil, true},
		"the server stops":             {2, slices.Concat(set, ready, fatal), fatal, false},
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
			for p := make([]byte, 8192); err == nil || errors.Is(err, iotest.ErrTimeout); {
				var n int
				n, err = past.Read(p)
				got = append(got, p[:n]...)
			}
			if !bytes.Equal(got, c.want) {
				t.Errorf("%s, %s: read %q", name, way, got)
			}
			if broken := err != io.EOF; broken != c.mustBreak || errs.ReasonOf(pg.Explain(err)) != pg.ReasonUnavailable {
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
