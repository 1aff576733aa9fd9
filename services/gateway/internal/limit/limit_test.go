package limit_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/redisdb/redistest"
	"github.com/low-layer/platform/services/gateway/internal/limit"

	"github.com/dunglas/httpsfv"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const plenty = 1_000_000

func all(n int) limit.Rates { return limit.Rates{Get: n, List: n, Mutate: n, Stream: n} }

func newLimiter(t rapid.TB, cfg limit.Config) *limit.Limiter {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Address == 0 {
		cfg.Address = plenty
	}
	cfg.Meter = noop.Meter{}
	l, err := limit.New(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// passes counts the calls that pass until the first that does not.
func passes(t rapid.TB, l *limit.Limiter, class limit.Class, tenant, caller string) int {
	t.Helper()
	for n := range plenty {
		if _, over := l.Take(context.Background(), class, tenant, caller); over != nil {
			return n
		}
	}
	t.Fatal("nothing was ever refused")
	return 0
}

// fields are the two header fields of a response, as a parser of structured fields reads them.
func fields(t testing.TB, a limit.Answer) (policies, left map[string]httpsfv.Item) {
	t.Helper()
	h := make(http.Header)
	a.Header(h)
	read := func(name string) map[string]httpsfv.Item {
		list, err := httpsfv.UnmarshalList(h.Values(name))
		if err != nil || len(list) == 0 {
			t.Fatalf("%s %q is no list: %v", name, h.Values(name), err)
		}
		out := make(map[string]httpsfv.Item)
		for _, member := range list {
			item := member.(httpsfv.Item)
			out[item.Value.(string)] = item
		}
		return out
	}
	return read(limit.PolicyField), read(limit.Field)
}

func number(t testing.TB, i httpsfv.Item, name string) int64 {
	t.Helper()
	v, ok := i.Params.Get(name)
	n, isNumber := v.(int64)
	if !ok || !isNumber {
		t.Fatalf("the parameter %s is %v", name, v)
	}
	return n
}

func TestBudget_anyMinute_passesNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, limit.Config{Tenant: all(plenty), Caller: all(60)})
		if n := passes(t, l, limit.Get, "acme", "ada"); n != 15 {
			t.Errorf("%d pass at once, want a quarter of 60", n)
		}
		if n := passes(t, l, limit.List, "acme", "ada"); n != 15 {
			t.Errorf("lists have a budget of their own: %d pass", n)
		}
		if n := passes(t, l, limit.Get, "acme", "bob"); n != 15 {
			t.Errorf("bob has a budget of his own: %d pass", n)
		}
		var times []time.Time
		for range 300 {
			<-time.After(700 * time.Millisecond)
			if _, over := l.Take(t.Context(), limit.Get, "acme", "ada"); over == nil {
				times = append(times, time.Now())
			}
		}
		for i, from := range times {
			n := 0
			for _, at := range times[i:] {
				if at.Sub(from) < limit.Window {
					n++
				}
			}
			if n > 60 {
				t.Fatalf("%d calls pass in a minute", n)
			}
		}
		if len(times) < 150 {
			t.Errorf("only %d calls pass in 210 s at 45 a minute", len(times))
		}
	})
}

func TestRefusal_namesBudgetAndTime_spendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, limit.Config{Tenant: all(80), Caller: all(40), Address: 8})
		if n := passes(t, l, limit.Mutate, "acme", "ada"); n != 10 {
			t.Fatalf("%d pass, want a quarter of 40", n)
		}
		for range 50 {
			_, _ = l.Take(t.Context(), limit.Mutate, "acme", "ada")
		}
		if n := passes(t, l, limit.Mutate, "acme", "bob"); n != 10 {
			t.Errorf("%d pass of bob: ada's refused calls spent the tenant's budget", n)
		}
		answer, over := l.Take(t.Context(), limit.Mutate, "acme", "eve")
		if over == nil || over.Code != errs.ResourceExhausted || over.Reason != "RATE_LIMITED" || over.Metadata["budget"] != "tenant-mutate" ||
			over.Retry != time.Second || len(over.Quota) != 1 || !strings.Contains(over.Message, "try again in 1 s") {
			t.Errorf("got %+v", over)
		}
		policies, left := fields(t, answer)
		if number(t, policies["tenant-mutate"], "q") != 80 || number(t, policies["tenant-mutate"], "w") != 60 || number(t, policies["caller-mutate"], "q") != 40 {
			t.Errorf("the policies are %v", policies)
		}
		if number(t, left["tenant-mutate"], "r") != 0 || number(t, left["tenant-mutate"], "t") != 1 || number(t, left["caller-mutate"], "r") != 10 {
			t.Errorf("what is left is %v", left)
		}
		<-time.After(over.Retry)
		if _, over := l.Take(t.Context(), limit.Mutate, "acme", "eve"); over != nil {
			t.Errorf("after the time that it was told to wait: %v", over)
		}
		for range 2 {
			answer, over = l.TakeStranger(t.Context(), "192.0.2.1")
		}
		if policies, left := fields(t, answer); over != nil || number(t, policies["address"], "q") != 8 || number(t, left["address"], "r") != 0 {
			t.Errorf("a stranger is told %v, %v, %v", policies, left, over)
		}
		if _, over = l.TakeStranger(t.Context(), "192.0.2.1"); over == nil || over.Metadata["budget"] != "address" {
			t.Errorf("a stranger is told %v", over)
		}
		if _, over = l.TakeStranger(t.Context(), "192.0.2.2"); over != nil {
			t.Errorf("a stranger from elsewhere is told %v", over)
		}
	})
}

// patience is a timeout for Redis that a loaded machine keeps.
const patience = 20 * time.Second

