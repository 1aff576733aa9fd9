// Package server is the one port of the edge: REST over HTTP/1.1 and HTTP/2, and gRPC over HTTP/2, without TLS.
//
// Bounds hold for everything a caller can hold: time to send headers and body, time to respond, idle time, sizes, and
// streams of one connection; the same for both protocols. To stop it turns NOT_SERVING, lets requests in flight finish
// within the drain time, and cuts off the rest.
package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/low-layer/platform/services/gateway/internal/api/rest"
)

// Config bounds what callers can hold.
type Config struct {
	// ReadHeader is the time to send the headers of a request, Read that of the whole request.
	ReadHeader, Read time.Duration
	// Write is the time from the headers to the end of the response; longer than the longest poll.
	Write time.Duration
	// Timeout of a gRPC call, WaitTimeout of one that waits for something, StreamTimeout of a stream. StreamPatience is
	// how long a reader of a stream may take for what is sent to it. REST has its own.
	Timeout, WaitTimeout, StreamTimeout, StreamPatience time.Duration
	// Idle is how long a connection may be unused.
	Idle time.Duration
	// Drain is how long requests in flight may take when the server stops.
	Drain time.Duration
	// MaxStreams is how many requests one HTTP/2 connection may have in flight.
	MaxStreams int
	// Logger may not be nil.
	Logger *slog.Logger
}

// hardMaxHeaders is the size at which the connection ends; it is above rest.MaxHeaders, so that slightly larger headers
// get a problem.
const hardMaxHeaders = 8 * rest.MaxHeaders

// Server is the edge's port.
type Server struct {
	cfg    Config
	port   *port
	web    *http.Server
	grpc   *gRPC
	flying inFlight
}

// New listens, so that Addr is known, but serves nothing before Serve. API serves paths below /v1/, site all others.
func New(ctx context.Context, address string, cfg Config, parts GRPCConfig, api, site http.Handler) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the gateway: %w", err)
	}
	s := &Server{cfg: cfg}
	s.port = newPort(listener, cfg.ReadHeader, uint32(cfg.MaxStreams), cfg.Logger) //nolint:gosec // settings keep it in range
	s.grpc = newGRPC(ctx, cfg, parts, &s.flying)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.web = &http.Server{
		Handler:           s.split(api, site),
		Protocols:         &protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: cfg.MaxStreams, SendPingTimeout: cfg.Idle},
		ReadHeaderTimeout: cfg.ReadHeader,
		ReadTimeout:       cfg.Read,
		WriteTimeout:      cfg.Write,
		IdleTimeout:       cfg.Idle,
		MaxHeaderBytes:    hardMaxHeaders,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.port.listener.Addr().String() }

func (s *Server) split(api, site http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.flying.enter()
		leave := s.flying.leave
		defer func() { leave() }()
		secure(w.Header())
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			if rest.MayStream(r) {
				leave = sync.OnceFunc(leave)
				r = rest.WithLife(r, rest.Life{Ended: s.grpc.ended, Leave: leave})
			}
			api.ServeHTTP(w, r)
			return
		}
		site.ServeHTTP(w, r)
	})
}

// secure sets the security headers of every response. Pages that need more set them.
func secure(h http.Header) {
	h["X-Content-Type-Options"] = nosniff
	h["X-Frame-Options"] = deny
	h["Referrer-Policy"] = noReferrer
	h["Content-Security-Policy"] = noContent
	h["Cross-Origin-Resource-Policy"] = sameOrigin
}

// Shared values: they are never changed, and cost a request nothing.
var (
	nosniff    = []string{"nosniff"}
	deny       = []string{"DENY"}
	noReferrer = []string{"no-referrer"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	sameOrigin = []string{"same-origin"}
)

// Serve serves until ctx ends, then drains. It returns nil after such a stop.
func (s *Server) Serve(ctx context.Context) error {
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	var servers sync.WaitGroup
	failed := make(chan error, 3) // one each, so that none waits to be heard
	servers.Go(func() { failed <- s.port.serve(serving) })
	servers.Go(func() { failed <- s.web.Serve(s.port.web) })
	servers.Go(func() { failed <- s.grpc.server.Serve(s.port.grpc) })
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		err = fmt.Errorf("serve the gateway: %w", err)
	} else {
		err = nil
		s.drain(ctx, &servers)
	}
	cancel()
	s.grpc.endStreams()
	s.grpc.server.Stop()
	if e := s.web.Close(); e != nil {
		s.cfg.Logger.DebugContext(ctx, "close the port", "error", e)
	}
	servers.Wait()
	return err
}

// drain lets requests in flight finish within the drain time. The servers' end cuts off the rest.
func (s *Server) drain(ctx context.Context, servers *sync.WaitGroup) {
	s.grpc.health.Shutdown()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Drain)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- s.web.Shutdown(stop) }()
	finished, finish := context.WithCancel(stop)
	servers.Go(func() {
		defer finish()
		s.grpc.server.GracefulStop()
	})
	// Streams end last, so that health watchers see the drain.
	select {
	case <-s.flying.idle():
	case <-stop.Done():
	}
	s.grpc.endStreams()
	err := <-closed
	<-finished.Done()
	if err != nil || stop.Err() != nil {
		s.cfg.Logger.WarnContext(ctx, "requests were still in flight when the drain time ended; cutting them off", "after", s.cfg.Drain)
	}
}
