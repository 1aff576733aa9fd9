package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// port is the one listener of the edge. It looks at how each connection begins and gives it to the server that speaks
// its protocol: gRPC to one, everything else to the other. The protocols need servers of their own because gRPC over
// net/http's HTTP/2 costs a call several times what it costs over grpc-go's.
type port struct {
	listener net.Listener
	// patience is the time that a connection has to say what it is for.
	patience time.Duration
	// streams is the limit of concurrent streams for HTTP/2 clients.
	streams   uint32
	logger    *slog.Logger
	web, grpc *queue
}

func newPort(l net.Listener, patience time.Duration, streams uint32, logger *slog.Logger) *port {
	return &port{
		listener: l, patience: patience, streams: streams, logger: logger,
		web: newQueue(l.Addr()), grpc: newQueue(l.Addr()),
	}
}

// acceptPause is how long a port waits that cannot accept, as when the process has too many files open.
const acceptPause = 50 * time.Millisecond

// serve gives connections away until ctx ends, which ends those that are not given away yet.
func (p *port) serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { drop(p.listener) })
	defer stop()
	var placing sync.WaitGroup
	defer placing.Wait()
	for {
		c, err := p.listener.Accept()
		switch {
		case err == nil:
			placing.Go(func() { p.place(ctx, c) })
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err //nolint:wrapcheck // the caller says what it serves
		default:
			p.logger.WarnContext(ctx, "a connection could not be accepted", "error", err)
			select {
			case <-time.After(acceptPause):
			case <-ctx.Done():
			}
		}
	}
}

func (p *port) place(ctx context.Context, c net.Conn) {
	stop := context.AfterFunc(ctx, func() { drop(c) })
	defer stop()
	known, isGRPC := sniff(c, p.patience, p.streams)
	if !stop() {
		return
	}
	to := p.web
	if isGRPC {
		to = p.grpc
	}
	to.put(known)
}

// drop closes an unused connection; a second close is no error.
func drop(c io.Closer) { _ = c.Close() }

// queue is a listener of connections that another one accepted.
type queue struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	close func()
}

func newQueue(addr net.Addr) *queue {
	q := &queue{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
	q.close = sync.OnceFunc(func() { close(q.done) })
	return q
}

// put gives a connection to the next Accept, and closes it after the listener's end.
func (q *queue) put(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.done:
		drop(c)
	}
}

// Accept waits for a connection.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (q *queue) Close() error {
	q.close()
	return nil
}

// Addr is that of the port.
func (q *queue) Addr() net.Addr { return q.addr }
