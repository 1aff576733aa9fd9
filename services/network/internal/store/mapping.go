package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/status"
)

// statusColumns are those of the alias r, provision_resources. It is joined from the outside: in the transaction that
// removes a resource its row may be gone already.
const statusColumns = `COALESCE(r.state, 'DELETING') AS state, r.conditions, r.blockage, COALESCE(r.reconciling, false) AS reconciling`

const joinStatus = ` LEFT JOIN provision_resources r ON r.uid = `

// statusRow is the columns of statusColumns.
type statusRow struct {
	State       string
	Conditions  []byte
	Blockage    []byte
	Reconciling bool
}

func (r statusRow) status() (status.Status, error) {
	conditions, err := provision.ParseConditions(r.Conditions)
	if err != nil {
		return status.Status{}, fmt.Errorf("read conditions: %w", err)
	}
	blockage, err := provision.ParseBlockage(r.Blockage)
	if err != nil {
		return status.Status{}, fmt.Errorf("read blockage: %w", err)
	}
	s := status.Status{State: r.State, Reconciling: r.Reconciling, Blockage: blockageOf(blockage)}
	for _, c := range conditions {
		s.Conditions = append(s.Conditions, status.Condition{
			Type: c.Type, Status: c.Status, Reason: c.Reason, Message: c.Message, LastTransition: c.LastTransitionTime,
		})
	}
	return s, nil
}

func blockageOf(b *provision.Blockage) *status.Blockage {
	if b == nil {
		return nil
	}
	return &status.Blockage{
		Owner: string(b.Owner), Reason: b.Reason, Message: b.Message, Remedy: b.Remedy, Step: b.Step,
		Retry: b.RetryTime, Since: b.SinceTime,
	}
}

// metaRow is what every row of a resource begins with.
type metaRow struct {
	UID        string
	Revision   int64
	CreateTime time.Time
	UpdateTime time.Time
	statusRow
}

func (r metaRow) meta() (status.Meta, error) {
	s, err := r.status()
	return status.Meta{UID: r.UID, Revision: r.Revision, Created: r.CreateTime, Updated: r.UpdateTime, Status: s}, err
}

// settled is a resource as it is after a transition, which its row may not show yet.
func settled(m status.Meta, s provision.Settlement) status.Meta {
	m.Status.State = string(s.State)
	m.Status.Blockage = blockageOf(s.Blockage)
	return m
}

// one reads one row into its core form; kind and name are for the answer that there is none.
func one[R, T any](ctx context.Context, q provision.Querier, kind, name string, convert func(R) (T, error), sql string, args ...any) (T, error) {
	var zero T
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return zero, fmt.Errorf("read %s: %w", kind, err)
	}
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[R])
	if errors.Is(err, pgx.ErrNoRows) {
		return zero, errs.NotFound(kind, name)
	}
	if err != nil {
		return zero, fmt.Errorf("read %s: %w", kind, err)
	}
	return convert(row)
}

// many reads rows into their core form.
func many[R, T any](ctx context.Context, q provision.Querier, kind string, convert func(R) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read %ss: %w", kind, err)
	}
	read, err := pgx.CollectRows(rows, pgx.RowToStructByName[R])
	if err != nil {
		return nil, fmt.Errorf("read %ss: %w", kind, err)
	}
	out := make([]T, len(read))
	for i, row := range read {
		if out[i], err = convert(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unpack reads a jsonb column.
func unpack(column []byte, into any, what string) error {
	if len(column) == 0 {
		return nil
	}
	if err := json.Unmarshal(column, into); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

func pack(v any, what string) ([]byte, error) {
	column, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", what, err)
	}
	return column, nil
}
