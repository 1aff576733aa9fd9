package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const scrapeTimeout = time.Second

type instruments struct {
	steps  metric.Float64Histogram
	losses metric.Int64Counter
}

func newInstruments(m metric.Meter, pool *pgxpool.Pool) (*instruments, error) {
	i := &instruments{}
	var err error
	i.steps, err = m.Float64Histogram("lowlayer_provision_step_seconds", metric.WithUnit("s"),
		metric.WithDescription("How long one function of a step took, by its outcome."),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60))
	if err != nil {
		return nil, fmt.Errorf("build metrics: %w", err)
	}
	i.losses, err = m.Int64Counter("lowlayer_provision_lease_losses",
		metric.WithDescription("How often a worker lost a resource to another one."))
	if err != nil {
		return nil, fmt.Errorf("build metrics: %w", err)
	}
	unfinished, err := m.Int64ObservableGauge("lowlayer_provision_unfinished_resources",
		metric.WithDescription("Resources with unfinished work, by kind and whether they are blocked."))
	if err != nil {
		return nil, fmt.Errorf("build metrics: %w", err)
	}
	queue, err := m.Int64ObservableGauge("lowlayer_provision_queue_jobs",
		metric.WithDescription("Resources whose work is due and under no lease."))
	if err != nil {
		return nil, fmt.Errorf("build metrics: %w", err)
	}
	_, err = m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		return observe(ctx, o, pool, unfinished, queue)
	}, unfinished, queue)
	if err != nil {
		return nil, fmt.Errorf("build metrics: %w", err)
	}
	return i, nil
}

func observe(ctx context.Context, o metric.Observer, pool *pgxpool.Pool, unfinished, queue metric.Int64ObservableGauge) error {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	rows, err := pool.Query(ctx, `SELECT kind, state = 'BLOCKED', count(*) FROM provision_resources
		WHERE current_operation IS NOT NULL GROUP BY 1, 2
		UNION ALL SELECT '', false, count(*) FROM provision_resources WHERE current_operation IS NOT NULL
		AND wake_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())`)
	if err != nil {
		return fmt.Errorf("count unfinished resources: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind string
		var blocked bool
		var n int64
		if err := rows.Scan(&kind, &blocked, &n); err != nil {
			return fmt.Errorf("count unfinished resources: %w", err)
		}
		if kind == "" {
			o.ObserveInt64(queue, n)
			continue
		}
		o.ObserveInt64(unfinished, n,
			metric.WithAttributes(attribute.String("kind", kind), attribute.Bool("blocked", blocked)))
	}
	return rows.Err()
}
