package api

import (
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/money"

	meteringv1 "github.com/low-layer/platform/gen/go/lowlayer/metering/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/metering/internal/core/price"
	"github.com/low-layer/platform/services/metering/internal/usecase"
)

// query reads what the requests of usage and cost share. The form of the parent is checked by the proto's rules.
func query(parent, zone string, group meteringv1.Grouping) (usecase.Query, error) {
	at, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return usecase.Query{}, errs.Invalid(errs.Field("time_zone", "%q is no time zone such as Europe/Paris", zone))
	}
	return usecase.Query{Tenant: strings.Split(parent, "/")[1], Place: parent, Zone: at, Group: price.Grouping(group)}, nil
}

const (
	hundred       = 100
	nanosOfACent  = 10_000_000
	unlimitedTier = ""
)

// amount is hundredths of a currency as a message. Units and nanos have the same sign.
func amount(cents int64, currency string) *money.Money {
	return &money.Money{CurrencyCode: currency, Units: cents / hundred, Nanos: int32(cents%hundred) * nanosOfACent}
}

func bookMessage(b price.Book) *meteringv1.PriceBook {
	out := &meteringv1.PriceBook{Id: b.ID, Region: b.Region, Currency: b.Currency, EffectiveTime: convert.Time(b.Effective), Digest: b.Digest}
	units := map[string]string{}
	for _, m := range usage.Meters() {
		units[m.Name] = m.Unit
	}
	for _, m := range b.Meters() {
		p := b.Prices[m]
		line := &meteringv1.MeterPrice{Meter: m.Name, Mode: convert.Mode(m.Mode), Unit: units[m.Name]}
		for _, t := range p.Tiers {
			bound := unlimitedTier
			if t.UpTo != nil {
				bound = t.UpTo.Text('f')
			}
			line.Tiers = append(line.Tiers, &meteringv1.Tier{UpTo: bound, PerHour: t.PerHour.Text('f')})
		}
		if p.Minimum != nil {
			line.Minimum = amount(p.Least(), b.Currency)
		}
		out.Prices = append(out.Prices, line)
	}
	return out
}

func priceMessage(of usecase.Quotes, q price.Quote) *typev1.Price {
	if of.Unavailable != "" {
		return &typev1.Price{Unavailable: of.Unavailable}
	}
	currency := of.Book.Currency
	return &typev1.Price{
		PriceBook: of.Book.ID, Monthly: amount(q.After, currency), MonthlyDelta: amount(q.After-q.Before, currency),
		Hourly: q.Hourly, HourlyDelta: q.HourlyDelta, Unpriced: q.Unpriced,
		Lines: convert.All(q.Lines, func(l price.QuoteLine) *typev1.PriceLine {
			return &typev1.PriceLine{
				Resource: l.Resource, Meter: l.Meter, Mode: convert.Mode(l.Mode), QuantityBefore: l.Effect.Before, QuantityAfter: l.Effect.After,
				UnitPrice: l.UnitPrice, Monthly: amount(l.After, currency), MonthlyDelta: amount(l.After-l.Before, currency),
			}
		}),
	}
}

func useMessage(u usecase.Use) *meteringv1.Usage {
	return &meteringv1.Usage{Key: u.Key, Meter: u.Meter.Name, Mode: convert.Mode(u.Meter.Mode), UnitSeconds: u.UnitSeconds}
}

func costMessage(r usecase.CostReport) *meteringv1.QueryCostResponse {
	out := &meteringv1.QueryCostResponse{
		StartTime: convert.Time(r.From), EndTime: convert.Time(r.To), PriceBooks: r.Books, Unpriced: r.Unpriced, Unavailable: r.Unavailable, NoData: r.NoData,
		Costs: convert.All(r.Costs, func(c usecase.GroupCost) *meteringv1.Cost {
			return &meteringv1.Cost{Key: c.Key, Amount: amount(c.Cents, r.Currency)}
		}),
	}
	if r.Unavailable == "" {
		out.Total = amount(r.Total, r.Currency)
	}
	if r.Forecast != nil {
		out.Forecast, out.ForecastMethod = amount(*r.Forecast, r.Currency), usecase.ForecastMethod
	}
	return out
}
