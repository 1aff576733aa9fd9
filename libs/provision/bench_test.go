package provision_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

// BenchmarkChain is the engine's cost over the bare calls: a chain of six calls of 20 ms each, with as many beside it.
func BenchmarkChain(b *testing.B) {
	const call, length = 20 * time.Millisecond, 6
	r := newRig(b)
	r.cfg.Lease, r.cfg.Sweep, r.cfg.Pace = 0, 0, 1
	k := r.kind
	k.Plan = func(provision.Resource, cloudfake.Spec) ([]provision.Step, error) {
		var steps []provision.Step
		for side := range 2 {
			for i := range length {
				s := provision.Step{Title: "work", Name: fmt.Sprintf("s%d-%d", side, i), Do: func(context.Context, *provision.Run) (provision.External, error) {
					<-time.After(call)
					return provision.External{}, nil
				}}
				if i > 0 {
					s.Needs = []string{fmt.Sprintf("s%d-%d", side, i-1)}
				}
				steps = append(steps, s)
			}
		}
		return steps, nil
	}
	r.cfg.Kinds = []provision.AnyKind{k}
	e, _ := r.run()
	r.uid = cloudfake.NewUID()
	r.succeeds(e, r.create(e, cloudfake.Spec{}))
	var spent time.Duration
	for b.Loop() {
		uid := cloudfake.NewUID()
		begun := time.Now()
		var op *provision.Operation
		r.tx(func(ctx context.Context, tx pgx.Tx) (err error) {
			op, err = cloudfake.Create(ctx, tx, e, uid, cloudfake.Spec{})
			return err
		})
		r.succeeds(e, op)
		spent += time.Since(begun)
	}
	b.ReportMetric(float64(spent)/float64(b.N)/float64(call*length), "×chain")
}

// BenchmarkCreates is the throughput of creations of which 64 are ordered at once, in a cloud that responds at once.
func BenchmarkCreates(b *testing.B) {
	const atOnce = 64
	r := newRig(b)
	r.cfg.Lease, r.cfg.Sweep, r.cfg.Pace = 0, 0, 1
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{}))
	for b.Loop() {
		var wg sync.WaitGroup
		for range atOnce {
			wg.Go(func() {
				var op *provision.Operation
				err := pg.InTx(b.Context(), r.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
					op, err = cloudfake.Create(ctx, tx, e, cloudfake.NewUID(), cloudfake.Spec{})
					return err
				})
				for err == nil && !op.Done() {
					op, err = e.Wait(b.Context(), op.Tenant, op.ID, patience)
				}
				if err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(atOnce*b.N)/b.Elapsed().Seconds(), "creates/s")
}
