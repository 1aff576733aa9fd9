package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/receipt"
)

// Telemetry is where the engine's spans and metrics go.
type Telemetry interface {
	TracerProvider() trace.TracerProvider
	MeterProvider() metric.MeterProvider
}

// Config is what an engine needs. Service, Pool and Kinds must be set; the zero value of everything else is good.
type Config struct {
	// Service is the name in operation ids, for example `network`.
	Service   string
	Pool      *pgxpool.Pool
	Kinds     []AnyKind
	Logger    *slog.Logger
	Clock     clock.Clock
	Telemetry Telemetry
	// Lease is how long a dead worker holds a resource: 5 s.
	Lease time.Duration
	// Sweep is how often due work is looked for without a notification, and lapsed leases: 2 s.
	Sweep time.Duration
	// Slice is how long a worker stays with one resource before it makes room for others: 20 s.
	Slice time.Duration
	// Settle is how long the cloud's lists may lag behind: 2 s. "Not found" after a doubt counts only when it is said
	// again this much later.
	Settle time.Duration
	// Late is how long a call whose answer was lost may yet be carried out: six times Settle. An object that two
	// looks did not find is looked for once more that much after the doubt, before the operation ends.
	Late time.Duration
	// Workers is how many resources are worked on at once: 64.
	Workers int
	// Parallel is how many steps of one resource run at once: 8.
	Parallel int
	// Retention is how long ended operations are kept: 90 days.
	Retention time.Duration
	// Pace multiplies every pause between tries: 1. Tests set it to a small fraction.
	Pace float64
	// StepContext lets a service add to the context of a step's calls, for example to observe them. May be nil.
	StepContext func(context.Context, *Run) context.Context
	// Receipts signs the receipt of each deletion; nil writes none, which is for tests.
	Receipts *receipt.Signer
	// Since is the SQL for the time when the present tenant was made, whose id the column of that name holds. Older records
	// are of an earlier tenant of the same id: its request ids are free, and its history is read with ListInput.Past alone. Nil
	// where an id is never used again.
	Since func(column string) string
	// Audit records the cancelling of operations, in its transaction. Nil records nothing.
	Audit *trail.Trail
	// Billed refuses kinds that are not in usage.Kinds, and kinds with meters that declare no usage.
	Billed bool
	// Failpoint is called at every point where a process can die; see Point. Nil outside tests.
	Failpoint func(Point)
}

const scope = "github.com/low-layer/platform/libs/provision"

// stopGrace is how long steps under way may go on when the engine is told to stop.
const stopGrace = 15 * time.Second

var serviceName = regexp.MustCompile(`^[a-z]+$`)

// Engine accepts changes and brings resources to what is wanted of them. Any number of engines, in any number of
// processes, may work on one database.
type Engine struct {
	cfg     Config
	id      string // of this engine among all that work on the database
	kinds   map[string]*kind
	log     *slog.Logger
	tracer  trace.Tracer
	metrics *instruments
	waits   *listener
	history *history

	draining atomic.Bool
	crashed  chan struct{}
	crash    sync.Once

	bell   chan struct{} // work may be due
	busy   atomic.Int64  // slices that run
	slices sync.WaitGroup
}

// ErrCrashed is the error of Run after a Failpoint panicked with Crash.
var ErrCrashed = errors.New("the engine crashed at a failpoint")

// New builds an engine. It accepts changes at once; Run works on them.
func New(cfg Config) (*Engine, error) {
	cfg = cfg.withDefaults()
	if !serviceName.MatchString(cfg.Service) {
		return nil, fmt.Errorf("build provisioning engine: service %q must match %s", cfg.Service, serviceName)
	}
	if cfg.Pool == nil {
		return nil, errors.New("build provisioning engine: there is no database pool")
	}
	e := &Engine{
		cfg: cfg, id: ids.New("engine"), kinds: make(map[string]*kind, len(cfg.Kinds)), log: cfg.Logger,
		tracer: cfg.Telemetry.TracerProvider().Tracer(scope), crashed: make(chan struct{}), bell: make(chan struct{}, 1),
	}
	for _, typed := range cfg.Kinds {
		k := typed.erase()
		if k.Name == "" || k.Plan == nil || k.Load == nil || e.kinds[k.Name] != nil {
			return nil, fmt.Errorf("build provisioning engine: kind %q needs a name of its own, Plan and Load", k.Name)
		}
		if err := k.billing(cfg.Billed); err != nil {
			return nil, fmt.Errorf("build provisioning engine: %w", err)
		}
		e.kinds[k.Name] = k
	}
	var err error
	if e.metrics, err = newInstruments(cfg.Telemetry.MeterProvider().Meter(scope), cfg.Pool); err != nil {
		return nil, err
	}
	e.history = &history{}
	e.waits = newListener(cfg.Pool, cfg.Logger, e.ring)
	return e, nil
}

func (c Config) withDefaults() Config {
	c.Lease = cmp.Or(c.Lease, 5*time.Second)
	c.Sweep = cmp.Or(c.Sweep, 2*time.Second)
	c.Slice = cmp.Or(c.Slice, 20*time.Second)
	c.Settle = cmp.Or(c.Settle, 2*time.Second)
	c.Late = cmp.Or(c.Late, 6*c.Settle)
	c.Workers = cmp.Or(c.Workers, 64)
	c.Parallel = cmp.Or(c.Parallel, 8)
	c.Retention = cmp.Or(c.Retention, 90*24*time.Hour)
	c.Pace = cmp.Or(c.Pace, 1)
	if c.Clock == nil {
		c.Clock = clock.Real()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Telemetry == nil {
		c.Telemetry = noTelemetry{}
	}
	return c
}

type noTelemetry struct{}

func (noTelemetry) TracerProvider() trace.TracerProvider { return tracenoop.NewTracerProvider() }
func (noTelemetry) MeterProvider() metric.MeterProvider  { return metricnoop.NewMeterProvider() }

func (e *Engine) rules() rules {
	return rules{parallel: e.cfg.Parallel, pace: e.cfg.Pace, settle: e.cfg.Settle, late: e.cfg.Late}
}

// now is the time in the resolution of the database, so that what is written reads back the same.
func (e *Engine) now() time.Time { return e.cfg.Clock.Now().UTC().Truncate(time.Microsecond) }

// Run works on accepted changes until ctx ends, then lets steps under way finish for a while and returns nil. It waits for
// the database when that is not there yet, and goes on when it comes back after having been away.
func (e *Engine) Run(ctx context.Context) error {
	// Slices under way when ctx ends are not cut off.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var loops sync.WaitGroup
	background, stop := context.WithCancel(life)
	for _, loop := range []func(context.Context){e.keepHouse, e.waits.run, func(ctx context.Context) { e.dispatch(ctx, life) }} {
		loops.Go(func() { loop(background) })
	}
	select {
	case <-ctx.Done():
	case <-e.crashed:
		end()
	}
	e.draining.Store(true)
	stop()
	loops.Wait()
	e.drain(end)
	if e.hasCrashed() {
		return ErrCrashed
	}
	return nil
}

// drain waits for slices under way, for the grace time at most, and then cuts them off: their leases lapse and another engine
// goes on.
func (e *Engine) drain(end context.CancelFunc) {
	grace := time.AfterFunc(stopGrace, func() {
		e.log.Warn("steps were cut off at the stop; another engine goes on with them")
		end()
	})
	defer grace.Stop()
	e.slices.Wait()
}

func (e *Engine) hasCrashed() bool {
	select {
	case <-e.crashed:
		return true
	default:
		return false
	}
}
