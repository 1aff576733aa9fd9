package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/metering/internal/core/price"
	"github.com/low-layer/platform/services/metering/internal/core/span"
)

// OpenSpan records a span that lasts.
func (s *Store) OpenSpan(ctx context.Context, tx pgx.Tx, v span.Span) error {
	_, err := tx.Exec(ctx, `INSERT INTO open_spans (tenant, resource, resource_uid, meter, mode, quantity, start_time) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		v.Tenant, v.Resource, v.UID, v.Meter.Name, string(v.Meter.Mode), v.Quantity, v.Start)
	if err != nil {
		return fmt.Errorf("open span of %s: %w", v.Resource, err)
	}
	return nil
}

// CloseSpan records a span that has ended.
func (s *Store) CloseSpan(ctx context.Context, tx pgx.Tx, v span.Span) error {
	var b pgx.Batch
	b.Queue(`DELETE FROM open_spans WHERE tenant = $1 AND resource_uid = $2 AND meter = $3 AND mode = $4`, v.Tenant, v.UID, v.Meter.Name, string(v.Meter.Mode))
	for _, p := range v.Pieces() {
		b.Queue(`SELECT spans_partition($1)`, p.Start)
		b.Queue(`INSERT INTO spans (tenant, resource, resource_uid, meter, mode, quantity, start_time, end_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			p.Tenant, p.Resource, p.UID, p.Meter.Name, string(p.Meter.Mode), p.Quantity, p.Start, p.End)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("close span of %s: %w", v.Resource, err)
	}
	return nil
}

// EnsurePartition makes the partition of a month before a span needs it.
func (s *Store) EnsurePartition(ctx context.Context, month time.Time) error {
	if _, err := s.pool.Exec(ctx, `SELECT spans_partition($1)`, month); err != nil {
		return fmt.Errorf("make partition: %w", err)
	}
	return nil
}

// HasUsage reports whether there is any record of usage of a tenant.
func (s *Store) HasUsage(ctx context.Context, tenant string, since time.Time) (bool, error) {
	return rows.First[bool](ctx, s.pool, "usage", `SELECT EXISTS (SELECT FROM open_spans WHERE tenant = $1)
		OR EXISTS (SELECT FROM spans WHERE tenant = $1 AND start_time >= $2)`, tenant, since)
}

// consumption adds up quantity times seconds of what overlaps each window. Open spans end at $6. Pieces are in one month of UTC each, so
// none that overlaps begins before $5.
const consumption = `
WITH windows AS (SELECT n - 1 AS n, f, t FROM unnest($2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY AS u (f, t, n)),
used AS (
	SELECT resource, meter, mode, quantity, start_time, end_time FROM spans
	 WHERE tenant = $1 AND start_time >= $5 AND start_time < $4
	UNION ALL
	SELECT resource, meter, mode, quantity, start_time, $6::timestamptz FROM open_spans WHERE tenant = $1 AND start_time < $6
)
SELECT w.n, u.resource, u.meter, u.mode,
       sum(u.quantity * extract(epoch FROM least(u.end_time, w.t) - greatest(u.start_time, w.f)))::bigint AS unit_seconds
  FROM windows w JOIN used u ON u.start_time < w.t AND u.end_time > w.f
 GROUP BY w.n, u.resource, u.meter, u.mode
 ORDER BY w.n, u.resource, u.meter, u.mode`

// Consumption adds up the usage of a tenant in each window. Spans that last count up to now.
func (s *Store) Consumption(ctx context.Context, tenant string, windows []price.Window, now time.Time) ([]price.Cell, error) {
	if len(windows) == 0 {
		return nil, nil
	}
	from, to := make([]time.Time, len(windows)), make([]time.Time, len(windows))
	for i, w := range windows {
		from[i], to[i] = w.From, w.To
	}
	first, _ := price.Month(windows[0].From, time.UTC)
	return rows.Many(ctx, s.pool, "usage", func(row pgx.CollectableRow) (c price.Cell, err error) {
		err = row.Scan(&c.Window, &c.Resource, &c.Meter.Name, (*string)(&c.Meter.Mode), &c.UnitSeconds)
		return c, err
	}, consumption, tenant, from, to, windows[len(windows)-1].To, first, now)
}
