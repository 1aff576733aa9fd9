package provision_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a database, a cloud and a garden.
type rig struct {
	t     testing.TB
	pool  *pgxpool.Pool
	cloud *cloudfake.Cloud
	kind  provision.Kind[cloudfake.Spec]
	cfg   provision.Config
	uid   string
}

func newRig(t testing.TB) *rig {
	t.Helper()
	cloud := cloudfake.New()
	r := &rig{t: t, pool: pgtest.Database(t, cloudfake.Migrations()...), cloud: cloud, kind: (&cloudfake.Garden{Cloud: cloud}).Kind(), uid: cloudfake.NewUID()}
	r.cfg = provision.Config{
		Service: "garden", Pool: r.pool, Lease: 2 * time.Second, Sweep: 50 * time.Millisecond,
		Settle: 20 * time.Millisecond, Pace: 0.01, Logger: slog.New(slog.DiscardHandler),
	}
	return r
}

// idle builds an engine that does not run.
func (r *rig) idle() *provision.Engine {
	r.t.Helper()
	cfg := r.cfg
	if cfg.Kinds == nil {
		cfg.Kinds = []provision.AnyKind{r.kind}
	}
	e, err := provision.New(cfg)
	if err != nil {
		r.t.Fatalf("build engine: %v", err)
	}
	return e
}

// run starts an engine; stop waits for its end.
func (r *rig) run() (e *provision.Engine, stop func()) {
	r.t.Helper()
	e = r.idle()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, provision.ErrCrashed) {
			r.t.Errorf("engine: %v", err)
		}
	}
	r.t.Cleanup(stop)
	return e, stop
}

func (r *rig) tx(do func(ctx context.Context, tx pgx.Tx) error) {
	r.t.Helper()
	if err := pg.InTx(r.t.Context(), r.pool, do); err != nil {
		r.t.Fatalf("transaction: %v", err)
	}
}

func (r *rig) create(e *provision.Engine, s cloudfake.Spec) (op *provision.Operation) {
	r.t.Helper()
	r.tx(func(ctx context.Context, tx pgx.Tx) (err error) {
		op, err = cloudfake.Create(ctx, tx, e, r.uid, s)
		return err
	})
	return op
}

func (r *rig) update(e *provision.Engine, s cloudfake.Spec) (op *provision.Operation) {
	r.t.Helper()
	r.tx(func(ctx context.Context, tx pgx.Tx) (err error) {
		op, err = cloudfake.Update(ctx, tx, e, r.uid, s)
		return err
	})
	return op
}

func (r *rig) delete(e *provision.Engine) (op *provision.Operation) {
	r.t.Helper()
	r.tx(func(ctx context.Context, tx pgx.Tx) (err error) {
		op, err = cloudfake.Delete(ctx, tx, e, r.uid)
		return err
	})
	return op
}

// done waits for the operation's end, whichever it is.
func (r *rig) done(e *provision.Engine, op *provision.Operation) *provision.Operation {
	r.t.Helper()
	got, err := e.Wait(r.t.Context(), op.Tenant, op.ID, patience)
	if err != nil {
		r.t.Fatalf("wait for %s: %v", op.Verb, err)
	}
	if !got.Done() {
		r.t.Fatalf("%s did not end: %+v", op.Verb, got)
	}
	return got
}

func (r *rig) succeeds(e *provision.Engine, op *provision.Operation) *provision.Operation {
	r.t.Helper()
	got := r.done(e, op)
	if got.State != provision.OperationSucceeded {
		r.t.Fatalf("%s ended as %s: %v", op.Verb, got.State, got.Error)
	}
	return got
}

// until polls a condition in the database.
func (r *rig) until(what string, condition func() bool) {
	r.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain for %s", what)
		}
		<-tick.C
	}
}

func (r *rig) get(e *provision.Engine, op *provision.Operation) *provision.Operation {
	r.t.Helper()
	got, err := e.Get(r.t.Context(), op.Tenant, op.ID)
	if err != nil {
		r.t.Fatalf("read operation: %v", err)
	}
	return got
}

// query reads one value.
func query[T any](r *rig, sql string, args ...any) T {
	r.t.Helper()
	rows, err := r.pool.Query(r.t.Context(), sql, args...)
	if err != nil {
		r.t.Fatalf("query: %v", err)
	}
	v, err := pgx.CollectOneRow(rows, pgx.RowTo[T])
	if err != nil {
		r.t.Fatalf("query %s: %v", sql, err)
	}
	return v
}

func (r *rig) exec(sql string, args ...any) {
	r.t.Helper()
	if _, err := r.pool.Exec(r.t.Context(), sql, args...); err != nil {
		r.t.Fatalf("exec %s: %v", sql, err)
	}
}

func (r *rig) state() string {
	r.t.Helper()
	return query[string](r, `SELECT state FROM provision_resources WHERE uid = $1`, r.uid)
}

// events are what the service was told, in order.
func (r *rig) events() []string {
	r.t.Helper()
	rows, err := r.pool.Query(r.t.Context(), `SELECT outcome || ' ' || state FROM garden_events ORDER BY seq`)
	if err != nil {
		r.t.Fatalf("query: %v", err)
	}
	events, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		r.t.Fatalf("query: %v", err)
	}
	return events
}

// holds checks that the cloud holds one object for each of the names, and nothing else.
func (r *rig) holds(names ...string) {
	r.t.Helper()
	var got []string
	for _, o := range r.cloud.Held("", "") {
		got = append(got, strings.TrimPrefix(o.Name, r.uid+"/"))
	}
	slices.Sort(got)
	slices.Sort(names)
	if !slices.Equal(got, names) {
		r.t.Fatalf("the cloud holds %v, want %v", got, names)
	}
}

// hold makes one call of the cloud wait. The channel receives when the call has come.
func (r *rig) hold(call, name string) (come <-chan struct{}, release func()) {
	arrived, let := make(chan struct{}, 16), make(chan struct{})
	r.cloud.Fault(func(ctx context.Context, c, _, n string) error {
		if c != call || n != r.uid+"/"+name {
			return nil
		}
		arrived <- struct{}{}
		select {
		case <-let:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	released := false
	release = func() {
		if !released {
			released = true
			close(let)
		}
	}
	r.t.Cleanup(release)
	return arrived, release
}

func (r *rig) comes(c <-chan struct{}) {
	r.t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		r.t.Fatal("the call never came")
	}
}

var whole = []string{"soil", "fence", "gate", "path", "water"}
