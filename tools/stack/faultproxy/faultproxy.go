// Package faultproxy stands between two programs and passes on what they say over TCP, until a test has it do something worse.
package faultproxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is one edge between programs. It passes everything on at first.
type Proxy struct {
	listener net.Listener
	done     context.Context //nolint:containedctx // ends with the test
	running  sync.WaitGroup

	mu     sync.Mutex
	target string
	cut    bool
	delay  time.Duration
	// open is closed while bytes pass.
	open  chan struct{}
	conns map[net.Conn]bool
}

// Start listens on loopback until the test ends; To says where to.
func Start(t testing.TB) *Proxy {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done, end := context.WithCancel(context.Background())
	p := &Proxy{listener: listener, done: done, open: make(chan struct{}), conns: map[net.Conn]bool{}}
	close(p.open)
	p.running.Go(p.accept)
	t.Cleanup(func() {
		end()
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		p.reset()
		p.running.Wait()
	})
	return p
}

// Address is where the proxy listens, as host:port.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// To has later connections go to an address.
func (p *Proxy) To(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = address
}

// Pass ends every fault. Held data goes on its way.
func (p *Proxy) Pass() { p.set(false, 0, true) }

// Cut resets every connection, those that are still to come too.
func (p *Proxy) Cut() {
	p.set(true, 0, true)
	p.reset()
}

// Hold lets nothing pass any more, and says nothing of it: what was sent meanwhile is delivered when the fault ends.
func (p *Proxy) Hold() { p.set(false, 0, false) }

// Delay has everything arrive so much later, in both directions.
func (p *Proxy) Delay(d time.Duration) { p.set(false, d, true) }

func (p *Proxy) set(cut bool, delay time.Duration, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.delay = cut, delay
	select {
	case <-p.open:
		if !open {
			p.open = make(chan struct{})
		}
	default:
		if open {
			close(p.open)
		}
	}
}

func (p *Proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		abort(conn)
	}
}

// abort ends a connection as a machine does that knows nothing of it.
func abort(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // of a closed connection there is nothing to reset
	}
	_ = conn.Close()
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(conn) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	p.mu.Lock()
	cut, open, target := p.cut, p.open, p.target
	if !cut {
		p.conns[client] = true
	}
	p.mu.Unlock()
	defer p.forget(client)
	if cut {
		return
	}
	select {
	case <-open:
	case <-p.done.Done():
		return
	}
	server, err := (&net.Dialer{}).DialContext(p.done, "tcp", target)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.conns[server] = true
	p.mu.Unlock()
	defer p.forget(server)
	var both sync.WaitGroup
	both.Go(func() { p.pipe(server, client) })
	both.Go(func() { p.pipe(client, server) })
	both.Wait()
}

func (p *Proxy) forget(conn net.Conn) {
	abort(conn)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

type chunk struct {
	due  time.Time
	data []byte
}

// queued is how many chunks may be on the way at once.
const queued = 256

// pipe passes on what one end says until it ends or the other is gone.
func (p *Proxy) pipe(to, from net.Conn) {
	way := make(chan chunk, queued)
	p.running.Go(func() {
		defer close(way)
		for {
			buf := make([]byte, 32<<10)
			n, err := from.Read(buf)
			if n > 0 {
				p.mu.Lock()
				c := chunk{time.Now().Add(p.delay), buf[:n]}
				p.mu.Unlock()
				select {
				case way <- c:
				case <-p.done.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	err := p.deliver(to, way)
	if err == nil {
		if tcp, ok := to.(*net.TCPConn); ok {
			err = tcp.CloseWrite()
		}
	}
	if err != nil {
		abort(to)
		abort(from)
	}
	for range way { // so that the reader ends
	}
}

var errOver = errors.New("the test is over")

func (p *Proxy) deliver(to io.Writer, way <-chan chunk) error {
	for c := range way {
		timer := time.NewTimer(time.Until(c.due))
		select {
		case <-timer.C:
		case <-p.done.Done():
			timer.Stop()
			return errOver
		}
		p.mu.Lock()
		open := p.open
		p.mu.Unlock()
		select {
		case <-open:
		case <-p.done.Done():
			return errOver
		}
		if _, err := to.Write(c.data); err != nil {
			return err
		}
	}
	return nil
}
