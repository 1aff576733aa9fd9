package provision_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

// weather is what the cloud and the process do wrong, in the order it was drawn.
type weather struct {
	mu    sync.Mutex
	storm []string // faults of the next calls
	stale map[string]int
	kill  *provision.Point
}

func (w *weather) next() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.storm) == 0 {
		return ""
	}
	s := w.storm[0]
	w.storm = w.storm[1:]
	return s
}

func (w *weather) before(_ context.Context, call, _, _ string) error {
	if call == "list" {
		return nil
	}
	switch s := w.next(); s {
	case "", "fine":
		return nil
	case "lost":
		w.mu.Lock()
		w.storm = append([]string{"!lost"}, w.storm...)
		w.mu.Unlock()
		return nil
	case "!lost":
		return nil
	default:
		return errs.New(errs.Unavailable, s, "no luck; it is tried again")
	}
}

// after loses the answer of the call that "lost" befell, or of one beside it: which does not matter.
func (w *weather) after(_, _, name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.storm) == 0 || w.storm[0] != "!lost" {
		return nil
	}
	w.storm = w.storm[1:]
	w.stale[name] = 1
	err := errs.New(errs.DeadlineExceeded, "CLOUD_TIMEOUT", "no answer; it is tried again")
	err.Ambiguous = true
	return err
}

func (w *weather) blind(_, name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stale[name]--
	return w.stale[name] >= 0
}

func (w *weather) deadly(p provision.Point) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kill == nil || w.kill.When != p.When || (w.kill.Step != "" && w.kill.Step != p.Step) {
		return false
	}
	w.kill = nil
	return true
}

func (w *weather) set(storm []string, kill *provision.Point) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.storm, w.kill = storm, kill
}

// life is one garden in bad weather.
type life struct {
	*rig
	t       *rapid.T
	w       *weather
	engine  *provision.Engine
	crashed chan struct{}
	stop    func()
	last    *provision.Operation
	spec    cloudfake.Spec
	exists  bool
	ending  bool
}

// After any sequence of changes, faults and deaths the cloud holds exactly one of each wanted object, and none after the
// deletion.
func TestAnyLife(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f != nil && f.Value.String() == f.DefValue {
		if err := flag.Set("rapid.checks", "30"); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t)
	rapid.Check(t, func(rt *rapid.T) {
		r.uid = cloudfake.NewUID()
		l := &life{rig: r, t: rt, w: &weather{stale: make(map[string]int)}}
		r.cloud.Fault(l.w.before)
		r.cloud.After(l.w.after)
		r.cloud.Stale(l.w.blind)
		l.start()
		defer func() { l.stop() }()
		for range rapid.IntRange(1, 7).Draw(rt, "events") {
			l.event()
		}
		l.clear()
		l.check()
	})
}

func (l *life) start() {
	cfg := l.cfg
	cfg.Kinds = []provision.AnyKind{l.kind}
	crashed := make(chan struct{})
	var once sync.Once
	cfg.Failpoint = func(p provision.Point) {
		if p.UID == l.uid && l.w.deadly(p) {
			once.Do(func() { close(crashed) })
			panic(provision.Crash{Point: p})
		}
	}
	e, err := provision.New(cfg)
	if err != nil {
		l.t.Fatalf("build engine: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	l.engine, l.crashed = e, crashed
	l.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, provision.ErrCrashed) {
			l.t.Errorf("engine: %v", err)
		}
	})
}

// revive puts another engine in the place of one that died.
func (l *life) revive() {
	select {
	case <-l.crashed:
		l.stop()
		// The lease is long enough for a busy machine; that of the dead ends here.
		l.exec(`UPDATE provision_resources SET lease_until = clock_timestamp() WHERE uid = $1`, l.uid)
		l.start()
	default:
	}
}

var (
	storms = rapid.SliceOfN(rapid.SampledFrom([]string{"fine", "fine", "lost", "CLOUD_UNAVAILABLE", "CLOUD_CONFLICT", "CLOUD_QUOTA_EXCEEDED"}), 0, 6)
	specs  = rapid.Custom(func(t *rapid.T) cloudfake.Spec {
		return cloudfake.Spec{
			Size: rapid.IntRange(1, 3).Draw(t, "size"),
			Beds: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID).Draw(t, "beds"),
		}
	})
)

