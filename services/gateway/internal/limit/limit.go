// Package limit counts calls against budgets: of each tenant and of each caller, for each class of method.
//
// A budget of q calls in a minute is a bucket (GCRA) that holds a quarter of q and fills evenly with the rest, so that
// in no minute more than q calls pass. Redis keeps the buckets, so that they hold for all gateways together; each
// gateway takes calls from them ahead, a few at once and more the faster they are used, so that most calls need no round
// trip. Calls count when they are taken: the calls of a minute can exceed q only by those that gateways held at its
// begin, at most a 64th of q (one at least, and 64 at most) for each gateway. A call that one budget refuses spends none
// of another.
//
// A call makes one round trip to Redis at most, for no longer than Timeout. After a failure no call does, until a probe
// succeeds: each gateway counts alone from its last state, so n gateways pass n times the budget at most. The calls of
// that time are written to Redis afterwards. The number of buckets in memory is bounded; the longest unused go first.
package limit

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Config is the budgets and where they are kept.
type Config struct {
	// Tenant and Caller are their budgets; Address is the one of calls without a good token, for each address they come from.
	Tenant, Caller Rates
	Address        int
	// Redis keeps the buckets; without it each process counts alone.
	Redis redis.UniversalClient
	// Timeout is how long a call may wait for Redis; 0 for the usual one.
	Timeout time.Duration
	Logger  *slog.Logger
	Meter   metric.Meter
}

// Limiter counts. It is safe for use by several goroutines, and a nil one lets everything pass.
type Limiter struct {
	started time.Time
	buckets *buckets
	// store is nil when there is none.
	store *store

	tenant, caller [classes]*budget
	address        *budget
	// policies are the values of the RateLimit-Policy field: with and without a tenant.
	both, alone [classes][]string
	strangers   []string
	refused     metric.Int64Counter
}

// New makes a limiter. It probes Redis once, so that the first calls are counted there.
func New(ctx context.Context, cfg Config) (*Limiter, error) {
	l := &Limiter{started: time.Now(), buckets: newBuckets(maxBuckets)}
	for c := range classes {
		l.tenant[c] = newBudget("tenant", classNames[c], cfg.Tenant.of(c))
		l.caller[c] = newBudget("caller", classNames[c], cfg.Caller.of(c))
		l.alone[c] = []string{l.caller[c].policy()}
		l.both[c] = []string{l.tenant[c].policy() + ", " + l.caller[c].policy()}
	}
	l.address = newBudget("address", "", cfg.Address)
	l.strangers = []string{l.address.policy()}
	var err error
	if l.refused, err = cfg.Meter.Int64Counter("lowlayer_gateway_rate_limited_calls",
		metric.WithDescription("Calls that were refused because they were over a budget.")); err != nil {
		return nil, fmt.Errorf("make the counter of refused calls: %w", err)
	}
	if cfg.Redis != nil {
		l.store = newStore(ctx, cfg)
	} else {
		cfg.Logger.InfoContext(ctx, "rate limits are counted by this process alone; set REDIS_URL when there are replicas")
	}
	_, err = cfg.Meter.Int64ObservableGauge("lowlayer_gateway_rate_limits_local",
		metric.WithDescription("1 while rate limits are counted by this process alone."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(map[bool]int64{true: 1}[l.Local()])
			return nil
		}))
	if err != nil {
		return nil, fmt.Errorf("make the gauge of local limits: %w", err)
	}
	return l, nil
}

// Run looks for Redis while it is away, until ctx ends.
func (l *Limiter) Run(ctx context.Context) {
	if l != nil && l.store != nil {
		l.store.run(ctx)
	}
}

// Local is true while this process counts alone.
func (l *Limiter) Local() bool { return l.store == nil || l.store.away.Load() }

