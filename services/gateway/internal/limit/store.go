package limit

import (
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// keyPrefix is what the names of our keys begin with.
const keyPrefix = "lowlayer:gateway:rate:"

const (
	// usualTimeout is the longest wait for Redis, which responds within one millisecond.
	usualTimeout = 50 * time.Millisecond
	// probePause is how often Redis is looked for while it is away, and probeTimeout how long that may take.
	probePause   = 500 * time.Millisecond
	probeTimeout = time.Second
)

//go:embed take.lua
var takeSource string

var takeScript = redis.NewScript(takeSource)

// figures is the number of results of the script for each budget.
const figures = 3

// store is the buckets in Redis, behind a breaker that is open while Redis is away.
type store struct {
	redis   redis.UniversalClient
	timeout time.Duration
	logger  *slog.Logger
	away    atomic.Bool
	// lost wakes the probe.
	lost chan struct{}
}

func newStore(ctx context.Context, cfg Config) *store {
	s := &store{redis: cfg.Redis, timeout: cfg.Timeout, logger: cfg.Logger, lost: make(chan struct{}, 1)}
	if s.timeout == 0 {
		s.timeout = usualTimeout
	}
	if err := s.probe(ctx, s.timeout); err != nil {
		s.lose(ctx, err)
	}
	return s
}

// fill takes calls from the store for those of the buckets that hold none. When it cannot, they stay as they are.
func (s *store) fill(ctx context.Context, t, c *bucket, clock func() int64) {
	if s.away.Load() {
		return
	}
	var keys []string
	var args []any
	var which []*bucket
	now := clock()
	for _, b := range []*bucket{t, c} {
		if b.holds() {
			continue
		}
		var owed int64
		if b.untold {
			owed = max(0, b.full-now)
		}
		keys, which = append(keys, b.key), append(which, b)
		args = append(args, b.of.interval, b.of.burst, b.size(now), owed)
	}
	answer, err := s.take(ctx, s.timeout, keys, args)
	if err != nil {
		s.lose(ctx, err)
		return
	}
	now = clock()
	for i, b := range which {
		taken, full, wait := answer[i*figures], answer[i*figures+1], answer[i*figures+2]
		b.held, b.full, b.untold = taken, now+full, false
		if taken == 0 {
			b.barred = now + wait
		}
	}
}

var errAnswer = errors.New("the script answered something else than it should")

// take is one round trip. It does not end with the call: otherwise callers who hang up would look like a failing Redis.
func (s *store) take(ctx context.Context, timeout time.Duration, keys []string, args []any) ([]int64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	answer, err := takeScript.Run(ctx, s.redis, keys, args...).Int64Slice()
	if err == nil && len(answer) != figures*len(keys) {
		err = errAnswer
	}
	return answer, err
}

// probe does the work of a call on an unused budget: a server that responds to pings may still refuse writes.
func (s *store) probe(ctx context.Context, timeout time.Duration) error {
	_, err := s.take(ctx, timeout, []string{keyPrefix + "probe"}, []any{1, 1, 1, 0})
	return err
}

func (s *store) lose(ctx context.Context, err error) {
	if s.away.Swap(true) {
		return
	}
	s.logger.WarnContext(ctx, "rate limits are counted by this process alone until Redis responds again", "error", err)
	s.lost <- struct{}{} // there is room: the probe took the last one before it found Redis
}

func (s *store) run(ctx context.Context) {
	for {
		select {
		case <-s.lost:
		case <-ctx.Done():
			return
		}
		// The first pause too: one that is only slow would else be lost and found with every call.
		for wait := true; wait; wait = s.probe(ctx, probeTimeout) != nil {
			select {
			case <-time.After(probePause):
			case <-ctx.Done():
				return
			}
		}
		s.away.Store(false)
		s.logger.InfoContext(ctx, "rate limits are counted in Redis again")
	}
}
