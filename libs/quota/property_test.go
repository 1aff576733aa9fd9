package quota_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/quota"
)

// deal is what one connection does, drawn before it starts: so many orders of so much, each to its end or given up half way.
type deal struct {
	seed   uint64
	orders []order
}

type order struct {
	vpcs, routers  int64
	commits, keeps bool
	rollsBack      bool
}

func drawDeal(t *rapid.T, i int) deal {
	d := deal{seed: rapid.Uint64().Draw(t, fmt.Sprintf("seed %d", i))}
	d.orders = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order {
		return order{
			vpcs: rapid.Int64Range(1, 3).Draw(t, "vpcs"), routers: rapid.Int64Range(0, 3).Draw(t, "routers"),
			commits: rapid.Bool().Draw(t, "commits"), keeps: rapid.Bool().Draw(t, "keeps"), rollsBack: rapid.IntRange(0, 5).Draw(t, "rolls back") == 0,
		}
	}), 1, 12).Draw(t, fmt.Sprintf("orders %d", i))
	return d
}

// TestLedger_ordersAtOnce_nothingIsOversold: connections reserve, commit, release and roll back at once while an observer looks all the time. No
// moment shows more than the limit, and at the end exactly what was kept is held.
func TestLedger_ordersAtOnce_nothingIsOversold(t *testing.T) {
	var made, refused, looks atomic.Int64
	r := newRig(t, 0)
	rapid.Check(t, func(rt *rapid.T) {
		r.Ledger = quota.New("network", clock.NewFake(epoch), map[string]int64{"vpcs": rapid.Int64Range(1, 12).Draw(rt, "limit of vpcs")})
		r.must(r.tx(func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM quota_reservations`)
			return errors.Join(err, r.Forget(ctx, tx, "acme", tenant))
		}))
		limit := rapid.Int64Range(1, 12).Draw(rt, "limit of routers")
		r.must(r.tx(func(ctx context.Context, tx pgx.Tx) error {
			return r.Set(ctx, tx, "acme", core, map[string]int64{"routers": limit})
		}))
		deals := make([]deal, rapid.IntRange(2, 6).Draw(rt, "connections"))
		for i := range deals {
			deals[i] = drawDeal(rt, i)
		}
		done := make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() { looks.Add(r.watch(rt, done)) })
		kept := make([][]quota.Claim, len(deals))
		var working sync.WaitGroup
		for i, d := range deals {
			working.Go(func() { kept[i] = r.work(rt, i, d, &made, &refused) })
		}
		working.Wait()
		close(done)
		watching.Wait()
		r.settled(rt, slices.Concat(kept...))
	})
	t.Logf("%d orders were taken, %d refused, %d looks", made.Load(), refused.Load(), looks.Load())
	if made.Load() == 0 || refused.Load() == 0 {
		t.Error("the limits never mattered")
	}
}

// watch reads the counts until done is closed, and returns how often.
func (r *rig) watch(rt *rapid.T, done <-chan struct{}) (looks int64) {
	for {
		select {
		case <-done:
			return looks
		default:
		}
		looks++
		var over, wrong int
		err := r.pool.QueryRow(r.t.Context(), `SELECT count(*) FILTER (WHERE l.in_use + l.reserved > l.platform_limit),
			count(*) FILTER (WHERE l.in_use + l.reserved <> (SELECT coalesce(sum(amount), 0) FROM quota_reservations r WHERE r.tenant = l.tenant AND r.place = l.place AND r.resource = l.resource))
			FROM quota_limits l`).Scan(&over, &wrong)
		if err != nil || over > 0 || wrong > 0 {
			rt.Errorf("%d limits are oversold, %d counted wrong, %v", over, wrong, err)
			return looks
		}
	}
}

// work carries a deal out and returns the claims it left.
func (r *rig) work(rt *rapid.T, worker int, d deal, made, refused *atomic.Int64) (kept []quota.Claim) {
	random := rand.New(rand.NewPCG(d.seed, 0)) //nolint:gosec // it must be repeatable
	for i, o := range d.orders {
		holder := fmt.Sprintf("vpc_%d_%d", worker, i)
		claims := []quota.Claim{vpcs(o.vpcs), routers(o.routers)}
		random.Shuffle(len(claims), func(i, j int) { claims[i], claims[j] = claims[j], claims[i] })
		err := pg.InTx(r.t.Context(), r.pool, func(ctx context.Context, tx pgx.Tx) error {
			if err := r.Reserve(ctx, tx, "acme", holder, claims); err != nil {
				return err
			}
			if o.rollsBack {
				return errRolledBack
			}
			return nil
		})
		switch {
		case err == nil:
			made.Add(1)
		case errs.ReasonOf(err) == quota.ReasonExceeded:
			refused.Add(1)
			continue
		case o.rollsBack:
			continue
		default:
			rt.Errorf("reserve: %v", err)
			continue
		}
		var phases []func(context.Context, pgx.Tx, string) error
		if o.commits {
			phases = append(phases, r.Commit)
		}
		if !o.keeps {
			phases = append(phases, r.Release)
		}
		for _, phase := range phases {
			if err := pg.InTx(r.t.Context(), r.pool, func(ctx context.Context, tx pgx.Tx) error { return phase(ctx, tx, holder) }); err != nil {
				rt.Errorf("settle: %v", err)
			}
		}
		if o.keeps {
			kept = append(kept, claims...)
		}
	}
	return kept
}

var errRolledBack = errs.Failed("GIVEN_UP", "the order is given up")

// settled holds what is left against what was kept.
func (r *rig) settled(rt *rapid.T, kept []quota.Claim) {
	want := map[string]int64{}
	for _, c := range kept {
		want[c.Resource] += c.Amount
	}
	all, err := r.List(r.t.Context(), r.pool, "acme", "")
	if err != nil {
		rt.Fatal(err)
	}
	for _, s := range all {
		if s.Taken() != want[s.Resource] {
			rt.Errorf("%s: %d are held, %d were kept", s.Name(), s.Taken(), want[s.Resource])
		}
	}
	if wrong, err := quota.Compare(r.t.Context(), r.pool, `SELECT place, resource, holder, amount FROM quota_reservations`); err != nil || len(wrong) > 0 {
		rt.Errorf("got %v, %v", wrong, err)
	}
}
