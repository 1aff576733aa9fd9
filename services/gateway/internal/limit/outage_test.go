package limit_test

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/redisdb"
	"github.com/low-layer/platform/libs/redisdb/redistest"
	"github.com/low-layer/platform/services/gateway/internal/limit"
)

// journal keeps what is logged and says when there is more.
type journal struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
}

func newJournal() *journal { return &journal{more: make(chan struct{}, 100)} }

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	j.lines = append(j.lines, string(line))
	j.mu.Unlock()
	j.more <- struct{}{}
	return len(line), nil
}

// count is how many lines hold the text.
func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, l := range j.lines {
		if strings.Contains(l, text) {
			n++
		}
	}
	return n
}

// await returns when so many lines hold the text.
func (j *journal) await(t testing.TB, text string, n int) {
	t.Helper()
	late := time.After(patience)
	for j.count(text) < n {
		select {
		case <-j.more:
		case <-late:
			t.Fatalf("%q was not logged", text)
		}
	}
}

const (
	lost  = "by this process alone until Redis responds again"
	found = "in Redis again"
)

// frozen is a way to a Redis that can be frozen: connections stay, and nothing passes.
type frozen struct {
	listener net.Listener
	to, path string
	mu       sync.RWMutex // held by the test that freezes it
	conns    sync.WaitGroup
}

func freezable(t testing.TB, redisURL string) *frozen {
	t.Helper()
	u, err := url.Parse(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &frozen{listener: l, to: u.Host, path: u.Path}
	f.conns.Go(f.accept)
	t.Cleanup(func() {
		_ = l.Close()
		f.conns.Wait()
	})
	return f
}

func (f *frozen) url() string { return "redis://" + f.listener.Addr().String() + f.path }

func (f *frozen) accept() {
	for {
		in, err := f.listener.Accept()
		if err != nil {
			return
		}
		out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", f.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
			f.conns.Go(func() { f.pass(way[0], way[1]) })
		}
	}
}

func (f *frozen) pass(from, to net.Conn) {
	defer func() { _, _ = from.Close(), to.Close() }()
	room := make([]byte, 4096)
	for {
		n, err := from.Read(room)
		if err != nil {
			return
		}
		f.mu.RLock()
		_, err = to.Write(room[:n])
		f.mu.RUnlock()
		if err != nil {
			return
		}
	}
}

func watched(t *testing.T, redisURL string, caller int) (*limit.Limiter, *journal) {
	t.Helper()
	client, err := redisdb.Open(redisdb.Config{URL: redisURL})
	if err != nil {
		t.Fatal(err)
	}
	j := newJournal()
	l := newLimiter(t, limit.Config{
		Tenant: all(plenty), Caller: all(caller), Redis: client, Timeout: 300 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(j, nil)),
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, j
}

// A hanging Redis costs the first calls one short wait and later ones nothing; budgets keep their last known state.
func TestRedisThatHangs(t *testing.T) {
	way := freezable(t, redistest.URL(t))
	l, j := watched(t, way.url(), 400)
	caller := unique("frozen")
	for range 40 {
		if _, over := l.Take(t.Context(), limit.Get, "", caller); over != nil {
			t.Fatal(over)
		}
	}
	way.mu.Lock()
	thaw := sync.OnceFunc(way.mu.Unlock)
	defer thaw()
	started := time.Now()
	var work sync.WaitGroup
	for range 8 {
		// Others than before: for them Redis has to be asked.
		work.Go(func() {
			name := unique("other")
			if n := passes(t, l, limit.Get, "", name); n < 100 {
				t.Errorf("only %d calls pass while Redis hangs", n)
			}
		})
	}
	work.Wait()
	if !l.Local() || j.count(lost) != 1 {
		t.Errorf("counts alone: %v; said %d times", l.Local(), j.count(lost))
	}
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("calls waited for Redis %s", took)
	}
	if n := passes(t, l, limit.Get, "", caller); n < 40 || n > 100 {
		t.Errorf("%d calls pass of a budget of 100 of which 40 are spent", n)
	}
	thaw()
	j.await(t, found, 1)
	if l.Local() {
		t.Error("it still counts alone")
	}
	// The limiter reports the calls of the outage to Redis, so another gateway counts them.
	again, _ := watched(t, redistest.URL(t), 400)
	_, _ = l.Take(t.Context(), limit.Get, "", caller)
	if n := passes(t, again, limit.Get, "", caller); n > 60 {
		t.Errorf("another gateway passes %d calls of a budget that was spent while Redis was away", n)
	}
}

func TestOutage_redisReturns_countsAgain(t *testing.T) {
	server := redistest.NewServer(t)
	l, j := watched(t, server.URL(), 400)
	for turn := 1; turn <= 2; turn++ {
		server.Stop(t)
		if n := passes(t, l, limit.Get, "acme", unique("stopped")); n < 100 || n > 110 {
			t.Errorf("%d calls pass of a budget of 100 at once", n)
		}
		j.await(t, lost, turn)
		server.Start(t)
		j.await(t, found, turn)
		if n := passes(t, l, limit.Get, "acme", unique("back")); n < 100 {
			t.Errorf("only %d calls pass of a budget of 100 at once", n)
		}
	}
	if j.count(lost) != 2 || j.count(found) != 2 {
		t.Errorf("it was said %d and %d times", j.count(lost), j.count(found))
	}
}

func TestOutage_redisAbsentAtStart_countsAlone(t *testing.T) {
	server := redistest.NewServer(t)
	server.Stop(t)
	l, j := watched(t, server.URL(), 400)
	if n := passes(t, l, limit.Get, "", "ada"); n < 100 {
		t.Errorf("only %d calls pass", n)
	}
	if j.count(lost) != 1 {
		t.Errorf("it was said %d times", j.count(lost))
	}
	server.Start(t)
	j.await(t, found, 1)
}

// A caller who hangs up does not make the gateway give up Redis.
func TestOutage_callersHangUp_keepRedis(t *testing.T) {
	l, j := watched(t, redistest.URL(t), 400)
	gone, leave := context.WithCancel(t.Context())
	leave()
	for range 20 {
		if _, over := l.Take(gone, limit.Get, "", unique("gone")); over != nil {
			t.Error(over)
		}
	}
	if l.Local() || j.count(lost) != 0 {
		t.Error("calls that ended early count as an outage")
	}
}
