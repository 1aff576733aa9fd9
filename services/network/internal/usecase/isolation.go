package usecase

import (
	"context"
	"sync"
	"time"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
)

// IsolationReport is the report of a tenant, as of now.
func (n *Network) IsolationReport(ctx context.Context, tenant resourcename.Tenant) (isolation.Report, error) {
	if err := n.CheckTenant(ctx, tenant); err != nil {
		return isolation.Report{}, err
	}
	report, ok, err := n.Report(ctx, tenant.Tenant)
	if err == nil && !ok {
		// The tenant had no network at the time of the observation.
		report = isolation.Report{Tenant: tenant.Tenant, Verdict: isolation.Empty}
		if report.Time, err = n.ObservedAt(ctx); err == nil && report.Time.IsZero() {
			err = notObserved()
		}
	}
	return n.asOfNow(ctx, report, err)
}

// OperatorReport is the report over all tenants, as of now.
func (n *Network) OperatorReport(ctx context.Context) (isolation.Report, error) {
	report, ok, err := n.Report(ctx, "")
	if err == nil && !ok {
		err = notObserved()
	}
	if report.Verdict == isolation.Verified && len(report.Tenants) == 0 {
		report.Verdict = isolation.Empty
	}
	return n.asOfNow(ctx, report, err)
}

// asOfNow compares a report with the changes since. It reads them after the report, so that it misses none.
func (n *Network) asOfNow(ctx context.Context, report isolation.Report, err error) (isolation.Report, error) {
	if err != nil {
		return report, err
	}
	changes, err := n.ChangesSince(ctx, report.Tenant, report.Time)
	if err != nil {
		return report, err
	}
	return report.AsOf(n.Now(), changes), nil
}

func notObserved() error {
	e := errs.New(errs.Unavailable, "ISOLATION_NOT_OBSERVED", "the cloud has not been observed yet; try again in a minute")
	e.Retry = time.Minute
	return e
}

// CheckTenant returns NOT_FOUND for a tenant without a boundary.
func (n *Network) CheckTenant(ctx context.Context, tenant resourcename.Tenant) error {
	_, err := n.Boundary(ctx, tenant.Tenant)
	return err
}

// lastIndex caches the index of the last observation.
type lastIndex struct {
	mu    sync.Mutex
	index *isolation.Index
}

// LastIndex is the index of the last observation.
func (n *Network) LastIndex(ctx context.Context) (*isolation.Index, error) {
	at, err := n.ObservedAt(ctx)
	if err != nil {
		return nil, err
	}
	n.seen.mu.Lock()
	defer n.seen.mu.Unlock()
	if n.seen.index != nil && !n.seen.index.Observation().Time.Before(at) {
		return n.seen.index, nil
	}
	o, ok, err := n.Observation(ctx)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notObserved()
	}
	n.seen.index = isolation.NewIndex(o)
	return n.seen.index, nil
}
