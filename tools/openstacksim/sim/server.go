package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Server is a cloud listening on an address.
type Server struct {
	Cloud   *Cloud
	URL     string // without a trailing slash
	AuthURL string // auth URL for clouds.yaml

	http *http.Server
	done chan error
}

// Start serves a new cloud on a free port of the loopback interface until Close.
func Start(ctx context.Context, opts Options) (*Server, error) {
	return Serve(ctx, New(opts), "127.0.0.1:0")
}

// Serve serves cloud on the address until Close.
func Serve(ctx context.Context, cloud *Cloud, address string) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	url := "http://" + l.Addr().String()
	s := &Server{
		Cloud: cloud, URL: url, AuthURL: url + "/identity/v3",
		http: &http.Server{Handler: cloud.Handler(), ReadHeaderTimeout: 10 * time.Second},
		done: make(chan error, 1),
	}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// Close lets running calls end for as long as ctx allows, then cuts them.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	s.Cloud.Close()
	return err
}

// Failed reports when serving ended by itself; it never sends after Close.
func (s *Server) Failed() <-chan error { return s.done }
