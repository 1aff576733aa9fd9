package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/low-layer/platform/libs/redisdb"
)

const (
	startAttempts = 5
	startTimeout  = 15 * time.Second
	startPoll     = 10 * time.Millisecond
)

// guard runs the server and ends it when the pipe on descriptor 3 closes. The kernel closes it when the test process ends in any way.
// $1 is the run directory, which the guard removes; the rest is the command.
const guard = `dir=$1; shift
cd "$dir" || exit 1
"$@" 3<&- </dev/null & pid=$!
(cat <&3 >/dev/null; kill -KILL "$pid" 2>/dev/null) & watch=$!
exec 3<&-
wait "$pid"
cd /; rm -rf "$dir"
kill "$watch" 2>/dev/null`

// Server is a Redis that a test stops and starts on one port. It loses its data when it stops.
type Server struct {
	port int
	pid  int
	hold *os.File
}

// NewServer starts a server for one test.
func NewServer(t testing.TB) *Server {
	t.Helper()
	server, err := launch(0)
	if err != nil {
		t.Fatalf("no redis for tests: %v; install the package `redis-server`", err)
	}
	t.Cleanup(func() { server.Stop(t) })
	return server
}

// URL is the address of the server, running or not.
func (s *Server) URL() string { return fmt.Sprintf("redis://127.0.0.1:%d/0", s.port) }

// Stop ends the server and waits for its end. It does nothing when the server is stopped.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.hold == nil {
		return
	}
	if err := s.hold.Close(); err != nil {
		t.Fatalf("stop redis: %v", err)
	}
	s.hold = nil
	if _, err := syscall.Wait4(s.pid, nil, 0, nil); err != nil {
		t.Fatalf("wait for redis to end: %v", err)
	}
}

// Start starts a stopped server again, empty.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	again, err := launch(s.port)
	if err != nil {
		t.Fatalf("start redis: %v", err)
	}
	*s = *again
}

// errDied mostly means that another process took the free port first.
var errDied = errors.New("redis ended while starting")

// launch starts a server on the port, on a free one for 0.
func launch(port int) (*Server, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if program, err = exec.LookPath("valkey-server"); err != nil {
			return nil, errors.New("neither redis-server nor valkey-server is on PATH")
		}
	}
	for attempt := 1; ; attempt++ {
		server, err := launchOnce(program, port)
		if err == nil || attempt == startAttempts || !errors.Is(err, errDied) {
			return server, err
		}
	}
}

func launchOnce(program string, port int) (*Server, error) {
	if port == 0 {
		free, err := freePort()
		if err != nil {
			return nil, err
		}
		port = free
	}
	dir, err := os.MkdirTemp("", "lowlayer-redistest-")
	if err != nil {
		return nil, fmt.Errorf("make server directory: %w", err)
	}
	server, err := spawn(program, dir, port)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return server, server.await()
}

func spawn(program, dir string, port int) (*Server, error) {
	hold, held, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make guard pipe: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, fmt.Errorf("make server log: %w", err)
	}
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", guard, "redistest", dir, program, "--port", strconv.Itoa(port),
		"--bind", "127.0.0.1", "--databases", "4096", "--save", "", "--appendonly", "no", "--dir", dir)
	// Files, not pipes, for output, or `go test` would wait for the server to close them.
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{hold}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start redis: %w", err), hold.Close(), held.Close(), log.Close())
	}
	if err := errors.Join(hold.Close(), log.Close()); err != nil {
		return nil, fmt.Errorf("close guard files: %w", err)
	}
	server := &Server{port: port, pid: cmd.Process.Pid, hold: held}
	keep(server)
	return server, nil
}

func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	client, err := redisdb.Open(redisdb.Config{URL: s.URL()})
	if err != nil {
		return err
	}
	defer func(c *redis.Client) { _ = c.Close() }(client) // it was only to ask
	ticker := time.NewTicker(startPoll)
	defer ticker.Stop()
	for {
		if err = client.Ping(ctx).Err(); err == nil {
			return nil
		}
		if ended, waitErr := syscall.Wait4(s.pid, nil, syscall.WNOHANG, nil); waitErr == nil && ended == s.pid {
			return errDied
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("redis not ready after %s: %w", startTimeout, err)
		case <-ticker.C:
		}
	}
}

func freePort() (int, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}