// Take counts a call of a caller that concerns a tenant; the tenant is empty when it concerns none.
func (l *Limiter) Take(ctx context.Context, c Class, tenant, caller string) (Answer, *errs.Error) {
	if l == nil {
		return Answer{}, nil
	}
	now := l.now()
	of := l.buckets.find(l.caller[c], caller, now)
	if tenant == "" {
		return l.take(ctx, l.alone[c], nil, of)
	}
	return l.take(ctx, l.both[c], l.buckets.find(l.tenant[c], tenant, now), of)
}

// TakeStranger counts a call without a valid token.
func (l *Limiter) TakeStranger(ctx context.Context, address string) (Answer, *errs.Error) {
	if l == nil {
		return Answer{}, nil
	}
	return l.take(ctx, l.strangers, nil, l.buckets.find(l.address, address, l.now()))
}

// now is the time on the clock of this process, in microseconds.
func (l *Limiter) now() int64 { return time.Since(l.started).Microseconds() }

// take spends one call of each bucket, or none; that of the tenant may be nil. It does not lock a tenant's bucket with
// calls in hand while it fills another: otherwise one caller's first call would delay the whole tenant. Both are always
// locked in this order, so that no deadlock forms.
func (l *Limiter) take(ctx context.Context, policy []string, tenant, caller *bucket) (Answer, *errs.Error) {
	var room [128]byte
	said := room[:0]
	if tenant == nil {
		caller.mu.Lock()
		defer caller.mu.Unlock()
		return l.spend(ctx, policy, said, nil, caller)
	}
	tenant.mu.Lock()
	if tenant.held == 0 {
		defer tenant.mu.Unlock()
		caller.mu.Lock()
		defer caller.mu.Unlock()
		return l.spend(ctx, policy, said, tenant, caller)
	}
	tenant.held--
	said = append(tenant.append(said, l.now()), separator...)
	tenant.mu.Unlock()
	answer, over := l.spendOne(ctx, policy, said, caller)
	if over != nil {
		tenant.giveBack()
	}
	return answer, over
}

func (l *Limiter) spendOne(ctx context.Context, policy []string, said []byte, caller *bucket) (Answer, *errs.Error) {
	caller.mu.Lock()
	defer caller.mu.Unlock()
	return l.spend(ctx, policy, said, nil, caller)
}

// spend spends one call of each bucket, or none. Both are locked; said is the state so far.
func (l *Limiter) spend(ctx context.Context, policy []string, said []byte, tenant, caller *bucket) (Answer, *errs.Error) {
	now := l.now()
	if tenant.refuses(now) || caller.refuses(now) {
		return l.refuse(ctx, policy, said, tenant, caller, now)
	}
	if !tenant.holds() || !caller.holds() {
		if l.store != nil {
			l.store.fill(ctx, tenant, caller, l.now)
			now = l.now()
		}
		if l.Local() {
			tenant.fill(now)
			caller.fill(now)
		}
		if !tenant.holds() || !caller.holds() {
			return l.refuse(ctx, policy, said, tenant, caller, now)
		}
	}
	if tenant != nil {
		tenant.held--
	}
	caller.held--
	return Answer{policy, state(said, tenant, caller, now)}, nil
}

// refuse says which budget is spent and when to come back.
func (l *Limiter) refuse(ctx context.Context, policy []string, said []byte, tenant, caller *bucket, now int64) (Answer, *errs.Error) {
	over, wait := caller, caller.wait(now)
	if tenant != nil && tenant.wait(now) > wait {
		over, wait = tenant, tenant.wait(now)
	}
	of, seconds := over.of, max(1, up(wait))
	l.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("budget", of.name)))
	kind := of.class + " calls"
	if of.class == "" {
		kind = "calls without a good token"
	}
	e := errs.New(errs.ResourceExhausted, problem.RateLimited, "too many %s of this %s; try again in %d s", kind, of.subject, seconds).
		With("budget", of.name)
	e.Retry = time.Duration(seconds) * time.Second
	e.Quota = []errs.QuotaViolation{{
		Subject:     kind + " of this " + of.subject,
		Description: fmt.Sprintf("at most %d in %s, of which %d at once", of.quota, Window, of.burst),
	}}
	return Answer{policy, state(said, tenant, caller, now)}, e
}
