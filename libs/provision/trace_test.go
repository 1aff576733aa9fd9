package provision_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
)

type telemetry struct {
	traces  *sdktrace.TracerProvider
	metrics *sdkmetric.MeterProvider
}

func (t telemetry) TracerProvider() trace.TracerProvider { return t.traces }
func (t telemetry) MeterProvider() metric.MeterProvider  { return t.metrics }

// The whole work is in the trace of the call that asked for it, a span for each step.
func TestTrace(t *testing.T) {
	r := newRig(t)
	spans := tracetest.NewSpanRecorder()
	reader := sdkmetric.NewManualReader()
	tel := telemetry{sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)), sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))}
	r.cfg.Telemetry = tel
	seen := make(chan string, 64)
	r.cfg.StepContext = func(ctx context.Context, run *provision.Run) context.Context {
		seen <- run.Step()
		return ctx
	}
	e, stop := r.run()
	ctx, call := tel.TracerProvider().Tracer("test").Start(t.Context(), "POST /v1/gardens")
	var op *provision.Operation
	r.tx(func(_ context.Context, tx pgx.Tx) (err error) {
		op, err = cloudfake.Create(ctx, tx, e, r.uid, cloudfake.Spec{})
		return err
	})
	call.End()
	got := r.succeeds(e, op)
	wanted := call.SpanContext().TraceID()
	if got.TraceID != wanted.String() || op.TraceID != wanted.String() {
		t.Errorf("trace of the operation is %q, want %q", got.TraceID, wanted)
	}

	var metrics metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &metrics); err != nil {
		t.Fatalf("collect metrics: %v", err)
	}
	names := make(map[string]bool)
	for _, scope := range metrics.ScopeMetrics {
		for _, m := range scope.Metrics {
			names[m.Name] = true
		}
	}
	for _, name := range []string{"lowlayer_provision_step_seconds", "lowlayer_provision_queue_jobs"} {
		if !names[name] {
			t.Errorf("no metric %s: %v", name, names)
		}
	}

	stop()
	byName := make(map[string]sdktrace.ReadOnlySpan)
	for _, s := range spans.Ended() {
		byName[s.Name()] = s
	}
	slice := byName["provision.slice"]
	if slice == nil || slice.SpanContext().TraceID() != wanted {
		t.Fatalf("slice's span: %v", slice)
	}
	for _, step := range []string{"soil", "fence", "gate", "path", "sign", "water"} {
		s := byName["provision.garden/"+step]
		if s == nil || s.SpanContext().TraceID() != wanted {
			t.Errorf("span of %s: %v", step, s)
		}
	}
	if accept := byName["provision.accept"]; accept == nil || accept.Parent().SpanID() != call.SpanContext().SpanID() {
		t.Errorf("span of the acceptance: %v", accept)
	}
	if len(seen) < 6 {
		t.Errorf("StepContext was called %d times", len(seen))
	}
}

// rehearse makes and removes the resource once, so that there is a history of how long its steps take.
func (r *rig) rehearse(e *provision.Engine) {
	r.t.Helper()
	r.succeeds(e, r.create(e, cloudfake.Spec{}))
	r.until("the history", func() bool {
		return query[int](r, `SELECT count(*) FROM provision_step_history WHERE kind = 'garden' AND verb = 'create'`) == 7
	})
	r.succeeds(e, r.delete(e))
}

// halfway makes another one up to its gate, which release opens.
func (r *rig) halfway(e *provision.Engine) (op *provision.Operation, release func()) {
	r.t.Helper()
	r.uid = cloudfake.NewUID()
	gate, release := r.hold("create", "gate")
	op = r.create(e, cloudfake.Spec{})
	r.comes(gate)
	r.until("two steps", func() bool { return r.get(e, op).Progress.Done == 2 })
	return op, release
}

// Neither a changed history nor a step that is tried again lowers the progress.
func TestProgress_changedHistory_neverGoesBack(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	r.rehearse(e)

	op, release := r.halfway(e)
	half := r.get(e, op)
	before := half.Progress.Percent
	if before == 0 || half.EstimatedEndTime.IsZero() {
		t.Fatalf("after two steps of a rehearsed creation: %d %%, end expected at %s", before, half.EstimatedEndTime)
	}
	r.exec(`UPDATE provision_step_history h SET ewma_ms = CASE WHEN s.state = 'DONE' THEN 1 ELSE 3600000 END
		FROM provision_steps s WHERE s.operation = $1 AND s.name = h.step`, op.ID)
	if p := r.get(e, op).Progress.Percent; p < before {
		t.Errorf("from %d %% to %d %% when the others are expected to take longer", before, p)
	}
	r.exec(`UPDATE provision_steps SET state = 'RETRYING' WHERE operation = $1 AND state = 'DONE'`, op.ID)
	if p := r.get(e, op).Progress.Percent; p < before {
		t.Errorf("from %d %% to %d %% when steps are tried again", before, p)
	}
	release()
	r.until("the next step", func() bool {
		got := r.get(e, op)
		if got.Progress.Percent < before {
			t.Fatalf("from %d %% to %d %% with the next step", before, got.Progress.Percent)
		}
		before = got.Progress.Percent
		return got.Done()
	})
	if before != 100 {
		t.Errorf("it ends at %d %%", before)
	}
}
