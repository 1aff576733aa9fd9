// Package usecase receives usage and computes prices and costs.
package usecase

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	meteringv1 "github.com/low-layer/platform/gen/go/lowlayer/metering/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/usage/spans"
	"github.com/low-layer/platform/services/metering/internal/core/price"
	"github.com/low-layer/platform/services/metering/internal/core/span"
	"github.com/low-layer/platform/services/metering/internal/store"
)

// Metering is the commands and reads of the service. Its prices are those of one region and currency.
type Metering struct {
	rows             *store.Store
	clock            clock.Clock
	region, currency string
}

// New makes Metering.
func New(rows *store.Store, c clock.Clock, region, currency string) *Metering {
	return &Metering{rows: rows, clock: c, region: region, currency: currency}
}

// now is the current second.
func (m *Metering) now() time.Time { return m.clock.Now().UTC().Truncate(time.Second) }

// Handlers record usage and tenants from the events of other services.
func (m *Metering) Handlers() map[string]event.Handler {
	return map[string]event.Handler{
		spans.Changed:      m.usageChanged,
		"tenant.created":   m.tenantChanged,
		"tenant.updated":   m.tenantChanged,
		"tenant.undeleted": m.tenantChanged,
		"tenant.purged":    m.tenantPurged,
	}
}

func (m *Metering) usageChanged(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
	var change meteringv1.UsageChanged
	if err := e.GetData().UnmarshalTo(&change); err != nil {
		return fmt.Errorf("read usage of %s: %w", e.GetSubject(), err)
	}
	for _, s := range change.GetSpans() {
		v := span.Span{
			Tenant: tenantID(e), Resource: change.GetResource(), UID: change.GetResourceUid(),
			Meter:    price.Meter{Name: s.GetMeter(), Mode: convert.ModeOf(s.GetMode())},
			Quantity: s.GetQuantity(), Start: s.GetStartTime().AsTime(), End: convert.TimeOf(s.GetEndTime()),
		}
		record := m.rows.CloseSpan
		if v.End.IsZero() {
			record = m.rows.OpenSpan
		}
		if err := record(ctx, tx, v); err != nil {
			return err
		}
	}
	return nil
}

func (m *Metering) tenantChanged(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
	var t tenantv1.Tenant
	if err := e.GetData().UnmarshalTo(&t); err != nil {
		return fmt.Errorf("read %s: %w", e.GetSubject(), err)
	}
	return m.rows.SetTenant(ctx, tx, tenantID(e), t.GetUid(), t.GetCreateTime().AsTime().Truncate(time.Second))
}

func (m *Metering) tenantPurged(ctx context.Context, tx pgx.Tx, e *eventv1.Event) error {
	return m.rows.RemoveTenant(ctx, tx, tenantID(e))
}

func tenantID(e *eventv1.Event) string { return strings.TrimPrefix(e.GetTenant(), "tenants/") }

// ahead is how many months have their partition before they begin.
const ahead = 2

// Partitions makes the partitions of this month and the next.
func (m *Metering) Partitions(ctx context.Context) (int, error) {
	month := m.now()
	for range ahead + 1 {
		if err := m.rows.EnsurePartition(ctx, month); err != nil {
			return 0, err
		}
		_, month = price.Month(month, time.UTC)
	}
	return 0, nil
}

// Books returns every price book, oldest first.
func (m *Metering) Books(ctx context.Context) ([]price.Book, error) { return m.rows.Books(ctx) }

// books are those of the service's region and currency.
func (m *Metering) books(ctx context.Context) ([]price.Book, error) {
	all, err := m.rows.Books(ctx)
	return slices.DeleteFunc(all, func(b price.Book) bool { return b.Region != m.region || b.Currency != m.currency }), err
}
