package openstack

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/low-layer/platform/libs/clock"
)

const (
	readAttempts  = 4
	firstPause    = 200 * time.Millisecond
	longestPause  = 5 * time.Second
	maxRetryAfter = time.Minute
	drainLimit    = 64 << 10
)

// retryTransport repeats reads that failed for a reason that passes. Writes go through once.
type retryTransport struct {
	next  http.RoundTripper
	clock clock.Clock
}

// RoundTrip implements http.RoundTripper.
func (t *retryTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !isRead(req.Method) {
		return t.next.RoundTrip(req)
	}
	for attempt := 1; ; attempt++ {
		resp, err := t.next.RoundTrip(req)
		if attempt == readAttempts || !passing(req.Context(), resp, err) {
			return resp, err
		}
		pause := pauseBefore(attempt)
		if resp != nil {
			if asked, ok := retryAfter(resp.Header, t.clock.Now()); ok {
				pause = asked
			}
		}
		if !t.mayWait(req.Context(), pause) {
			return resp, err
		}
		if resp != nil {
			// The rest of the body matters only to the reuse of the connection.
			_ = drain(resp)
		}
		if err := t.wait(req.Context(), pause); err != nil {
			return nil, err
		}
	}
}

// passing is true for what a repetition may cure.
func passing(ctx context.Context, resp *http.Response, err error) bool {
	if err != nil {
		return ctx.Err() == nil && !errors.Is(err, errCallTimeout)
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// mayWait is false when the caller's deadline ends sooner: the response at hand is worth more than a deadline error.
func (t *retryTransport) mayWait(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > pause
}

func (t *retryTransport) wait(ctx context.Context, pause time.Duration) error {
	timer := t.clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C():
		return nil
	}
}

func pauseBefore(attempt int) time.Duration {
	ceiling := min(firstPause<<(attempt-1), longestPause)
	return ceiling/2 + rand.N(ceiling/2)
}

// retryAfter reads the header in both its forms, and bounds it: a number from outside puts nothing off for a day.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	value := h.Get("Retry-After")
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return bounded(seconds), true
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter), true
	}
	return 0, false
}

// bounded is a number of seconds from outside.
func bounded(seconds uint64) time.Duration {
	return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
}

func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// drain reads an unused response, so that its connection can be used again.
func drain(resp *http.Response) error {
	_, err := io.CopyN(io.Discard, resp.Body, drainLimit)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, resp.Body.Close())
}

func joinClose(err error, resp *http.Response) error {
	return errors.Join(err, resp.Body.Close())
}

// closeUnsent closes the body of a request that is not sent, as a RoundTripper must.
func closeUnsent(req *http.Request, err error) error {
	if req.Body == nil {
		return err
	}
	return errors.Join(err, req.Body.Close())
}
