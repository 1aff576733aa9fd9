// Package clock is time behind an interface, so that tests move it and nothing sleeps. Real is the system's; Fake stands
// still until it is advanced.
package clock

import (
	"sync"
	"time"
)

// Clock returns the time and wakes after a while.
type Clock interface {
	// Now is the time, in UTC.
	Now() time.Time
	// NewTimer fires once, d from now; at once when d is not positive.
	NewTimer(d time.Duration) Timer
}

// Timer is one wake-up.
type Timer interface {
	// C receives the time when the timer fires.
	C() <-chan time.Time
	// Stop keeps the timer from firing and reports whether it was still pending.
	Stop() bool
}

// Real is the system's clock.
func Real() Clock { return realClock{} }

type realClock struct{}

func (realClock) Now() time.Time { return time.Now().UTC() }

func (realClock) NewTimer(d time.Duration) Timer { return realTimer{time.NewTimer(d)} }

type realTimer struct{ t *time.Timer }

func (t realTimer) C() <-chan time.Time { return t.t.C }

func (t realTimer) Stop() bool { return t.t.Stop() }

// Fake is a clock that tests move. It is safe for use by several goroutines.
type Fake struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*fakeTimer]struct{}
	added  chan struct{}
}

// NewFake makes a clock that stands at t.
func NewFake(t time.Time) *Fake {
	return &Fake{now: t.UTC(), timers: make(map[*fakeTimer]struct{}), added: make(chan struct{})}
}

// Now is where the clock stands.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// NewTimer fires when the clock is advanced to d from now or past it.
func (f *Fake) NewTimer(d time.Duration) Timer {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := &fakeTimer{clock: f, at: f.now.Add(d), c: make(chan time.Time, 1)}
	if d <= 0 {
		t.c <- f.now
		return t
	}
	f.timers[t] = struct{}{}
	close(f.added)
	f.added = make(chan struct{})
	return t
}

// Advance moves the clock and fires what is due.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
	for t := range f.timers {
		if !t.at.After(f.now) {
			t.c <- f.now
			delete(f.timers, t)
		}
	}
}

// BlockUntil waits until at least n timers are pending, so that a test advances the clock only after its subject waits.
func (f *Fake) BlockUntil(n int) {
	for {
		f.mu.Lock()
		if len(f.timers) >= n {
			f.mu.Unlock()
			return
		}
		added := f.added
		f.mu.Unlock()
		<-added
	}
}

type fakeTimer struct {
	clock *Fake
	at    time.Time
	c     chan time.Time
}

func (t *fakeTimer) C() <-chan time.Time { return t.c }

func (t *fakeTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, pending := t.clock.timers[t]
	delete(t.clock.timers, t)
	return pending
}
