package provision

import (
	"context"
	"sync"
	"time"

	"github.com/low-layer/platform/libs/clock"
)

// waker remembers when this process has to look at a resource again. It is exact and costs nothing while nothing is due,
// and it is no promise: wake_at in the database is, which the sweep reads.
type waker struct {
	clock clock.Clock
	kick  chan struct{}

	mu  sync.Mutex
	due map[string]time.Time
}

func newWaker(c clock.Clock) *waker {
	return &waker{clock: c, kick: make(chan struct{}, 1), due: make(map[string]time.Time)}
}

// at has the resource looked at, at the earlier of the times it was given.
func (w *waker) at(uid string, t time.Time) {
	w.mu.Lock()
	if old, ok := w.due[uid]; !ok || t.Before(old) {
		w.due[uid] = t
	}
	w.mu.Unlock()
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

func (w *waker) run(ctx context.Context, wake func(context.Context, []string)) {
	for {
		uids, next := w.take()
		if len(uids) > 0 {
			wake(ctx, uids)
			continue
		}
		if !w.sleep(ctx, next) {
			return
		}
	}
}

// take removes what is due and tells how long the rest has time; negative when there is none.
func (w *waker) take() ([]string, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	var uids []string
	next := time.Duration(-1)
	for uid, t := range w.due {
		switch d := t.Sub(now); {
		case d <= 0:
			uids = append(uids, uid)
			delete(w.due, uid)
		case next < 0 || d < next:
			next = d
		}
	}
	return uids, next
}

// sleep waits for the time to pass or a new entry; false when ctx has ended.
func (w *waker) sleep(ctx context.Context, d time.Duration) bool {
	var fired <-chan time.Time
	if d >= 0 {
		timer := w.clock.NewTimer(d)
		defer timer.Stop()
		fired = timer.C()
	}
	select {
	case <-ctx.Done():
		return false
	case <-w.kick:
		return true
	case <-fired:
		return true
	}
}
