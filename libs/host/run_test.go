package host

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/low-layer/platform/libs/clock"
)

func TestLoop_passFails_nextPassTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := &Host{Options: Options{Clock: clock.Real(), Logger: slog.New(slog.NewTextHandler(&log, nil))}}
		begin, at := time.Now(), []time.Duration{}
		ctx, stop := context.WithCancel(t.Context())
		h.Loop(Loop{Name: "test", Every: time.Minute, Pass: func(context.Context) (int, error) {
			at = append(at, time.Since(begin))
			switch len(at) {
			case 2:
				return 0, errors.New("a failure")
			case 3:
				stop()
			}
			return 1, nil
		}})
		if err := runAll(ctx, h.parts); err != nil {
			t.Fatal(err)
		}
		if len(at) != 3 || at[0] != 0 {
			t.Fatalf("passes at %v", at)
		}
		for i, gap := range []time.Duration{at[1] - at[0], at[2] - at[1]} {
			if gap < 45*time.Second || gap > 75*time.Second+1 {
				t.Errorf("pause %d is %s", i, gap)
			}
		}
		for _, says := range []string{"a failure", "loop=test", "found work"} {
			if !strings.Contains(log.String(), says) {
				t.Errorf("%q is not in %s", says, log.String())
			}
		}
	})
}

func TestLoop_late_skipsThePassAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Host{Options: Options{Clock: clock.Real(), Logger: slog.New(slog.DiscardHandler)}}
		begin := time.Now()
		ctx, stop := context.WithCancel(t.Context())
		h.Loop(Loop{Name: "test", Every: time.Minute, Late: true, Pass: func(context.Context) (int, error) { stop(); return 0, nil }})
		if err := runAll(ctx, h.parts); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begin); waited < 45*time.Second {
			t.Errorf("the first pass came after %s", waited)
		}
	})
}

func TestRunAll_partFails_endsTheOthersWithItsError(t *testing.T) {
	broken := errors.New("broken")
	waits := func(ctx context.Context) error { <-ctx.Done(); return nil }
	err := runAll(t.Context(), []part{{"one", waits}, {"two", func(context.Context) error { return broken }}})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "two: ") {
		t.Errorf("got %v", err)
	}
}

func TestRunAll_contextEnds_returnsNil(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := runAll(ctx, []part{{"one", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}}); err != nil {
		t.Error(err)
	}
}

func TestClose_closersRunInReverse(t *testing.T) {
	var order []int
	h := &Host{}
	for i := range 3 {
		h.OnClose(func() error { order = append(order, i); return nil })
	}
	if err := errors.Join(h.Close(), h.Close()); err != nil || len(order) != 3 || order[0] != 2 {
		t.Errorf("%v %v", order, err)
	}
}
