package provision

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resource"
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

const upsertSteps = `
INSERT INTO provision_steps (operation, ` + stepColumns + `)
SELECT $1, ` + stepColumns + `
  FROM json_to_recordset($2) AS saved (name text, title text, ordinal integer, state text, attempts integer, failures integer,
       failing_since timestamptz, start_time timestamptz, end_time timestamptz, retry_at timestamptz, message text, blockage jsonb,
       cloud_request_ids text[], child_operation text, object_type text, object_id text)
ON CONFLICT (operation, name) DO UPDATE SET title = excluded.title, ordinal = excluded.ordinal, state = excluded.state,
       attempts = excluded.attempts, failures = excluded.failures, failing_since = excluded.failing_since,
       start_time = excluded.start_time, end_time = excluded.end_time, retry_at = excluded.retry_at,
       message = excluded.message, blockage = excluded.blockage, cloud_request_ids = excluded.cloud_request_ids,
       child_operation = excluded.child_operation, object_type = excluded.object_type, object_id = excluded.object_id`

// savedStep is a row of upsertSteps.
type savedStep struct {
	Name            string     `json:"name"`
	Title           string     `json:"title"`
	Ordinal         int        `json:"ordinal"`
	State           StepState  `json:"state"`
	Attempts        int        `json:"attempts"`
	Failures        int        `json:"failures"`
	FailingSince    *time.Time `json:"failing_since"`
	StartTime       *time.Time `json:"start_time"`
	EndTime         *time.Time `json:"end_time"`
	RetryAt         *time.Time `json:"retry_at"`
	Message         string     `json:"message"`
	Blockage        *Blockage  `json:"blockage"`
	CloudRequestIDs []string   `json:"cloud_request_ids"`
	Operation       string     `json:"child_operation"`
	ObjectType      string     `json:"object_type"`
	ObjectID        string     `json:"object_id"`
}

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
	r.blockage, err = resource.ParseBlockage(blockage)
	return err
}

// saved is the row as it is written. Of the times in JSON the database would round what it does not keep, to after they are due.
func (r *stepRow) saved() savedStep {
	moment := func(t time.Time) *time.Time { return null(t.Truncate(time.Microsecond)) }
	ids := r.CloudRequestIDs
	if ids == nil {
		ids = []string{}
	}
	return savedStep{
		Name: r.Name, Title: clean(r.Title), Ordinal: r.ordinal, State: r.State, Attempts: r.Attempts, Failures: r.failures,
		FailingSince: moment(r.failingSince), StartTime: moment(r.StartTime), EndTime: moment(r.EndTime), RetryAt: moment(r.retryAt),
		Message: clean(r.Message), Blockage: r.blockage, CloudRequestIDs: ids,
		Operation: r.Operation, ObjectType: r.ObjectType, ObjectID: r.ObjectID,
	}
}

// column is the JSON of a blockage, nil for none.
func column(b *Blockage) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	return json.Marshal(b)
}
