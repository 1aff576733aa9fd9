package reconcile_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/services/tenant/internal/reconcile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLoop passes at once and at every turn, and goes on after a failure.
func TestLoop(t *testing.T) {
	now := clock.NewFake(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	passes := make(chan int)
	n := 0
	var log strings.Builder
	loop := reconcile.Loop{
		Name: "test", Every: time.Minute, Clock: now, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Pass: func(context.Context) (int, error) {
			n++
			passes <- n
			if n == 2 {
				return 0, errors.New("a failure")
			}
			return n, nil
		},
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); loop.Run(ctx) }()
	for want := 1; want <= 3; want++ {
		if got := <-passes; got != want {
			t.Fatalf("pass %d, want %d", got, want)
		}
		now.BlockUntil(1)
		now.Advance(time.Minute)
	}
	<-passes
	stop()
	<-ended
	if !strings.Contains(log.String(), "a failure") {
		t.Errorf("the failure was not logged: %s", log.String())
	}
}
