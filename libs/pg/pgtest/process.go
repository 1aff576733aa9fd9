package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/pg/pgserver"
)

const (
	startAttempts = 5
	startTimeout  = 30 * time.Second
	startPoll     = 20 * time.Millisecond
)

// guard runs the server and ends it when the pipe on descriptor 3 closes, which the kernel does when the test process
// ends, be it by exit, panic, timeout or SIGKILL. $1 is the run directory, which goes too; the rest is the command.
const guard = `dir=$1; shift
cd / || exit 1
"$@" 3<&- </dev/null & pid=$!
(cat <&3 >/dev/null; kill -QUIT "$pid" 2>/dev/null) & watch=$!
exec 3<&-
wait "$pid"
rm -rf "$dir"
kill "$watch" 2>/dev/null`

// shared is the one server of this test process: tests of a package pay for its start once.
var shared = sync.OnceValues(func() (*server, error) {
	if given := os.Getenv("LOWLAYER_TEST_POSTGRES_URL"); given != "" {
		return newServer(given)
	}
	return launch()
})

func start(t testing.TB) *server {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("no postgres for tests: %v; or set LOWLAYER_TEST_POSTGRES_URL to a superuser's url", err)
	}
	return s
}

func launch() (*server, error) {
	tools, err := pgserver.Find()
	if err != nil {
		return nil, err
	}
	who, err := pgserver.Unprivileged()
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		s, err := launchOnce(tools, who)
		if err == nil || attempt == startAttempts || !errors.Is(err, errDied) {
			return s, err
		}
	}
}

// errDied is most often a port that another process took between our asking and our using it.
var errDied = errors.New("postgres ended while starting")

func launchOnce(tools pgserver.Tools, who *pgserver.Account) (*server, error) {
	dir, err := runDir(who)
	if err != nil {
		return nil, err
	}
	if err := prepareData(tools, who, dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	pid, err := spawn(tools, who, dir, filepath.Join(dir, "data"), port)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	adminURL := adminURLOf(port)
	if err := awaitReady(adminURL, pid); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, tail(filepath.Join(dir, "log")))
	}
	return newServer(adminURL)
}

func adminURLOf(port int) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
}

// spawn starts the guard of a server with its log in dir, which goes with it; later settings count before the usual ones. The write
// end of the guard's pipe stays open, unnamed, for the life of this process.
func spawn(tools pgserver.Tools, who *pgserver.Account, dir, data string, port int, settings ...string) (pid int, err error) {
	hold, held, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("make guard pipe: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return 0, fmt.Errorf("make server log: %w", err)
	}
	args := []string{"-c", guard, "pgtest", dir, tools.Postgres, "-D", data}
	for _, setting := range append([]string{
		"port=" + strconv.Itoa(port), "listen_addresses=127.0.0.1", "unix_socket_directories=",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300", "shared_buffers=64MB",
		"autovacuum_naptime=1h", "max_wal_size=1GB", "checkpoint_timeout=1h", "jit=off", "timezone=UTC",
		"log_min_messages=warning", "deadlock_timeout=100ms", "wal_level=minimal", "max_wal_senders=0",
	}, settings...) {
		args = append(args, "-c", setting)
	}
	// An own process group, so that Ctrl-C ends the tests first and the server after them; files, not pipes, for
	// output, or `go test` would wait for the server to close them.
	cmd := exec.CommandContext(context.Background(), "/bin/sh", args...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{hold}
	cmd.SysProcAttr = who.Attributes()
	if err := cmd.Start(); err != nil {
		return 0, errors.Join(fmt.Errorf("start postgres: %w", err), hold.Close(), held.Close(), log.Close())
	}
	pipes = append(pipes, held)
	if err := errors.Join(hold.Close(), log.Close()); err != nil {
		return 0, fmt.Errorf("close guard files: %w", err)
	}
	return cmd.Process.Pid, nil
}

// pipes keeps the guards' write ends reachable: a finalizer would close them and end the server.
var pipes []*os.File

func awaitReady(adminURL string, pid int) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	ticker := time.NewTicker(startPoll)
	defer ticker.Stop()
	for {
		conn, err := pgx.Connect(ctx, adminURL)
		if err == nil {
			return conn.Close(ctx)
		}
		if ended, waitErr := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); waitErr == nil && ended == pid {
			return errDied
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("postgres not ready after %s: %w", startTimeout, err)
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

func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(content[max(0, len(content)-2000):])
}
