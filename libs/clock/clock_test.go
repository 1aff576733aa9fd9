package clock_test

import (
	"testing"
	"time"

	"github.com/low-layer/platform/libs/clock"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func fired(t clock.Timer) bool {
	select {
	case <-t.C():
		return true
	default:
		return false
	}
}

func TestFake_timer_firesInTime(t *testing.T) {
	c := clock.NewFake(start)
	early, late := c.NewTimer(time.Second), c.NewTimer(time.Minute)
	c.Advance(999 * time.Millisecond)
	if fired(early) {
		t.Fatal("fired early")
	}
	c.Advance(time.Millisecond)
	if !fired(early) || fired(late) {
		t.Fatal("want the first timer only")
	}
	if got := c.Now(); !got.Equal(start.Add(time.Second)) {
		t.Errorf("the clock stands at %v", got)
	}
}

func TestFake_zeroTimer_firesAtOnce(t *testing.T) {
	if !fired(clock.NewFake(start).NewTimer(0)) {
		t.Error("did not fire")
	}
}

func TestStop(t *testing.T) {
	c := clock.NewFake(start)
	timer := c.NewTimer(time.Second)
	if !timer.Stop() {
		t.Error("it was pending")
	}
	c.Advance(time.Hour)
	if fired(timer) || timer.Stop() {
		t.Error("a stopped timer fired or was stopped twice")
	}
}

func TestBlockUntil_timer_isAwaited(t *testing.T) {
	c := clock.NewFake(start)
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-c.NewTimer(time.Second).C()
	}()
	c.BlockUntil(1)
	c.Advance(time.Second)
	<-done
}

func TestReal_isUTC_andFires(t *testing.T) {
	c := clock.Real()
	if c.Now().Location() != time.UTC {
		t.Error("not in UTC")
	}
	<-c.NewTimer(time.Microsecond).C()
	if !c.NewTimer(time.Hour).Stop() {
		t.Error("an hour has not passed")
	}
}
