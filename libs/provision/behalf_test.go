package provision_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/audit/behalf"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

// Steps know on whose behalf they work, in another process and after a restart too; nobody's work is nobody's, but for a removal whose
// time has come, which is on behalf of whoever asked for the deletion.
func TestBehalf_stepsRun_onBehalfOfTheCallerOfTheChange(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	var seen []string
	r.cfg.StepContext = func(ctx context.Context, _ *provision.Run) context.Context {
		mu.Lock()
		defer mu.Unlock()
		a, _ := behalf.Of(ctx)
		seen = append(seen, string(a.Kind)+" "+a.Subject)
		return ctx
	}
	order := func(subject string, do func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error)) {
		t.Helper()
		ctx := t.Context()
		if subject != "" {
			ctx = identity.With(ctx, &identity.Principal{Subject: subject})
		}
		var op *provision.Operation
		e := r.idle()
		if err := pg.InTx(ctx, r.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
			op, err = do(ctx, tx, e)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		e, stop := r.run()
		r.succeeds(e, op)
		stop()
	}
	want := func(what, who string) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if got := slices.Compact(slices.Sorted(slices.Values(seen))); len(got) != 1 || got[0] != who {
			t.Errorf("%s: on behalf of %q, want %q", what, got, who)
		}
		seen = nil
	}
	create := func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error) {
		return cloudfake.Create(ctx, tx, e, r.uid, cloudfake.Spec{})
	}
	order("ada", create)
	want("a creation", "USER ada")
	order("", func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error) {
		return cloudfake.Update(ctx, tx, e, r.uid, cloudfake.Spec{Size: 3})
	})
	want("a change that nobody ordered", " ")
	// A deletion that keeps everything for now, by bob; the removal is of no call.
	order("bob", func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error) {
		return e.Accept(ctx, tx, cloudfake.Change(r.uid, "delete", provision.Deleting))
	})
	mu.Lock()
	seen = nil
	mu.Unlock()
	order("", func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error) {
		return cloudfake.Delete(ctx, tx, e, r.uid)
	})
	want("a removal whose time has come", "USER bob")
}
