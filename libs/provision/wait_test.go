package provision_test

import (
	"context"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

func TestWait(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	come, release := r.hold("create", "gate")
	op := r.create(e, cloudfake.Spec{})
	r.comes(come)

	begun := time.Now()
	got, err := e.Wait(t.Context(), op.Tenant, op.ID, 30*time.Millisecond)
	if err != nil || got.Done() || time.Since(begun) < 30*time.Millisecond {
		t.Errorf("short wait: done %t after %s, %v", got.Done(), time.Since(begun), err)
	}
	_, err = e.Wait(t.Context(), "other", op.ID, time.Second)
	wantReason(t, err, "OPERATION_NOT_FOUND")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Wait(ctx, op.Tenant, op.ID, time.Minute); err == nil {
		t.Error("waited on for a caller that is gone")
	}

	// Another process hears of the end as well; one without a listener looks for itself.
	other, _ := r.run()
	ended := make(chan error, 2)
	for _, w := range []interface {
		Wait(context.Context, string, string, time.Duration) (*provision.Operation, error)
	}{other, r.idle()} {
		go func() {
			got, err := w.Wait(context.Background(), op.Tenant, op.ID, patience)
			if err == nil && !got.Done() {
				err = context.DeadlineExceeded
			}
			ended <- err
		}()
	}
	release()
	for range 2 {
		if err := <-ended; err != nil {
			t.Errorf("wait: %v", err)
		}
	}
	// An operation that is done already is returned at once, with no time at all.
	if got, err := e.Wait(t.Context(), op.Tenant, op.ID, 0); err != nil || !got.Done() {
		t.Errorf("wait for what is done: %v", err)
	}
}

// The listener comes back after its connection was cut.
func TestListenerReconnects(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{}))
	listening := `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN provision%' AND datname = current_database()`
	r.until("the listener", func() bool { return query[int](r, listening) == 1 })
	r.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN provision%' AND datname = current_database()`)
	r.until("the listener to be gone", func() bool { return query[int](r, listening) == 0 })
	r.until("the listener to be back", func() bool { return query[int](r, listening) == 1 })
	r.succeeds(e, r.update(e, cloudfake.Spec{Size: 2}))
}
