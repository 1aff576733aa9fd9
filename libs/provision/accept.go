package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/behalf"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/resource"
)

// Accept records a change in the caller's transaction: the resource in its transient state, due at once, and the operation.
// An operation that still runs on the resource is superseded: it ends at its next step boundary and the work goes on for
// this one. Accept never talks to anything but the database.
func (e *Engine) Accept(ctx context.Context, tx pgx.Tx, c Change) (*Operation, error) {
	ctx, span := e.tracer.Start(ctx, "provision.accept", trace.WithAttributes(
		attribute.String("lowlayer.resource", c.Name), attribute.String("lowlayer.verb", c.Verb)))
	defer span.End()
	if err := e.checkChange(c); err != nil {
		return nil, err
	}
	conditions, err := e.prepare(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	op := &Operation{
		ID: ids.New("op_" + e.cfg.Service), Service: e.cfg.Service, Tenant: c.Tenant, Kind: c.Kind, Resource: c.Name,
		ResourceUID: c.UID, Verb: c.Verb, State: OperationRunning, RequestID: c.RequestID, CreateTime: e.now(),
		TraceID: traceID(ctx),
	}
	op.Name, op.UpdateTime = operationName(c.Tenant, op.ID), op.CreateTime
	conditions = conditions.Set(Condition{
		Type: ConditionProvisioned, Status: ConditionFalse, Reason: camel(string(c.Transient)), Message: "work is under way",
	}, op.CreateTime)
	if err := insertChange(ctx, tx, c, op, conditions); err != nil {
		return nil, err
	}
	if c.Deleting {
		r := Resource{UID: c.UID, Name: c.Name, Tenant: c.Tenant}
		if op.usage, err = e.meter(ctx, tx, e.kinds[c.Kind], r, true); err != nil {
			return nil, err
		}
	}
	return op, nil
}

func (e *Engine) checkChange(c Change) error {
	switch {
	case e.kinds[c.Kind] == nil:
		return fmt.Errorf("accept change: %q is not one of the engine's kinds", c.Kind)
	case c.UID == "" || c.Name == "" || c.Verb == "" || c.Tenant == "" || strings.Contains(c.Tenant, "/"):
		return fmt.Errorf("accept change of %q: uid, name, verb and the tenant's id must be set", c.Name)
	case c.Transient == "" || (c.Final == "" && !c.Deleting):
		return fmt.Errorf("accept change of %q: transient and final state must be set", c.Name)
	}
	return nil
}

// prepare locks the resource, when there is one, and returns its conditions.
func (e *Engine) prepare(ctx context.Context, tx pgx.Tx, c Change) (Conditions, error) {
	var deleting bool
	var column []byte
	err := tx.QueryRow(ctx, `SELECT deleting, conditions FROM provision_resources WHERE uid = $1 FOR NO KEY UPDATE`, c.UID).
		Scan(&deleting, &column)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("lock resource: %w", err)
	case deleting && !c.Deleting:
		return nil, errs.Failed(strings.ToUpper(c.Kind)+"_DELETING",
			"%s %q is being deleted; wait for the end of its operation and create it anew", c.Kind, c.Name).With("resource", c.Name)
	}
	return resource.ParseConditions(column)
}

const upsertResource = `
INSERT INTO provision_resources (uid, kind, name, tenant, verb, state, transient_state, final_state, conditions, reconciling,
       deleting, generation, current_operation, wake_at, create_time, update_time)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, true, $9, 1, $10, clock_timestamp(), $11, $11)
ON CONFLICT (uid) DO UPDATE SET verb = excluded.verb, state = excluded.state, transient_state = excluded.transient_state,
       final_state = excluded.final_state, conditions = excluded.conditions, blockage = NULL, reconciling = true,
       deleting = excluded.deleting, generation = provision_resources.generation + 1,
       current_operation = excluded.current_operation, wake_at = excluded.wake_at, update_time = excluded.update_time`

// insertOperation: a removal that nobody asks for, because its time has come, is on behalf of whoever asked for the deletion before.
const insertOperation = `
INSERT INTO provision_operations (id, tenant, kind, resource, resource_uid, verb, state, method, request_id,
       traceparent, create_time, update_time, ordered_by)
VALUES ($1, $2, $3, $4, $5, $6, 'RUNNING', '', $7, $8, $9, $9, coalesce($10::jsonb, CASE WHEN $11::boolean THEN
       (SELECT o.ordered_by FROM provision_operations o WHERE o.tenant = $2 AND o.resource_uid = $5 AND o.verb = $6
         ORDER BY o.create_time DESC, o.id DESC LIMIT 1) END))`

func insertChange(ctx context.Context, tx pgx.Tx, c Change, op *Operation, conditions Conditions) error {
	column, err := json.Marshal(conditions)
	if err != nil {
		return fmt.Errorf("write conditions: %w", err)
	}
	final := c.Final
	if c.Deleting {
		final = Deleted
	}
	by, err := orderedBy(ctx)
	if err != nil {
		return err
	}
	var b pgx.Batch
	b.Queue(upsertResource, c.UID, c.Kind, c.Name, c.Tenant, c.Verb, c.Transient, final, column, c.Deleting, op.ID, op.CreateTime)
	b.Queue(insertOperation, op.ID, c.Tenant, c.Kind, c.Name, c.UID, c.Verb, c.RequestID,
		traceparent(ctx), op.CreateTime, by, c.Deleting)
	b.Queue(ringWork)
	switch err := tx.SendBatch(ctx, &b).Close(); {
	case pg.ConstraintOf(err) == "provision_resources_kind_name_key":
		return errs.Exists(c.Kind, c.Name)
	case err != nil:
		return fmt.Errorf("record change of %s: %w", c.Name, err)
	}
	return nil
}

// orderedBy is on whose behalf the call of the context is, nil when nobody was identified.
func orderedBy(ctx context.Context) ([]byte, error) {
	a, ok := behalf.Of(ctx)
	if !ok {
		return nil, nil
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("write who ordered a change: %w", err)
	}
	return text, nil
}

// onBehalf is the context of work that somebody ordered.
func onBehalf(ctx context.Context, orderedBy []byte) (context.Context, error) {
	if orderedBy == nil {
		return ctx, nil
	}
	var a audit.Actor
	if err := json.Unmarshal(orderedBy, &a); err != nil {
		return nil, fmt.Errorf("read who ordered the work: %w", err)
	}
	return behalf.With(ctx, a), nil
}

func operationName(tenant, id string) string { return "tenants/" + tenant + "/operations/" + id }

// traceparent is the trace of the call, to carry on with in the work.
func traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}

func resume(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

func traceID(ctx context.Context) string {
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		return sc.TraceID().String()
	}
	return ""
}
