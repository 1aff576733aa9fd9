package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// ObservedAt is the time of the last observation of the cloud, zero before the first.
func (s *Store) ObservedAt(ctx context.Context) (time.Time, error) {
	return rows.First[time.Time](ctx, s.pool, "time of the observation", `SELECT observe_time FROM observations`)
}

// ChangedSince reports whether an operation has ended after a moment.
func (s *Store) ChangedSince(ctx context.Context, moment time.Time) (bool, error) {
	return rows.First[bool](ctx, s.pool, "ended operations", `SELECT EXISTS (SELECT FROM provision_operations WHERE end_time > $1)`, moment)
}

// NoteObservation replaces the observation and its reports, and returns false when the stored one is later.
func (s *Store) NoteObservation(ctx context.Context, tx pgx.Tx, o isolation.Observation, reports []isolation.Report) (bool, error) {
	content, err := packed(o)
	if err != nil {
		return false, err
	}
	done, err := tx.Exec(ctx, `INSERT INTO observations AS o (observe_time, content) VALUES ($1, $2)
		ON CONFLICT (id) DO UPDATE SET observe_time = excluded.observe_time, content = excluded.content
		WHERE o.observe_time < excluded.observe_time`, o.Time, content)
	if err != nil {
		return false, fmt.Errorf("keep the observation: %w", err)
	}
	if done.RowsAffected() == 0 {
		return false, nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM isolation_reports`); err != nil {
		return false, fmt.Errorf("keep isolation reports: %w", err)
	}
	var batch pgx.Batch
	for _, report := range reports {
		column, err := rows.Pack(report, "isolation report")
		if err != nil {
			return false, err
		}
		batch.Queue(`INSERT INTO isolation_reports (tenant, observe_time, verdict, report) VALUES ($1, $2, $3, $4)`,
			report.Tenant, report.Time, string(report.Verdict), column)
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return false, fmt.Errorf("keep isolation reports: %w", err)
	}
	return true, nil
}

func packed(o isolation.Observation) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(o); err != nil {
		return nil, fmt.Errorf("write observation: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("write observation: %w", err)
	}
	return b.Bytes(), nil
}

// Report reads the isolation report of a tenant, by its id, or with an empty id the report over all tenants. ok is false without one.
func (s *Store) Report(ctx context.Context, tenant string) (report isolation.Report, ok bool, err error) {
	column, err := rows.First[[]byte](ctx, s.pool, "isolation report", `SELECT report FROM isolation_reports WHERE tenant = $1`, tenant)
	if err != nil || column == nil {
		return report, false, err
	}
	return report, true, rows.Unpack(column, &report, "isolation report")
}

// ChangesSince are the changes of networks, of one tenant or with an empty id of all, that run or have ended since a moment.
func (s *Store) ChangesSince(ctx context.Context, tenant string, moment time.Time) ([]isolation.Change, error) {
	return rows.Many(ctx, s.pool, "change", pgx.RowToStructByPos[isolation.Change], `SELECT DISTINCT tenant, resource FROM provision_operations
		WHERE (state = 'RUNNING' OR end_time >= $1) AND kind = ANY ($2) AND (tenant = $3 OR $3 = '') ORDER BY resource`,
		moment, []string{hub.Kind, vpc.Kind, peering.Kind}, tenant)
}

// Observation reads the last observation. ok is false before the first.
func (s *Store) Observation(ctx context.Context) (o isolation.Observation, ok bool, err error) {
	content, err := rows.First[[]byte](ctx, s.pool, "observation", `SELECT content FROM observations`)
	if err != nil || content == nil {
		return o, false, err
	}
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err == nil {
		err = json.NewDecoder(z).Decode(&o)
	}
	if err != nil {
		return o, false, fmt.Errorf("unpack observation: %w", err)
	}
	return o, true, nil
}
