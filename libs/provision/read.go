package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
)

const operationColumns = `o.id, o.tenant, o.kind, o.resource, o.resource_uid, o.verb, o.state, o.request_id, o.blockage, o.error,
       o.response, o.cancel_requested, o.traceparent, o.create_time, o.update_time, o.end_time, o.receipt, o.progress`

// Get returns an operation with its progress; NOT_FOUND when the tenant has none of that id.
func (e *Engine) Get(ctx context.Context, tenant, id string) (*Operation, error) {
	return e.Read(ctx, e.cfg.Pool, tenant, id)
}

// Read is Get in a transaction.
func (e *Engine) Read(ctx context.Context, q Querier, tenant, id string) (*Operation, error) {
	row := q.QueryRow(ctx, `SELECT `+operationColumns+` FROM provision_operations o WHERE o.id = $1 AND o.tenant = $2`, id, tenant)
	op, err := e.scanOperation(row)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errs.NotFound("operation", operationName(tenant, id))
	}
	if err != nil {
		return nil, fmt.Errorf("read operation: %w", err)
	}
	return op, e.addProgress(ctx, q, []*Operation{op})
}

// ListInput selects operations of a tenant, newest first.
type ListInput struct {
	Tenant string
	// Where is a condition on the aliases `o` (provision_operations), with Args numbered from $1; empty for all.
	Where string
	Args  []any
	Limit int
	// Past lets what is of an earlier tenant of the same id be answered too.
	Past bool
	// BeforeTime and BeforeID are the last of the page before; zero for the first page.
	BeforeTime time.Time
	BeforeID   string
}

// present is the condition that a row of a table under the alias is of the tenant there is now, or of one that is gone.
func (e *Engine) present(alias string) string {
	if e.cfg.Since == nil {
		return "true"
	}
	return alias + `.create_time >= COALESCE((` + e.cfg.Since(alias+".tenant") + `), '-infinity')`
}

// page is the statement of one page; from selects from a table under the alias, which has tenant, create_time and id.
func (e *Engine) page(in ListInput, from, alias string) (string, []any) {
	args := append([]any(nil), in.Args...)
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	sql := from + ` WHERE ` + alias + `.tenant = ` + arg(in.Tenant)
	if !in.Past {
		sql += ` AND ` + e.present(alias)
	}
	if in.Where != "" {
		sql += ` AND (` + in.Where + `)`
	}
	if !in.BeforeTime.IsZero() {
		sql += ` AND (` + alias + `.create_time, ` + alias + `.id) < (` + arg(in.BeforeTime) + `, ` + arg(in.BeforeID) + `)`
	}
	return sql + ` ORDER BY ` + alias + `.create_time DESC, ` + alias + `.id DESC LIMIT ` + arg(in.Limit), args
}

// List returns a page of operations.
func (e *Engine) List(ctx context.Context, in ListInput) ([]*Operation, error) {
	sql, args := e.page(in, `SELECT `+operationColumns+` FROM provision_operations o`, "o")
	rows, err := e.cfg.Pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	ops, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Operation, error) { return e.scanOperation(row) })
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	return ops, e.addProgress(ctx, e.cfg.Pool, ops)
}

func (e *Engine) scanOperation(row pgx.Row) (*Operation, error) {
	op := &Operation{Service: e.cfg.Service}
	var blockage, failure, response []byte
	var parent string
	var end *time.Time
	err := row.Scan(&op.ID, &op.Tenant, &op.Kind, &op.Resource, &op.ResourceUID, &op.Verb, &op.State, &op.RequestID, &blockage,
		&failure, &response, &op.CancelRequested, &parent, &op.CreateTime, &op.UpdateTime, &end, &op.Receipt, &op.Progress.Percent)
	if err != nil {
		return nil, err
	}
	op.Name, op.EndTime = operationName(op.Tenant, op.ID), value(end)
	if sc := trace.SpanContextFromContext(resume(context.Background(), parent)); sc.HasTraceID() {
		op.TraceID = sc.TraceID().String()
	}
	if op.Blockage, err = resource.ParseBlockage(blockage); err != nil {
		return nil, err
	}
	if failure != nil {
		var c errorColumn
		if err := json.Unmarshal(failure, &c); err != nil {
			return nil, err
		}
		op.Error = c.error()
	}
	if response != nil {
		op.Response = &anypb.Any{}
		return op, proto.Unmarshal(response, op.Response)
	}
	return op, nil
}

// addProgress reads the steps of all operations in one query, and their history in another.
func (e *Engine) addProgress(ctx context.Context, q Querier, ops []*Operation) error {
	if len(ops) == 0 {
		return nil
	}
	byID, order := make(map[string]*Operation, len(ops)), make([]string, len(ops))
	for i, op := range ops {
		byID[op.ID], order[i] = op, op.ID
	}
	rows, err := q.Query(ctx, `SELECT operation, `+stepColumns+` FROM provision_steps WHERE operation = ANY($1) ORDER BY operation, ordinal, name`, order)
	if err != nil {
		return fmt.Errorf("read steps: %w", err)
	}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
		var r stepRow
		var id string
		err := r.scan(row, &id)
		if err == nil {
			byID[id].Steps = append(byID[id].Steps, r.StepStatus)
		}
		return struct{}{}, err
	})
	if err != nil {
		return fmt.Errorf("read steps: %w", err)
	}
	known, err := readHistory(ctx, q, ops)
	if err != nil {
		return err
	}
	for _, op := range ops {
		op.measure(known[op.Kind+"/"+op.Verb], e.now())
	}
	return nil
}

func readHistory(ctx context.Context, q Querier, ops []*Operation) (map[string]durations, error) {
	var running []string
	for _, op := range ops {
		if !op.Done() {
			running = append(running, op.Kind+"/"+op.Verb)
		}
	}
	if len(running) == 0 {
		return nil, nil
	}
	rows, err := q.Query(ctx, `SELECT kind || '/' || verb, step, ewma_ms FROM provision_step_history WHERE kind || '/' || verb = ANY($1)`, running)
	if err != nil {
		return nil, fmt.Errorf("read step history: %w", err)
	}
	defer rows.Close()
	known := make(map[string]durations)
	for rows.Next() {
		var key, step string
		var ms float64
		if err := rows.Scan(&key, &step, &ms); err != nil {
			return nil, fmt.Errorf("read step history: %w", err)
		}
		if known[key] == nil {
			known[key] = make(durations)
		}
		known[key][step] = milliseconds(ms)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read step history: %w", err)
	}
	return known, nil
}

// measure fills in how far the operation is, beside the percentage that is kept.
func (o *Operation) measure(d durations, now time.Time) {
	for _, s := range o.Steps {
		if s.State == StepSkipped {
			continue
		}
		o.Progress.Count++
		if s.State == StepDone {
			o.Progress.Done++
		}
	}
	if o.State == OperationSucceeded {
		o.Progress.Percent = 100
		return
	}
	if !o.Done() && o.Blockage == nil {
		_, o.EstimatedEndTime = estimate(o.Steps, d, now)
	}
}
