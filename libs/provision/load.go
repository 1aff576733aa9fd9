package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// head is what a slice needs of its operation.
type head struct {
	id, verb, traceparent string
	cancel                bool
	created               time.Time
	// percent is the progress that is written, took how long the steps usually take.
	percent int
	took    durations
	// orderedBy is on whose behalf it is, as it was recorded.
	orderedBy []byte
}

// load reads operation, progress and ledger in one round trip.
func (s *slice) load(ctx context.Context) error {
	s.op = head{id: s.res.operation}
	s.stop = goOn
	s.results = make(chan result, s.e.cfg.Parallel)
	s.writes.statements = nil
	var b pgx.Batch
	b.Queue(`SELECT verb, traceparent, cancel_requested, create_time, progress, ordered_by FROM provision_operations WHERE id = $1`, s.op.id).QueryRow(
		func(row pgx.Row) error {
			return row.Scan(&s.op.verb, &s.op.traceparent, &s.op.cancel, &s.op.created, &s.op.percent, &s.op.orderedBy)
		})
	b.Queue(selectDurations, s.op.id).Query(func(rows pgx.Rows) (err error) {
		s.op.took, err = scanDurations(rows)
		return err
	})
	b.Queue(selectSteps, s.op.id).Query(func(rows pgx.Rows) error {
		steps, err := pgx.CollectRows(rows, scanStep)
		for _, r := range steps {
			s.rows[r.Name] = r
		}
		return err
	})
	b.Queue(selectLedger, s.res.uid).Query(func(rows pgx.Rows) (err error) {
		s.ledger, err = scanLedger(rows)
		return err
	})
	b.Queue(`SELECT id FROM provision_operations WHERE resource_uid = $1 AND state = 'RUNNING' AND id <> $2`, s.res.uid, s.op.id).
		Query(func(rows pgx.Rows) error {
			old, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				return err
			}
			return s.supersede(old)
		})
	if err := s.e.cfg.Pool.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("read progress of %s: %w", s.res.name, err)
	}
	return nil
}

// reload reads the resource anew after its operation was superseded. The lease is ours all the while.
func (s *slice) reload(ctx context.Context) error {
	row := s.e.cfg.Pool.QueryRow(ctx, `SELECT `+heldColumns+` FROM provision_resources r WHERE uid = $1 AND fence = $2`, s.res.uid, s.res.fence)
	if err := s.res.scan(row); err != nil {
		return fmt.Errorf("read %s again: %w", s.res.name, err)
	}
	return nil
}

// prepare asks the kind for the plan and lays it beside what is recorded.
func (s *slice) prepare(ctx context.Context) error {
	plan, err := s.makePlan(ctx)
	switch {
	case err != nil && !s.resource.Deleting:
		return err
	case err != nil:
		// A deletion walks the ledger; the plan only helps to find what a broken attempt may have left.
		s.log.WarnContext(ctx, "deleting without a plan", "error", err)
	}
	s.plan, s.unplanned = plan, err
	s.overcome(stumblePlan)
	s.layOut()
	return nil
}

func (s *slice) makePlan(ctx context.Context) (plan []Step, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()
	s.resource.spec, err = s.kind.Load(ctx, s.e.cfg.Pool, s.res.uid)
	if err != nil {
		return nil, fmt.Errorf("load spec: %w", err)
	}
	plan, err = s.kind.Plan(s.resource)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return plan, s.kind.check(plan)
}
