package price

import (
	"slices"

	"github.com/cockroachdb/apd/v3"

	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/usage"
)

// QuoteLine is the price of one effect: the cost of a month before and after, in hundredths.
type QuoteLine struct {
	usage.Effect
	UnitPrice     string
	Before, After int64
}

// Quote is the price of a change.
type Quote struct {
	Lines         []QuoteLine
	Before, After int64
	// Hourly and HourlyDelta are exact, by the first tier.
	Hourly, HourlyDelta string
	Unpriced            []string
}

// QuoteOf returns what effects on usage cost when they last: a month has 730 hours, and tiers and minimums are those of this usage
// alone.
func QuoteOf(b Book, effects []usage.Effect) Quote {
	groups := map[Meter][]usage.Effect{}
	var q Quote
	for _, e := range effects {
		m := Meter{e.Meter, e.Mode}
		if _, ok := b.Prices[m]; !ok {
			q.Unpriced = append(q.Unpriced, e.Meter)
			continue
		}
		groups[m] = append(groups[m], e)
	}
	hourly, delta := new(apd.Decimal), new(apd.Decimal)
	for _, m := range b.Meters() {
		of := groups[m]
		if len(of) == 0 {
			continue
		}
		p := b.Prices[m]
		before := p.monthly(of, func(e usage.Effect) int64 { return e.Before })
		after := p.monthly(of, func(e usage.Effect) int64 { return e.After })
		unit := p.Tiers[0].PerHour
		for i, e := range of {
			q.Lines = append(q.Lines, QuoteLine{Effect: e, UnitPrice: text(&unit), Before: before[i], After: after[i]})
			q.Before, q.After = q.Before+before[i], q.After+after[i]
			add(hourly, &unit, e.After)
			add(delta, &unit, e.After-e.Before)
		}
	}
	slices.SortStableFunc(q.Lines, func(a, b QuoteLine) int { return compareMetersOf(a.Effect, b.Effect) })
	q.Hourly, q.HourlyDelta, q.Unpriced = text(hourly), text(delta), distinct(q.Unpriced)
	return q
}

func compareMetersOf(a, b usage.Effect) int {
	if a.Resource != b.Resource {
		if a.Resource < b.Resource {
			return -1
		}
		return 1
	}
	return compareMeters(Meter{a.Meter, a.Mode}, Meter{b.Meter, b.Mode})
}

// monthly is the cost of a month of each effect's quantity.
func (p Price) monthly(of []usage.Effect, quantity func(usage.Effect) int64) []int64 {
	weights := make([]int64, len(of))
	var total int64
	for i, e := range of {
		weights[i] = quantity(e)
		total += weights[i]
	}
	return Split(p.Month(total*HoursPerMonth*secondsPerHour), weights)
}

func add(sum, unit *apd.Decimal, n int64) {
	part := new(apd.Decimal)
	mustExact(exact.Mul(part, unit, apd.New(n, 0)))
	mustExact(exact.Add(sum, sum, part))
}

// text is a decimal without an exponent and without zeros at its end.
func text(d *apd.Decimal) string {
	reduced, _ := new(apd.Decimal).Reduce(d)
	return reduced.Text('f')
}

// InMode is the effects with everything in one mode.
func InMode(effects []usage.Effect, mode resource.Mode) []usage.Effect {
	out := slices.Clone(effects)
	for i := range out {
		out[i].Mode = mode
	}
	return out
}
