package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/low-layer/platform/libs/clock"
)

const (
	// maxBody bounds the issuer's response.
	maxBody = 1 << 20
	// maxWaiting bounds the callers that wait for a key that is not known yet; the others are refused at once.
	maxWaiting = 128
)

// keys are the issuer's keys, kept up to date.
type keys struct {
	url    string
	client *http.Client
	clock  clock.Clock
	floor  time.Duration

	current atomic.Pointer[keySet]
	waiting atomic.Int32

	mu sync.Mutex
	// last is the fetch that was begun last; nil before the first.
	last *fetch
}

// fetch is one request to the issuer; err is set once done is closed.
type fetch struct {
	begun time.Time
	done  chan struct{}
	err   error
}

var errUnknownKey = errors.New("the token names a key that the issuer does not publish")

// known is the key of a name, without asking anybody.
func (k *keys) known(name string) *key {
	set := k.current.Load()
	if set == nil {
		return nil
	}
	return (*set)[name]
}

// find returns the key of a name. For an unknown name it uses a key set requested after the token came, so that the
// first token of a new key passes. All waiting calls share one request.
func (k *keys) find(ctx context.Context, name string) (*key, error) {
	if found := k.known(name); found != nil {
		return found, nil
	}
	if k.waiting.Add(1) > maxWaiting {
		k.waiting.Add(-1)
		return nil, k.unknown(nil)
	}
	defer k.waiting.Add(-1)
	if err := k.freshen(ctx, k.clock.Now()); err != nil {
		return nil, k.unknown(err)
	}
	if found := k.known(name); found != nil {
		return found, nil
	}
	return nil, errUnknownKey
}

// unknown separates a key that is not published from keys that were never fetched.
func (k *keys) unknown(err error) error {
	if k.current.Load() == nil {
		return unavailable(err)
	}
	return errors.Join(errUnknownKey, err)
}

// freshen returns once a fetch has ended that was not begun before since.
func (k *keys) freshen(ctx context.Context, since time.Time) error {
	for {
		f, wait := k.join(ctx, since)
		if wait > 0 {
			if err := k.pause(ctx, wait); err != nil {
				return err
			}
			continue
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for the issuer's keys: %w", ctx.Err())
		}
		if !f.begun.Before(since) {
			return f.err
		}
	}
}

// join is the fetch to wait for: the last one when it is late enough or still runs, else a new one. While none may be begun
// yet there is none, and wait says for how long.
func (k *keys) join(ctx context.Context, since time.Time) (f *fetch, wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock.Now()
	if k.last != nil {
		if !k.last.begun.Before(since) || !k.last.ended() {
			return k.last, 0
		}
		if wait := k.floor - now.Sub(k.last.begun); wait > 0 {
			return nil, wait
		}
	}
	k.last = &fetch{begun: now, done: make(chan struct{})}
	// The first caller may leave; the others still wait for the response.
	go k.run(context.WithoutCancel(ctx), k.last)
	return k.last, 0
}

func (f *fetch) ended() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

func (k *keys) run(ctx context.Context, f *fetch) {
	defer close(f.done)
	set, err := k.get(ctx)
	if err == nil {
		k.current.Store(&set)
	}
	f.err = err
}

// get requests the keys. The earlier keys stay when it fails.
func (k *keys) get(ctx context.Context) (keySet, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for the issuer's keys: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := k.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for the issuer's keys: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask for the issuer's keys: it responds with %s", resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read the issuer's keys: %w", err)
	}
	var before keySet
	if old := k.current.Load(); old != nil {
		before = *old
	}
	return readKeys(data, before)
}

func (k *keys) pause(ctx context.Context, d time.Duration) error {
	t := k.clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
