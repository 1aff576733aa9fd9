package pg

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"

	txAttempts = 6
	txBackoff  = 10 * time.Millisecond
)

// Beginner starts transactions: a pool or one connection.
type Beginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// InTx runs fn in a transaction, commits when it returns nil and rolls back otherwise. When Postgres ends the
// transaction because it met another one (serialization failure, deadlock), fn runs again, so what it does
// outside the transaction must bear repeating.
func InTx(ctx context.Context, db Beginner, fn func(ctx context.Context, tx pgx.Tx) error) error {
	var err error
	for attempt := range txAttempts {
		if err = inTxOnce(ctx, db, fn); !conflicted(err) {
			return err
		}
		if waitErr := backoff(ctx, attempt); waitErr != nil {
			return errors.Join(err, waitErr)
		}
	}
	return fmt.Errorf("transaction lost %d times to others: %w", txAttempts, err)
}

func inTxOnce(ctx context.Context, db Beginner, fn func(ctx context.Context, tx pgx.Tx) error) error {
	tx, err := db.BeginTx(ctx, pgx.TxOptions{})
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	// Rolling back must reach the server although the caller has gone; after a commit it does nothing. A panic in
	// fn passes through here too, so a recovered handler leaves no open transaction behind.
	defer func() {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		// The error is of no use: the connection is closed by then and the server has rolled back on its own.
		_ = tx.Rollback(undo)
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

func conflicted(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pgErr.Code == serializationFailure || pgErr.Code == deadlockDetected)
}

// backoff waits longer each time, with jitter: two transactions that met once must not meet again in step.
func backoff(ctx context.Context, attempt int) error {
	ceiling := txBackoff << attempt
	timer := time.NewTimer(ceiling/2 + rand.N(ceiling/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