var names atomic.Int64

// unique is a name that no other test counts calls of.
func unique(prefix string) string { return prefix + "-" + strconv.FormatInt(names.Add(1), 10) }

// However many callers come to two gateways at once, they pass no more than the budget, and what gateways have in hand is
// within the promised bound.
func TestGatewaysShareABudget(t *testing.T) {
	client := redistest.Client(t)
	rapid.Check(t, func(rt *rapid.T) {
		quota := rapid.IntRange(4, 6000).Draw(rt, "quota")
		callers := rapid.IntRange(1, 16).Draw(rt, "callers")
		cfg := limit.Config{Tenant: all(quota), Caller: all(plenty), Redis: client, Timeout: patience}
		gateways := []*limit.Limiter{newLimiter(rt, cfg), newLimiter(rt, cfg)}
		tenant := unique("shared")
		started := time.Now()
		var passed atomic.Int64
		var work sync.WaitGroup
		for i := range callers {
			work.Go(func() {
				// Some go on after a refusal: the other gateway may have what this one has not.
				for range 4 {
					passed.Add(int64(passes(rt, gateways[i%2], limit.Get, tenant, fmt.Sprintf("%s-%d", tenant, i))))
				}
			})
		}
		work.Wait()
		took := time.Since(started)
		burst := int64(max(1, quota/4))
		rest := int64(quota) - burst
		// Only the refill of that time may come on top.
		most := burst + int64(took)*rest/int64(limit.Window) + 1
		if n := passed.Load(); n > most {
			rt.Fatalf("%d calls pass of a budget of %d at once, in %s", n, burst, took)
		}
		held := 2 * min(64, max(1, burst/16))
		if n := passed.Load(); n < burst-held {
			rt.Fatalf("only %d calls pass of a budget of %d at once", n, burst)
		}
		if gateways[0].Local() || gateways[1].Local() {
			rt.Fatal("a gateway counted alone")
		}
	})
}

// The calls that a gateway holds are bounded, however many it takes at once.
func TestLimiter_callsInHand_areBounded(t *testing.T) {
	client := redistest.Client(t)
	for quota, most := range map[int]int64{64_000: 64, 1280: 20, 64: 1, 4: 1} {
		l := newLimiter(t, limit.Config{Tenant: all(quota), Caller: all(plenty), Redis: client, Timeout: patience})
		tenant := unique("held")
		largest := int64(0)
		for range 2000 {
			_, over := l.Take(t.Context(), limit.Get, tenant, tenant)
			largest = max(largest, l.Held(limit.Get, tenant, tenant))
			if over != nil {
				break
			}
		}
		if largest > most {
			t.Errorf("%d calls of a budget of %d were in hand, want %d at most", largest, quota, most)
		}
		if quota == 64_000 && largest < most/2 {
			t.Errorf("a busy caller has only %d calls in hand", largest)
		}
	}
}

// Most calls of a busy caller need no round trip.
func TestLimiter_busyCaller_callsRedisSeldom(t *testing.T) {
	client := redistest.Client(t)
	asked := &counter{}
	client.AddHook(asked)
	l := newLimiter(t, limit.Config{Tenant: all(plenty), Caller: all(plenty), Redis: client, Timeout: patience})
	tenant := unique("busy")
	for range 10_000 {
		if _, over := l.Take(t.Context(), limit.Get, tenant, tenant); over != nil {
			t.Fatal(over)
		}
	}
	if n := asked.n.Load(); n > 1000 {
		t.Errorf("10,000 calls asked %d times", n)
	}
}

// counter counts commands.
type counter struct{ n atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func BenchmarkTake(b *testing.B) {
	for name, client := range map[string]redis.UniversalClient{"alone": nil, "redis": redistest.Client(b)} {
		b.Run(name, func(b *testing.B) {
			l := newLimiter(b, limit.Config{Tenant: all(limit.MaxQuota), Caller: all(limit.MaxQuota), Redis: client, Timeout: patience})
			b.ReportAllocs()
			for b.Loop() {
				_, _ = l.Take(b.Context(), limit.Get, "bench", "bench")
			}
		})
	}
}

// A caller whose first call waits for Redis delays no other caller of the tenant.
func TestLimiter_waitingCaller_delaysNoOther(t *testing.T) {
	client := redistest.Client(t)
	gate := &holding{reached: make(chan struct{}), open: make(chan struct{})}
	client.AddHook(gate)
	l := newLimiter(t, limit.Config{Tenant: all(64_000), Caller: all(64_000), Redis: client, Timeout: patience})
	tenant, busy := unique("waiting"), unique("busy")
	// Until the tenant and one caller have in hand what the calls below need.
	for l.Held(limit.Get, tenant, busy) < 4 {
		if _, over := l.Take(t.Context(), limit.Get, tenant, busy); over != nil {
			t.Fatal(over)
		}
	}
	gate.hold.Store(true)
	first := make(chan *errs.Error)
	go func() {
		_, over := l.Take(context.Background(), limit.Get, tenant, unique("first"))
		first <- over
	}()
	<-gate.reached
	for range 3 {
		if _, over := l.Take(t.Context(), limit.Get, tenant, busy); over != nil {
			t.Error(over)
		}
	}
	close(gate.open)
	if over := <-first; over != nil || l.Local() {
		t.Errorf("the first call: %v", over)
	}
}

// holding holds one command.
type holding struct {
	counter
	hold          atomic.Bool
	reached, open chan struct{}
}

func (h *holding) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if h.hold.CompareAndSwap(true, false) {
			close(h.reached)
			<-h.open
		}
		return next(ctx, cmd)
	}
}
