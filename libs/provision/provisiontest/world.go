// Package provisiontest proves that a kind of resource survives what a cloud and a process can do to it. Run takes a kind
// through its life again and again: with every step repeated, failing, blocked and healed, with the process killed at
// every commit, with responses lost after the work was done, with lists that lag behind, with every removal asked for twice.
// Each time the cloud must hold exactly what an undisturbed life leaves in it, and after the deletion nothing.
//
// The faults are put around the kind's own functions, so the suite works with any cloud: a fake, the simulator, a real one.
package provisiontest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/receipt"
)

// World is what one life of a resource happens in: a database, a cloud, and one resource in it. Nothing is shared between
// two worlds.
type World struct {
	Service string
	Pool    *pgxpool.Pool
	// Kinds are those of the service; Kind names the one under test.
	Kinds []provision.AnyKind
	Kind  string
	// Create, Update and Delete record a change of the one resource as the service's API does, in the transaction: spec row
	// and Engine.Accept. Update may be nil when nothing of the kind can be changed.
	Create, Update, Delete func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error)
	// Inventory is what the cloud holds of the resource: one line an object, without ids or anything else that is not the
	// same in two lives. Objects older than the resource are not part of it.
	Inventory func(ctx context.Context) ([]string, error)
	// StepContext is handed to the engine.
	StepContext func(context.Context, *provision.Run) context.Context
}

// Suite is the kind under test.
type Suite struct {
	// World makes a fresh world.
	World func(t *testing.T) World
	// Patience is how long one operation may take: 30 s.
	Patience time.Duration
	// Settle is how long the cloud's lists lag: 30 ms.
	Settle time.Duration
	// Skip names the steps that a fault cannot be put into, with the reason. May be nil.
	Skip map[string]string
}

// life is one run through a world.
type life struct {
	t     *testing.T
	suite Suite
	world World
	// kill has the next engine die there; nil for none.
	kill func(provision.Point) bool
	// signer is the key of the life's receipts, whichever engine signs them.
	signer *receipt.Signer
}

func (s Suite) begin(t *testing.T) *life {
	t.Helper()
	s.Patience = cmp.Or(s.Patience, 30*time.Second)
	s.Settle = cmp.Or(s.Settle, 30*time.Millisecond)
	return &life{t: t, suite: s, world: s.World(t)}
}

// intercept puts a fault into the steps and the objects of the kind under test.
func (l *life) intercept(step func(*provision.Step), object func(*provision.Object)) {
	i := slices.IndexFunc(l.world.Kinds, func(k provision.AnyKind) bool { return k.KindName() == l.world.Kind })
	if i < 0 {
		l.t.Fatalf("the world has no kind %q", l.world.Kind)
	}
	l.world.Kinds[i] = provision.Intercept(l.world.Kinds[i], step, object)
}

// change records a change.
func (l *life) change(e *provision.Engine, do func(context.Context, pgx.Tx, *provision.Engine) (*provision.Operation, error)) *provision.Operation {
	l.t.Helper()
	var op *provision.Operation
	err := pg.InTx(l.t.Context(), l.world.Pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		op, err = do(ctx, tx, e)
		return err
	})
	if err != nil {
		l.t.Fatalf("record change: %v", err)
	}
	return op
}

// finish waits for the operation's success.
func (l *life) finish(e *provision.Engine, op *provision.Operation) {
	l.t.Helper()
	deadline := time.Now().Add(l.suite.Patience)
	for {
		got, err := e.Wait(l.t.Context(), op.Tenant, op.ID, time.Until(deadline))
		if err != nil {
			l.t.Fatalf("wait for %s: %v", op.Verb, err)
		}
		if got.State == provision.OperationSucceeded {
			l.proven(e, got)
			return
		}
		if got.Done() || time.Now().After(deadline) {
			l.t.Fatalf("%s ended as %s; %s", op.Verb, got.State, describe(got))
		}
	}
}

// blocked waits until the resource is blocked by the step.
func (l *life) blocked(e *provision.Engine, op *provision.Operation, step string) {
	l.t.Helper()
	l.until(op.Verb+" to be blocked by "+step, func() (bool, string) {
		got, err := e.Get(l.t.Context(), op.Tenant, op.ID)
		if err != nil {
			l.t.Fatalf("read operation: %v", err)
		}
		return got.Blockage != nil && got.Blockage.Step == step, describe(got)
	})
}

// until polls a condition; the engine gives no signal of what it does inside an operation.
func (l *life) until(what string, condition func() (bool, string)) {
	l.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(l.suite.Patience)
	for {
		ok, seen := condition()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("waited in vain for %s; %s", what, seen)
		}
		<-tick.C
	}
}

// inventory is what the cloud holds, sorted.
func (l *life) inventory() []string {
	l.t.Helper()
	lines, err := l.world.Inventory(l.t.Context())
	if err != nil {
		l.t.Fatalf("take inventory: %v", err)
	}
	slices.Sort(lines)
	return lines
}

func (l *life) holds(want []string) {
	l.t.Helper()
	if got := l.inventory(); !slices.Equal(got, want) {
		l.t.Fatalf("the cloud holds\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// owned checks the ledger: it knows one object for each that is in the cloud, none surplus.
func (l *life) owned(e *provision.Engine) int {
	l.t.Helper()
	n := 0
	err := e.Objects(l.t.Context(), l.world.Kind, func(page []provision.OwnedObject) error {
		for _, o := range page {
			if o.Surplus {
				l.t.Errorf("the ledger still has a surplus %s %s of step %s", o.Type, o.ID, o.Step)
			}
			n++
		}
		return nil
	})
	if err != nil {
		l.t.Fatalf("read ledger: %v", err)
	}
	return n
}

func describe(op *provision.Operation) string {
	var b strings.Builder
	b.WriteString("operation " + op.ID + " is " + string(op.State))
	if op.Blockage != nil {
		b.WriteString(", blocked by " + op.Blockage.Step + ": " + op.Blockage.Reason + ": " + op.Blockage.Message)
	}
	for _, s := range op.Steps {
		b.WriteString("\n\t" + s.Name + " " + string(s.State) + " " + s.Message)
	}
	return b.String()
}
