package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// operatorReport is the key of the report over all tenants.
const operatorReport = ""

// ObservedAt is when the cloud was last observed; the zero time before the first observation.
func (r *Records) ObservedAt(ctx context.Context) (time.Time, error) {
	var at time.Time
	err := r.pool.QueryRow(ctx, `SELECT observe_time FROM observations`).Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read when the cloud was observed: %w", err)
	}
	return at, nil
}

// ChangedSince tells whether an operation has ended after a moment.
func (r *Records) ChangedSince(ctx context.Context, moment time.Time) (bool, error) {
	var changed bool
	err := r.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM provision_operations WHERE end_time > $1)`, moment).Scan(&changed)
	if err != nil {
		return false, fmt.Errorf("look for ended operations: %w", err)
	}
	return changed, nil
}

// NoteObservation keeps an observation and its reports in place of the ones before. It answers false, and keeps nothing, when
// there is a later one.
func (r *Records) NoteObservation(ctx context.Context, tx pgx.Tx, o isolation.Observation, reports []isolation.Report) (bool, error) {
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

// IsolationReport reads the report of a tenant, as of now.
func (r *Records) IsolationReport(ctx context.Context, tenant resourcename.Tenant) (isolation.Report, error) {
	if _, err := boundaryOf(ctx, r.pool, tenant.Tenant); err != nil {
		return isolation.Report{}, err
	}
	report, err := r.report(ctx, tenant.Tenant)
	if errors.Is(err, pgx.ErrNoRows) {
		// The tenant had no network then.
		report = isolation.Report{Tenant: tenant.Tenant, Verdict: isolation.Empty}
		report.Time, err = r.ObservedAt(ctx)
		if err == nil && report.Time.IsZero() {
			err = notObserved()
		}
	}
	return r.asOfNow(ctx, report, err)
}

// OperatorReport reads the report over all tenants, as of now.
func (r *Records) OperatorReport(ctx context.Context) (isolation.Report, error) {
	report, err := r.report(ctx, operatorReport)
	if errors.Is(err, pgx.ErrNoRows) {
		err = notObserved()
	}
	if report.Verdict == isolation.Verified && len(report.Tenants) == 0 {
		report.Verdict = isolation.Empty
	}
	return r.asOfNow(ctx, report, err)
}

// asOfNow compares a report with the changes since. It reads them after the report, so that none of them is missed.
func (r *Records) asOfNow(ctx context.Context, report isolation.Report, err error) (isolation.Report, error) {
	if err != nil {
		return report, err
	}
	found, err := r.pool.Query(ctx, `SELECT DISTINCT tenant, resource FROM provision_operations
		WHERE (state = 'RUNNING' OR end_time >= $1) AND kind = ANY ($2) AND (tenant = $3 OR $3 = '') ORDER BY resource`,
		report.Time, []string{hub.Kind, vpc.Kind, peering.Kind}, report.Tenant)
	if err != nil {
		return report, fmt.Errorf("read changes since the observation: %w", err)
	}
	changes, err := pgx.CollectRows(found, pgx.RowToStructByPos[isolation.Change])
	if err != nil {
		return report, fmt.Errorf("read changes since the observation: %w", err)
	}
	return report.AsOf(r.now(), changes), nil
}

func (r *Records) report(ctx context.Context, tenant string) (isolation.Report, error) {
	var report isolation.Report
	var column []byte
	if err := r.pool.QueryRow(ctx, `SELECT report FROM isolation_reports WHERE tenant = $1`, tenant).Scan(&column); err != nil {
		return report, fmt.Errorf("read isolation report: %w", err)
	}
	return report, rows.Unpack(column, &report, "isolation report")
}

func notObserved() error {
	e := errs.New(errs.Unavailable, "ISOLATION_NOT_OBSERVED", "the cloud has not been observed yet; try again in a minute")
	e.Retry = time.Minute
	return e
}

// Observation reads the last observation.
func (r *Records) Observation(ctx context.Context) (isolation.Observation, error) {
	var o isolation.Observation
	var content []byte
	err := r.pool.QueryRow(ctx, `SELECT content FROM observations`).Scan(&content)
	if errors.Is(err, pgx.ErrNoRows) {
		return o, notObserved()
	}
	if err != nil {
		return o, fmt.Errorf("read observation: %w", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return o, fmt.Errorf("read observation: %w", err)
	}
	if err := json.NewDecoder(z).Decode(&o); err != nil {
		return o, fmt.Errorf("read observation: %w", err)
	}
	return o, nil
}

// lastIndex is the last observation, indexed: it is asked about far more often than there is a new one.
type lastIndex struct {
	mu    sync.Mutex
	index *isolation.Index
}

// LastIndex is the last observation for asking.
func (r *Records) LastIndex(ctx context.Context) (*isolation.Index, error) {
	at, err := r.ObservedAt(ctx)
	if err != nil {
		return nil, err
	}
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	if r.seen.index != nil && !r.seen.index.Observation().Time.Before(at) {
		return r.seen.index, nil
	}
	o, err := r.Observation(ctx)
	if err != nil {
		return nil, err
	}
	r.seen.index = isolation.NewIndex(o)
	return r.seen.index, nil
}

// CheckTenant refuses a tenant that has no boundary.
func (r *Records) CheckTenant(ctx context.Context, tenant resourcename.Tenant) error {
	_, err := boundaryOf(ctx, r.pool, tenant.Tenant)
	return err
}

// TellIsolation appends the event that the isolation of a site has turned. Call it last.
func (r *Records) TellIsolation(ctx context.Context, tx pgx.Tx, s isolation.Site, verified bool) error {
	kind := s.Kind + ".isolation_violated"
	if verified {
		kind = s.Kind + ".isolation_verified"
	}
	read := r.vpcMessage
	if s.Kind == hub.Kind {
		read = r.hubMessage
	}
	var message proto.Message
	message, err := read(s.UID)(ctx, tx)
	if err != nil {
		return err
	}
	return r.publish(ctx, tx, kind, s.Resource, s.Tenant, message)
}
