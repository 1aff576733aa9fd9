package provision

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// stepRow is the progress of one step in one operation.
type stepRow struct {
	StepStatus
	ordinal      int
	failures     int
	failingSince time.Time
	retryAt      time.Time
	blockage     *Blockage
	// asked counts how often the step was asked for and said NotYet, within this slice.
	asked int
	dirty bool
}

const stepColumns = `name, title, ordinal, state, attempts, failures, failing_since, start_time, end_time, retry_at, message,
       blockage, cloud_request_ids, child_operation, object_type, object_id`

const selectSteps = `SELECT ` + stepColumns + ` FROM provision_steps WHERE operation = $1 ORDER BY ordinal, name`

const upsertStep = `
INSERT INTO provision_steps (operation, ` + stepColumns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
ON CONFLICT (operation, name) DO UPDATE SET title = excluded.title, ordinal = excluded.ordinal, state = excluded.state,
       attempts = excluded.attempts, failures = excluded.failures, failing_since = excluded.failing_since,
       start_time = excluded.start_time, end_time = excluded.end_time, retry_at = excluded.retry_at,
       message = excluded.message, blockage = excluded.blockage, cloud_request_ids = excluded.cloud_request_ids,
       child_operation = excluded.child_operation, object_type = excluded.object_type, object_id = excluded.object_id`

func scanStep(row pgx.CollectableRow) (*stepRow, error) {
	r := &stepRow{}
	return r, r.scan(row)
}

func (r *stepRow) scan(row pgx.CollectableRow, before ...any) error {
	var failing, start, end, retry *time.Time
	var blockage []byte
	err := row.Scan(append(before, &r.Name, &r.Title, &r.ordinal, &r.State, &r.Attempts, &r.failures, &failing, &start, &end,
		&retry, &r.Message, &blockage, &r.CloudRequestIDs, &r.Operation, &r.ObjectType, &r.ObjectID)...)
	if err != nil {
		return fmt.Errorf("read step: %w", err)
	}
	r.failingSince, r.StartTime, r.EndTime, r.retryAt = value(failing), value(start), value(end), value(retry)
	r.blockage, err = ParseBlockage(blockage)
	return err
}

// save queues the step's row.
func (r *stepRow) save(b *writes, operation string) error {
	blockage, err := column(r.blockage)
	if err != nil {
		return fmt.Errorf("write blockage of step %s: %w", r.Name, err)
	}
	if r.CloudRequestIDs == nil {
		r.CloudRequestIDs = []string{}
	}
	b.Queue(upsertStep, operation, r.Name, clean(r.Title), r.ordinal, r.State, r.Attempts, r.failures, null(r.failingSince),
		null(r.StartTime), null(r.EndTime), null(r.retryAt), clean(r.Message), blockage, r.CloudRequestIDs, r.Operation,
		r.ObjectType, r.ObjectID)
	r.dirty = false
	return nil
}

// column is the JSON of a blockage, nil for none.
func column(b *Blockage) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	return json.Marshal(b)
}
