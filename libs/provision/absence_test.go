package provision_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

// An engine without a database waits for it, and can be stopped while it does.
func TestDatabaseAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{}, 64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
			select {
			case asked <- struct{}{}:
			default:
			}
		}
	}()
	defer func() { _ = l.Close(); <-done }()
	pool, err := pg.Open(t.Context(), pg.Config{URL: "postgres://nobody@" + l.Addr().String() + "/none?sslmode=disable"})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	e, err := provision.New(provision.Config{Service: "garden", Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	<-asked
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("engine: %v", err)
		}
	case <-time.After(patience):
		t.Error("the engine did not stop")
	}
}

// Connections that are cut in the middle of the work cost time and nothing else.
func TestConnectionsCut(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	for _, step := range []string{"soil", "gate", "water"} {
		r.uid = cloudfake.NewUID()
		come, release := r.hold("create", step)
		op := r.create(e, cloudfake.Spec{})
		r.comes(come)
		r.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()`)
		release()
		var err error
		r.until("the end", func() bool {
			var got *provision.Operation
			got, err = e.Get(t.Context(), op.Tenant, op.ID)
			return err == nil && got.State == provision.OperationSucceeded
		})
		for _, name := range whole {
			if n := len(r.cloud.Held("", r.uid+"/"+name)); n != 1 {
				t.Errorf("%d × %s", n, name)
			}
		}
	}
}

// A service that panics where it settles blocks the resource, and nothing else.
func TestSettledPanics(t *testing.T) {
	r := newRig(t)
	settled, calls := r.kind.Settled, 0
	r.kind.Settled = func(ctx context.Context, tx pgx.Tx, s provision.Settlement) error {
		if calls++; calls < 3 {
			panic("a defect in the service")
		}
		return settled(ctx, tx, s)
	}
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{}))
	r.holds(whole...)
}