func (l *life) event() {
	l.revive()
	var kill *provision.Point
	if rapid.Bool().Draw(l.t, "deadly") {
		kill = &provision.Point{
			When: rapid.SampledFrom(provision.Moments()).Draw(l.t, "when"),
			Step: rapid.SampledFrom([]string{"", "soil", "fence", "gate", "path", "water", "sign"}).Draw(l.t, "where"),
		}
	}
	l.w.set(storms.Draw(l.t, "storm"), kill)
	switch rapid.SampledFrom([]string{"change", "change", "change", "delete", "cancel", "wait"}).Draw(l.t, "event") {
	case "change":
		l.change(specs.Draw(l.t, "spec"))
	case "delete":
		l.remove()
	case "cancel":
		if l.last != nil {
			if err := l.engine.Cancel(context.Background(), l.last.Tenant, l.last.ID); err != nil && errs.ReasonOf(err) != "OPERATION_DONE" && errs.ReasonOf(err) != "OPERATION_NOT_CANCELLABLE" {
				l.t.Fatalf("cancel: %v", err)
			}
		}
	case "wait":
		l.await()
	}
}

// await lets the last operation come to its end, or the engine to its own.
func (l *life) await() {
	if l.last == nil {
		return
	}
	l.until("the end of an operation or of the engine", func() bool {
		select {
		case <-l.crashed:
			return true
		default:
			return l.get(l.engine, l.last).Done()
		}
	})
}

func (l *life) record(do func(ctx context.Context, tx pgx.Tx) (*provision.Operation, error)) error {
	return pg.InTx(context.Background(), l.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		op, err := do(ctx, tx)
		if err == nil {
			l.last = op
		}
		return err
	})
}

func (l *life) change(s cloudfake.Spec) {
	if l.gone() {
		l.exists, l.ending = false, false
	}
	if l.ending {
		return
	}
	err := l.record(func(ctx context.Context, tx pgx.Tx) (*provision.Operation, error) {
		if l.exists {
			return cloudfake.Update(ctx, tx, l.engine, l.uid, s)
		}
		return cloudfake.Create(ctx, tx, l.engine, l.uid, s)
	})
	if err != nil {
		l.t.Fatalf("change: %v", err)
	}
	l.exists, l.spec = true, s
}

func (l *life) remove() {
	if !l.exists || l.gone() {
		return
	}
	err := l.record(func(ctx context.Context, tx pgx.Tx) (*provision.Operation, error) {
		return cloudfake.Delete(ctx, tx, l.engine, l.uid)
	})
	// The deletion before this one may have ended in between; then this is a resource without a spec, which goes again.
	if err != nil {
		l.t.Fatalf("delete: %v", err)
	}
	l.ending = true
}

func (l *life) gone() bool {
	return l.ending && l.rig.succeeded(l.last)
}

func (r *rig) succeeded(op *provision.Operation) bool {
	return query[string](r, `SELECT state FROM provision_operations WHERE id = $1`, op.ID) == "SUCCEEDED"
}

// clear ends the bad weather.
func (l *life) clear() {
	l.w.set(nil, nil)
	l.revive()
}

func (l *life) check() {
	if !l.ending {
		l.change(specs.Draw(l.t, "last spec"))
		l.ends()
		if !l.succeeded(l.last) {
			l.t.Fatalf("%s did not succeed: %+v", l.last.Verb, l.get(l.engine, l.last))
		}
		l.exactly(l.spec)
		l.remove()
	}
	l.ends()
	if !l.succeeded(l.last) {
		// It was cancelled: a deletion that is asked for again ends.
		l.remove()
		l.ends()
	}
	if left := l.left(); len(left) != 0 {
		l.t.Fatalf("after the deletion the cloud holds %v", left)
	}
	if n := query[int](l.rig, `SELECT count(*) FROM provision_ledger WHERE resource_uid = $1`, l.uid); n != 0 {
		l.t.Fatalf("after the deletion the ledger has %d lines", n)
	}
}

// ends waits for the last operation's end. The engine may still die of the weather before.
func (l *life) ends() {
	l.until("the end of "+l.last.Verb, func() bool {
		l.revive()
		return l.get(l.engine, l.last).Done()
	})
}

func (l *life) left() []string {
	var out []string
	for _, o := range l.cloud.Held("", "") {
		if name, ok := strings.CutPrefix(o.Name, l.uid+"/"); ok {
			out = append(out, name)
		}
	}
	return out
}

func (l *life) exactly(s cloudfake.Spec) {
	want := make(map[string]bool)
	for _, name := range whole {
		want[name] = true
	}
	for _, bed := range s.Beds {
		want["bed-"+bed] = true
	}
	left := l.left()
	if len(left) != len(want) {
		l.t.Fatalf("the cloud holds %v, want %v", left, want)
	}
	for _, name := range left {
		if !want[name] {
			l.t.Fatalf("the cloud holds %v, want %v", left, want)
		}
	}
	for _, o := range l.cloud.Held("", "") {
		size, sized := o.Attributes["size"]
		if strings.HasPrefix(o.Name, l.uid+"/") && sized && size != fmt.Sprint(s.Size) {
			l.t.Fatalf("%s has size %s, want %d", o.Name, size, s.Size)
		}
	}
}
