package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
)

// notifyEnd wakes everybody who waits for the operation, in whichever process.
const notifyEnd = `SELECT pg_notify('` + endChannel + `', $1)`

func (s *slice) endOperation(ctx context.Context, tx pgx.Tx, id string, state OperationState, response proto.Message, cause *errs.Error) error {
	var packed, failure []byte
	if response != nil {
		anything, err := anypb.New(response)
		if err != nil {
			return fmt.Errorf("pack response: %w", err)
		}
		if packed, err = proto.Marshal(anything); err != nil {
			return fmt.Errorf("pack response: %w", err)
		}
	}
	if cause != nil {
		var err error
		if failure, err = json.Marshal(storedError(cause)); err != nil {
			return fmt.Errorf("write error of operation: %w", err)
		}
	}
	var b pgx.Batch
	b.Queue(`UPDATE provision_operations SET state = $2, response = $3, error = $4, blockage = NULL, end_time = $5, update_time = $5
		WHERE id = $1 AND state = 'RUNNING'`, id, state, packed, failure, s.e.now())
	b.Queue(notifyEnd, id)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("end operation %s: %w", id, err)
	}
	return nil
}

// supersede queues the end of operations that a newer one replaced.
func (s *slice) supersede(old []string) error {
	if len(old) == 0 {
		return nil
	}
	cause := errs.New(errs.Aborted, "SUPERSEDED", "a newer change replaced this one; follow operation %s instead",
		operationName(s.res.tenant, s.op.id)).With("operation", operationName(s.res.tenant, s.op.id))
	failure, err := json.Marshal(storedError(cause))
	if err != nil {
		return fmt.Errorf("write error of operation: %w", err)
	}
	// Ours may be the older one by now: the guard reports that only together with this write.
	s.writes.Queue(`UPDATE provision_operations SET state = 'SUPERSEDED', error = $2, blockage = NULL, end_time = $3, update_time = $3
		WHERE id = ANY($1) AND state = 'RUNNING' AND id <> (SELECT current_operation FROM provision_resources WHERE uid = $4)`,
		old, failure, s.e.now(), s.res.uid)
	for _, id := range old {
		s.writes.Queue(notifyEnd, id)
	}
	return nil
}

// errorColumn is the stored form of an errs.Error.
type errorColumn struct {
	Code     errs.Code         `json:"code"`
	Reason   string            `json:"reason"`
	Message  string            `json:"message"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

func storedError(e *errs.Error) errorColumn {
	return errorColumn{Code: e.Code, Reason: e.Reason, Message: e.Message, Metadata: e.Metadata}
}

func (c errorColumn) error() *errs.Error {
	return &errs.Error{Code: c.Code, Reason: c.Reason, Message: c.Message, Metadata: c.Metadata}
}

// Cancel asks an operation to stop at its next step boundary. Asking again is no error; one that is done is
// FAILED_PRECONDITION with the reason OPERATION_DONE, and a deletion, which nothing but its end can follow, with the reason
// OPERATION_NOT_CANCELLABLE.
func (e *Engine) Cancel(ctx context.Context, tenant, id string) error {
	tx, err := e.cfg.Pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("cancel operation: %w", err)
	}
	// Nothing is left to roll back after the commit.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	// The resource is locked first, as by the worker that writes its progress.
	if err := wakeNow(ctx, tx, `(SELECT resource_uid FROM provision_operations WHERE id = $1 AND tenant = $2)`, id, tenant); err != nil {
		return err
	}
	var state OperationState
	var deletion bool
	err = tx.QueryRow(ctx, `SELECT o.state, COALESCE(r.deleting AND r.current_operation = o.id, false)
		FROM provision_operations o LEFT JOIN provision_resources r ON r.uid = o.resource_uid
		WHERE o.id = $1 AND o.tenant = $2 FOR UPDATE OF o`, id, tenant).Scan(&state, &deletion)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return errs.NotFound("operation", operationName(tenant, id))
	case err != nil:
		return fmt.Errorf("look up operation to cancel: %w", err)
	case state != OperationRunning:
		return errs.Failed("OPERATION_DONE", "operation %q is done (%s) and cannot be cancelled; change or delete the resource instead",
			operationName(tenant, id), strings.ToLower(string(state)))
	case deletion:
		return errs.Failed("OPERATION_NOT_CANCELLABLE",
			"operation %q deletes its resource and cannot be cancelled; wait for its end and create the resource anew", operationName(tenant, id))
	}
	_, err = tx.Exec(ctx, `UPDATE provision_operations SET cancel_requested = true, update_time = $2 WHERE id = $1`, id, e.now())
	if err != nil {
		return fmt.Errorf("cancel operation: %w", err)
	}
	if err := e.cfg.Audit.Append(ctx, tx, operationName(tenant, id), nil); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("cancel operation: %w", err)
	}
	return nil
}

// SetCondition sets one condition of a resource, for what a service observes beside the engine's work.
func (e *Engine) SetCondition(ctx context.Context, tx pgx.Tx, uid string, c Condition) error {
	var column []byte
	err := tx.QueryRow(ctx, `SELECT conditions FROM provision_resources WHERE uid = $1 FOR NO KEY UPDATE`, uid).Scan(&column)
	if errors.Is(err, pgx.ErrNoRows) {
		return errs.NotFound("resource", uid)
	}
	if err != nil {
		return fmt.Errorf("read conditions: %w", err)
	}
	conditions, err := resource.ParseConditions(column)
	if err != nil {
		return fmt.Errorf("read conditions: %w", err)
	}
	if column, err = conditionsColumn(conditions.Set(c, e.now())); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE provision_resources SET conditions = $2, update_time = $3 WHERE uid = $1`, uid, column, e.now())
	if err != nil {
		return fmt.Errorf("write conditions: %w", err)
	}
	return nil
}

// elapsed is never negative, whatever the clocks of two processes say.
func elapsed(from, to time.Time) time.Duration { return max(to.Sub(from), 0) }
