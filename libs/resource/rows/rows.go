// Package rows reads rows of Postgres as values: one, many, or one page of a list.
package rows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
)

// Querier is a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// By scans rows into the struct R, by the names of its fields, and maps each to a value.
func By[R, T any](mapped func(R) (T, error)) pgx.RowToFunc[T] {
	return func(row pgx.CollectableRow) (T, error) {
		r, err := pgx.RowToStructByName[R](row)
		if err != nil {
			var none T
			return none, err
		}
		return mapped(r)
	}
}

// One reads one row. Without a row the error is NOT_FOUND of the kind and name.
func One[T any](ctx context.Context, q Querier, kind, name string, scan pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	var none T
	found, err := q.Query(ctx, sql, args...)
	if err != nil {
		return none, fmt.Errorf("read %s: %w", kind, err)
	}
	value, err := pgx.CollectExactlyOneRow(found, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return none, errs.NotFound(kind, name)
	}
	if err != nil {
		return none, fmt.Errorf("read %s: %w", kind, err)
	}
	return value, nil
}

// Many reads every row.
func Many[T any](ctx context.Context, q Querier, kind string, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	found, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read %ss: %w", kind, err)
	}
	values, err := pgx.CollectRows(found, scan)
	if err != nil {
		return nil, fmt.Errorf("read %ss: %w", kind, err)
	}
	return values, nil
}

// First reads one value of one column, the zero value when there is no row.
func First[T any](ctx context.Context, q Querier, what, sql string, args ...any) (T, error) {
	var none T
	found, err := q.Query(ctx, sql, args...)
	if err != nil {
		return none, fmt.Errorf("read %s: %w", what, err)
	}
	value, err := pgx.CollectOneRow(found, pgx.RowTo[T])
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return none, fmt.Errorf("read %s: %w", what, err)
	}
	return value, nil
}

const (
	// StatusColumns are those of Status, of the alias r.
	StatusColumns = `COALESCE(r.state, 'DELETING') AS state, r.conditions, r.blockage, COALESCE(r.reconciling, false) AS reconciling`
	// JoinStatus ends before the uid column. The join is an outer one: the transaction that removes a resource has removed r first.
	JoinStatus = ` LEFT JOIN provision_resources r ON r.uid = `
)

// Status is the columns of StatusColumns.
type Status struct {
	State       string
	Conditions  []byte
	Blockage    []byte
	Reconciling bool
}

// Value is the status of the row.
func (r Status) Value() (resource.Status, error) {
	conditions, err := resource.ParseConditions(r.Conditions)
	if err != nil {
		return resource.Status{}, err
	}
	blockage, err := resource.ParseBlockage(r.Blockage)
	return resource.Status{State: resource.State(r.State), Conditions: conditions, Blockage: blockage, Reconciling: r.Reconciling}, err
}

// Meta is the columns uid, revision, create_time, update_time and StatusColumns.
type Meta struct {
	UID        string
	Revision   int64
	CreateTime time.Time
	UpdateTime time.Time
	Status
}

// Value is the metadata of the row.
func (r Meta) Value() (resource.Meta, error) {
	s, err := r.Status.Value()
	return resource.Meta{UID: r.UID, Revision: r.Revision, Created: r.CreateTime.UTC(), Updated: r.UpdateTime.UTC(), Status: s}, err
}

// Pack writes a jsonb column.
func Pack(v any, what string) ([]byte, error) {
	column, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", what, err)
	}
	return column, nil
}

// Unpack reads a jsonb column into a pointer; an empty one leaves it alone.
func Unpack(column []byte, into any, what string) error {
	if len(column) == 0 {
		return nil
	}
	if err := json.Unmarshal(column, into); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}
