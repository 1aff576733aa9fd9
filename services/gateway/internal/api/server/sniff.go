package server

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	// headerTable is the initial size of a client's header table.
	headerTable = 4096
	// maxEarly bounds what is read of a connection before it is given away.
	maxEarly = hardMaxHeaders + 64<<10
)

// protocol is what a connection is for.
type protocol int

const (
	http1 protocol = iota // or nothing that is known: the web server finds the words for it
	restHTTP2
	grpcHTTP2
)

// sniff reads the beginning of a connection. It returns the connection with those bytes unread, and whether it is for
// gRPC. Over HTTP/2 the first request decides; a connection without a request within the patience is for gRPC, because
// only gRPC clients connect ahead.
func sniff(c net.Conn, patience time.Duration, streams uint32) (known net.Conn, isGRPC bool) {
	early := &bytes.Buffer{}
	// A connection without deadlines has ended; its reader sees that.
	_ = c.SetDeadline(time.Now().Add(patience))
	speaks := look(c, bufio.NewReader(io.LimitReader(io.TeeReader(c, early), maxEarly)), streams)
	_ = c.SetDeadline(time.Time{})
	c = &replay{c, early.Bytes()}
	if speaks == restHTTP2 {
		c = &greeted{Conn: c}
	}
	return c, speaks == grpcHTTP2
}

// look sends settings, because a gRPC client makes no request before it has the server's.
func look(c net.Conn, r *bufio.Reader, streams uint32) protocol {
	for i := range http2.ClientPreface {
		if head, err := r.Peek(i + 1); err != nil || head[i] != http2.ClientPreface[i] {
			return http1
		}
	}
	if _, err := r.Discard(len(http2.ClientPreface)); err != nil {
		return http1
	}
	framer := http2.NewFramer(c, r)
	framer.ReadMetaHeaders = hpack.NewDecoder(headerTable, nil)
	framer.MaxHeaderListSize = hardMaxHeaders
	err := framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: streams},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: hardMaxHeaders})
	for err == nil {
		var frame http2.Frame
		frame, err = framer.ReadFrame()
		if headers, ok := frame.(*http2.MetaHeadersFrame); ok && err == nil {
			return carried(headers)
		}
	}
	return grpcHTTP2
}

func carried(headers *http2.MetaHeadersFrame) protocol {
	for _, h := range headers.RegularFields() {
		if h.Name == "content-type" && strings.HasPrefix(h.Value, "application/grpc") {
			return grpcHTTP2
		}
	}
	return restHTTP2
}

// replay is a connection of which the beginning was read already.
type replay struct {
	net.Conn
	early []byte
}

// Read reads what was read already, then the connection.
func (r *replay) Read(p []byte) (int, error) {
	if len(r.early) == 0 {
		return r.Conn.Read(p) //nolint:wrapcheck // it is the connection's
	}
	n := copy(p, r.early)
	if r.early = r.early[n:]; len(r.early) == 0 {
		r.early = nil
	}
	return n, nil
}

// greeted is a connection with settings sent already. It leaves out those of the web server, which ends connections that
// acknowledge more settings than it sent. (grpc-go accepts that, and sends its own.)
type greeted struct {
	net.Conn
	begun bool
}

const frameHeader = 9

// Write writes everything but the first frame, which is the settings and comes in one piece.
func (g *greeted) Write(p []byte) (int, error) {
	skip := 0
	if !g.begun && len(p) >= frameHeader {
		g.begun = true
		if length := frameHeader + (int(p[0])<<16 | int(p[1])<<8 | int(p[2])); http2.FrameType(p[3]) == http2.FrameSettings && length <= len(p) {
			skip = length
		}
	}
	n, err := g.Conn.Write(p[skip:])
	return skip + n, err //nolint:wrapcheck // it is the connection's
}
