package quota

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/metric"

	"github.com/low-layer/platform/libs/clock"
)

// Mismatch is a holder whose reservation is not its resource's share. With an empty holder it is a limit whose counts are not those
// of its reservations.
type Mismatch struct {
	Holder, Place, Resource string
	// Wanted is the share of the resources, Held the ledger's.
	Wanted, Held int64
}

// Compare returns the differences of the ledger from a query of place, resource, holder and amount. Both are read in one snapshot.
func Compare(ctx context.Context, q Querier, query string) ([]Mismatch, error) {
	rows, err := q.Query(ctx, `WITH wanted (place, resource, holder, amount) AS (`+query+`)
SELECT holder, place, resource, coalesce(w.amount, 0), coalesce(r.amount, 0)
  FROM wanted w FULL JOIN quota_reservations r USING (holder, place, resource)
 WHERE w.amount IS DISTINCT FROM r.amount
UNION ALL
SELECT '', l.place, l.resource, coalesce(sum(r.amount), 0)::bigint, l.in_use + l.reserved
  FROM quota_limits l LEFT JOIN quota_reservations r USING (tenant, place, resource)
 GROUP BY l.place, l.resource, l.in_use, l.reserved
HAVING coalesce(sum(r.amount), 0) <> l.in_use + l.reserved
    OR coalesce(sum(r.amount) FILTER (WHERE r.state = 'IN_USE'), 0) <> l.in_use
 ORDER BY 1, 2, 3`)
	if err != nil {
		return nil, fmt.Errorf("compare quotas: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Mismatch])
	if err != nil {
		return nil, fmt.Errorf("compare quotas: %w", err)
	}
	return out, nil
}

// WatchConfig is what Watch needs.
type WatchConfig struct {
	Service  string
	Pool     Querier
	Query    string
	Interval time.Duration
	Clock    clock.Clock
	Logger   *slog.Logger
	Meter    metric.MeterProvider
}

// Watch compares at every interval until ctx ends. A mismatch is a log record at ERROR, counted in the metric
// lowlayer_<service>_quota_mismatches. It is a defect of the platform; nothing repairs it.
func Watch(ctx context.Context, c WatchConfig) error {
	var found atomic.Int64
	meter := c.Meter.Meter("github.com/low-layer/platform/libs/quota")
	gauge, err := meter.Int64ObservableGauge("lowlayer_"+c.Service+"_quota_mismatches",
		metric.WithDescription("quota reservations that are not what their resources take"))
	if err != nil {
		return fmt.Errorf("make the metric of quotas: %w", err)
	}
	shown, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(gauge, found.Load())
		return nil
	}, gauge)
	if err != nil {
		return fmt.Errorf("make the metric of quotas: %w", err)
	}
	defer func() { _ = shown.Unregister() }()
	for {
		timer := c.Clock.NewTimer(c.Interval)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
		}
		all, err := Compare(ctx, c.Pool, c.Query)
		if err != nil {
			if ctx.Err() == nil {
				c.Logger.WarnContext(ctx, "quotas could not be compared", "error", err)
			}
			continue
		}
		found.Store(int64(len(all)))
		for _, m := range all {
			c.Logger.ErrorContext(ctx, "a quota does not agree with what there is", "holder", m.Holder, "place", m.Place,
				"resource", m.Resource, "wanted", m.Wanted, "held", m.Held)
		}
	}
}
