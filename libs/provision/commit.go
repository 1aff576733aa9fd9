package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/resource"
)

// errLost is a write refused because another worker holds the resource by now.
var errLost = errors.New("the lease of the resource was lost")

const (
	guard     = `SELECT operation, cancel FROM provision_guard($1, $2)`
	fenceLost = "LL001"
)

// writes are statements that wait for the next commit.
type writes struct{ statements []statement }

type statement struct {
	sql  string
	args []any
}

// Queue adds a statement.
func (w *writes) Queue(sql string, args ...any) {
	w.statements = append(w.statements, statement{sql, args})
}

func (w *writes) batch(b *pgx.Batch) {
	for _, s := range w.statements {
		b.Queue(s.sql, s.args...)
	}
}

// commit writes what is queued in one round trip: a pipeline is one transaction. It learns on the way whether the work is
// still wanted.
func (s *slice) commit(ctx context.Context) error {
	if err := s.saveRows(); err != nil {
		return err
	}
	if change := s.blockageChange(); change != 0 {
		return s.commitTransition(ctx, change)
	}
	if len(s.writes.statements) == 0 {
		return nil
	}
	if err := s.mayWrite(ctx); err != nil {
		return err
	}
	var b pgx.Batch
	b.Queue(guard, s.res.uid, s.res.fence).QueryRow(s.heed)
	s.writes.batch(&b)
	if err := s.e.cfg.Pool.SendBatch(ctx, &b).Close(); err != nil {
		return writeError(err)
	}
	s.committed()
	return nil
}

// heed reads the guard's row: a newer operation, or a wish to stop.
func (s *slice) heed(row pgx.Row) error {
	var operation *string
	var cancel bool
	if err := row.Scan(&operation, &cancel); err != nil {
		return err
	}
	switch {
	case value(operation) != s.op.id:
		s.stop = stopSuperseded
	case cancel && s.stop == goOn:
		s.stop = stopCancelled
	}
	return nil
}

// hearConditions reads the conditions as they are by now.
func (s *slice) hearConditions(row pgx.Row) error {
	var column []byte
	if err := row.Scan(&column); err != nil {
		return err
	}
	var err error
	s.res.conditions, err = resource.ParseConditions(column)
	return err
}

// inTx runs fn after the guard in a transaction with all that is queued.
func (s *slice) inTx(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	if err := s.mayWrite(ctx); err != nil {
		return err
	}
	err := pg.InTx(ctx, s.e.cfg.Pool, func(ctx context.Context, tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(guard, s.res.uid, s.res.fence).QueryRow(s.heed)
		// The guard holds the row: what others set of the conditions until now is kept, and nobody sets any meanwhile.
		b.Queue(`SELECT conditions FROM provision_resources WHERE uid = $1`, s.res.uid).QueryRow(s.hearConditions)
		s.writes.batch(&b)
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return writeError(err)
		}
		return fn(ctx, tx)
	})
	if err != nil {
		return err
	}
	s.committed()
	return nil
}

// committed drops what is written and reaches the failpoints.
func (s *slice) committed() {
	s.writes.statements = nil
	for _, x := range s.samples {
		s.e.history.add(x.kind, x.verb, x.step, x.took)
	}
	points := s.points
	s.samples, s.points = nil, nil
	for _, p := range points {
		s.e.failpoint(p)
	}
}

// mayWrite refuses writes of a slice whose lease or engine is gone, without asking the database.
func (s *slice) mayWrite(ctx context.Context) error {
	if s.e.hasCrashed() {
		return ErrCrashed
	}
	if ctx.Err() != nil {
		return fmt.Errorf("write progress of %s: %w", s.res.name, context.Cause(ctx))
	}
	return nil
}

func writeError(err error) error {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == fenceLost {
		return errLost
	}
	return fmt.Errorf("write progress: %w", err)
}
