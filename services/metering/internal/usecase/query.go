package usecase

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/metering/internal/core/price"
)

// Quotes are the prices of a change as asked for and in each mode. Unavailable says why there are none.
type Quotes struct {
	Book                                  price.Book
	Unavailable                           string
	AsAskedFor, InMutualized, InDedicated price.Quote
}

// Quote prices effects on usage at a time, which is zero for now.
func (m *Metering) Quote(ctx context.Context, effects []usage.Effect, at time.Time) (q Quotes, err error) {
	if at.IsZero() {
		at = m.now()
	}
	books, err := m.books(ctx)
	if err != nil {
		return q, err
	}
	var ok bool
	if q.Book, ok = price.At(books, at); !ok {
		q.Unavailable = m.noBook(at)
		return q, nil
	}
	q.AsAskedFor = price.QuoteOf(q.Book, effects)
	q.InMutualized = price.QuoteOf(q.Book, price.InMode(effects, resource.Mutualized))
	q.InDedicated = price.QuoteOf(q.Book, price.InMode(effects, resource.Dedicated))
	return q, nil
}

func (m *Metering) noBook(at time.Time) string {
	return fmt.Sprintf("no price book of region %s in %s holds at %s", m.region, m.currency, at.UTC().Format(time.RFC3339))
}

// Query asks for the usage or cost of a place: a tenant, or an organisation or VPC in it.
type Query struct {
	Tenant, Place string
	From, To      time.Time
	Zone          *time.Location
	Group         price.Grouping
}

// Use is the usage of one meter in one group.
type Use struct {
	Key         string
	Meter       price.Meter
	UnitSeconds int64
}

// UsageReport is the answer to a Query of usage.
type UsageReport struct {
	From, To time.Time
	Uses     []Use
	NoData   bool
}

// Usage adds up usage. A zero From is the begin of the month, a zero To is now.
func (m *Metering) Usage(ctx context.Context, q Query) (r UsageReport, err error) {
	now := m.now()
	since, err := m.rows.Since(ctx, q.Tenant)
	if err != nil {
		return r, err
	}
	if q.To.IsZero() || q.To.After(now) {
		q.To = now
	}
	if q.From.IsZero() {
		q.From, _ = price.Month(q.To, q.Zone)
	}
	r.From, r.To = q.From, q.To
	windows := price.Windows(later(q.From, since), q.To, q.Zone, q.Group == price.ByDay, nil)
	cells, err := m.rows.Consumption(ctx, q.Tenant, windows, now)
	if err != nil {
		return r, err
	}
	found := map[Use]int64{}
	for _, c := range cells {
		if price.Within(c.Resource, q.Place) {
			found[Use{Key: q.Group.Key(c, windows, q.Zone), Meter: c.Meter}] += c.UnitSeconds
		}
	}
	for u, n := range found {
		u.UnitSeconds = n
		r.Uses = append(r.Uses, u)
	}
	slices.SortFunc(r.Uses, func(a, b Use) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Meter.Name, b.Meter.Name), cmp.Compare(a.Meter.Mode, b.Meter.Mode))
	})
	if len(r.Uses) == 0 {
		r.NoData, err = m.noData(ctx, q.Tenant, since)
	}
	return r, err
}

func (m *Metering) noData(ctx context.Context, tenant string, since time.Time) (bool, error) {
	has, err := m.rows.HasUsage(ctx, tenant, since)
	return !has, err
}

// GroupCost is the cost of one group in hundredths.
type GroupCost struct {
	Key   string
	Cents int64
}

// CostReport is the cost of a month.
type CostReport struct {
	From, To        time.Time
	Costs           []GroupCost
	Total           int64
	Forecast        *int64
	Books, Unpriced []string
	Currency        string
	Unavailable     string
	NoData          bool
}

// ForecastMethod is how a forecast is made.
const ForecastMethod = "usage that lasts now stays as it is until the end of the month, at the prices that are published"

// Cost rates the month that begins at From, up to now while it lasts, and forecasts its end.
func (m *Metering) Cost(ctx context.Context, q Query) (r CostReport, err error) {
	now := m.now()
	r.Currency = m.currency
	since, err := m.rows.Since(ctx, q.Tenant)
	if err != nil {
		return r, err
	}
	if q.From.IsZero() {
		q.From = now
	}
	var end time.Time
	r.From, end = price.Month(q.From, q.Zone)
	r.To = earlier(now, end)
	books, err := m.books(ctx)
	if err != nil {
		return r, err
	}
	if _, ok := price.At(books, later(r.From, earlier(r.To, end.Add(-time.Second)))); !ok {
		r.Unavailable = m.noBook(r.To)
	}
	if err := m.rate(ctx, q, books, later(r.From, since), r.To, now, &r); err != nil {
		return r, err
	}
	if now.Before(end) && !now.Before(r.From) && r.Unavailable == "" {
		var whole CostReport
		if err := m.rate(ctx, q, books, later(r.From, since), end, end, &whole); err != nil {
			return r, err
		}
		r.Forecast = &whole.Total
	}
	if len(r.Costs) == 0 {
		r.NoData, err = m.noData(ctx, q.Tenant, since)
	}
	return r, err
}

// rate adds up the cost of a place from the rating of the whole tenant.
func (m *Metering) rate(ctx context.Context, q Query, books []price.Book, from, to, now time.Time, r *CostReport) error {
	windows := price.Windows(from, to, q.Zone, q.Group == price.ByDay, books)
	cells, err := m.rows.Consumption(ctx, q.Tenant, windows, now)
	if err != nil {
		return err
	}
	rated := price.Rate(books, windows, cells)
	r.Books, r.Unpriced = rated.Books, rated.Unpriced
	sums := map[string]int64{}
	for i, c := range cells {
		if price.Within(c.Resource, q.Place) {
			sums[q.Group.Key(c, windows, q.Zone)] += rated.Cents[i]
			r.Total += rated.Cents[i]
		}
	}
	for key, cents := range sums {
		r.Costs = append(r.Costs, GroupCost{key, cents})
	}
	slices.SortFunc(r.Costs, func(a, b GroupCost) int { return strings.Compare(a.Key, b.Key) })
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
