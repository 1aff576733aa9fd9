package price

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"
	"pgregory.net/rapid"

	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/usage"
)

// decimals are texts of prices and bounds.
var decimals = rapid.Custom(func(t *rapid.T) string {
	return fmt.Sprintf("%d.%0*d", rapid.IntRange(0, 3).Draw(t, "whole"), 6, rapid.IntRange(1, 999_999).Draw(t, "fraction"))
})

func decimal(t rapid.TB, s string) apd.Decimal {
	d, _, err := apd.NewFromString(s)
	if err != nil {
		t.Fatal(err)
	}
	return *d
}

func rat(d *apd.Decimal) *big.Rat {
	r, ok := new(big.Rat).SetString(d.Text('f'))
	if !ok {
		panic(d.String())
	}
	return r
}

func drawPrice(t *rapid.T) Price {
	var p Price
	bound := 0
	for range rapid.IntRange(0, 3).Draw(t, "bounded tiers") {
		bound += rapid.IntRange(1, 900).Draw(t, "width")
		upTo := decimal(t, fmt.Sprintf("%d.5", bound))
		p.Tiers = append(p.Tiers, Tier{UpTo: &upTo, PerHour: decimal(t, decimals.Draw(t, "price"))})
	}
	p.Tiers = append(p.Tiers, Tier{PerHour: decimal(t, decimals.Draw(t, "last price"))})
	if rapid.Bool().Draw(t, "has a minimum") {
		least := decimal(t, decimals.Draw(t, "minimum"))
		p.Minimum = &least
	}
	return p
}

// centsOf rounds a rational half to even to hundredths, by another way than the code.
func centsOf(r *big.Rat) int64 {
	scaled := new(big.Rat).Mul(r, big.NewRat(100, 1))
	floor := new(big.Int).Div(scaled.Num(), scaled.Denom())
	rest := new(big.Rat).Sub(scaled, new(big.Rat).SetInt(floor))
	up := rest.Cmp(big.NewRat(1, 2))
	if up > 0 || up == 0 && new(big.Int).Mod(floor, big.NewInt(2)).Sign() != 0 {
		floor.Add(floor, big.NewInt(1))
	}
	return floor.Int64()
}

// ratCost is the cost of unit-seconds: the price of the tier of each unit-hour.
func ratCost(p Price, unitSeconds int64) *big.Rat {
	hours, from, total := big.NewRat(unitSeconds, 3600), new(big.Rat), new(big.Rat)
	for _, tier := range p.Tiers {
		to := hours
		if tier.UpTo != nil && rat(tier.UpTo).Cmp(hours) < 0 {
			to = rat(tier.UpTo)
		}
		if to.Cmp(from) > 0 {
			total.Add(total, new(big.Rat).Mul(new(big.Rat).Sub(to, from), rat(&tier.PerHour)))
			from = to
		}
	}
	return total
}

// A month of a tenant in a random zone, with random books, tiers, minimums and changes of price in the middle of the month.
func TestRate_randomMonths_equalExactRecomputation(t *testing.T) {
	zones := []string{"Etc/GMT+12", "UTC", "Europe/Paris", "America/St_Johns", "Pacific/Kiritimati"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		from, to := Month(time.Unix(rapid.Int64Range(1_700_000_000, 1_800_000_000).Draw(t, "month"), 0), zone)
		meters := []Meter{{"vpc", resource.Mutualized}, {"vpc", resource.Dedicated}, {"router", resource.Dedicated}}
		var books []Book
		at := from.Add(-time.Hour)
		for i := range rapid.IntRange(1, 3).Draw(t, "books") {
			b := Book{ID: fmt.Sprint("book", i), Effective: at, Prices: map[Meter]Price{}}
			for _, m := range meters {
				b.Prices[m] = drawPrice(t)
			}
			books = append(books, b)
			at = at.Add(time.Duration(rapid.IntRange(7200, 15*86400).Draw(t, "later")) * time.Second)
		}
		windows := Windows(from, to, zone, rapid.Bool().Draw(t, "days"), books)
		checkWindows(t, windows, from, to)
		var cells []Cell
		for i, w := range windows {
			for _, m := range meters {
				if n := rapid.Int64Range(0, 40).Draw(t, "quantity"); n > 0 {
					seconds := int64(w.To.Sub(w.From) / time.Second)
					cells = append(cells, Cell{i, fmt.Sprint("r", i%3), m, n * rapid.Int64Range(1, seconds).Draw(t, "seconds")})
				}
			}
		}
		got := Rate(books, windows, cells)
		if want := recompute(books, windows, cells); got.Total != want {
			t.Fatalf("total %d, recomputed %d", got.Total, want)
		}
		var sum int64
		for _, c := range got.Cents {
			sum += c
		}
		if sum != got.Total {
			t.Fatalf("parts add up to %d of %d", sum, got.Total)
		}
	})
}

func recompute(books []Book, windows []Window, cells []Cell) (total int64) {
	type key struct {
		meter Meter
		book  int
	}
	seconds, last := map[key]int64{}, map[Meter]int{}
	for _, c := range cells {
		current := 0
		for i, b := range books {
			if !b.Effective.After(windows[c.Window].From) {
				current = i
			}
		}
		seconds[key{c.Meter, current}] += c.UnitSeconds
		last[c.Meter] = max(last[c.Meter], current)
	}
	byMeter := map[Meter]int64{}
	for k, n := range seconds {
		byMeter[k.meter] += centsOf(ratCost(books[k.book].Prices[k.meter], n))
	}
	for m, n := range byMeter {
		if least := books[last[m]].Prices[m].Minimum; least != nil {
			n = max(n, centsOf(rat(least)))
		}
		total += n
	}
	return total
}

// checkWindows: windows follow each other without a gap and cover the month.
func checkWindows(t *rapid.T, windows []Window, from, to time.Time) {
	at := from
	for _, w := range windows {
		if !w.From.Equal(at) || !w.To.After(w.From) {
			t.Fatalf("window %v does not begin at %v", w, at)
		}
		at = w.To
	}
	if !at.Equal(to) {
		t.Fatalf("windows end at %v, not %v", at, to)
	}
}

func TestWindows_dayOfClockChange_has23And25Hours(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for month, want := range map[time.Month]time.Duration{time.March: 23 * time.Hour, time.October: 25 * time.Hour} {
		from, to := Month(time.Date(2026, month, 10, 0, 0, 0, 0, paris), paris)
		windows := Windows(from, to, paris, true, nil)
		if len(windows) != 31 {
			t.Errorf("%s has %d days", month, len(windows))
		}
		odd := slices.DeleteFunc(windows, func(w Window) bool { return w.To.Sub(w.From) == 24*time.Hour })
		if len(odd) != 1 || odd[0].To.Sub(odd[0].From) != want {
			t.Errorf("%s: days of another length: %v, want one of %s", month, odd, want)
		}
	}
}

func TestSplit_anyWeights_addsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Int64Range(0, 1<<40), 1, 9).Draw(t, "weights")
		amount := rapid.Int64Range(0, 1<<40).Draw(t, "amount")
		var sum int64
		for _, p := range Split(amount, weights) {
			if p < 0 {
				t.Fatalf("a part is %d", p)
			}
			sum += p
		}
		if sum != amount {
			t.Fatalf("parts add up to %d of %d", sum, amount)
		}
	})
}

func TestQuoteOf_tiersAndMinimum_ofTheUsageAlone(t *testing.T) {
	bound, least := decimal(t, "1000"), decimal(t, "9.00")
	m := Meter{usage.Vpc, resource.Mutualized}
	b := Book{ID: "b", Prices: map[Meter]Price{m: {Tiers: []Tier{{&bound, decimal(t, "0.01")}, {nil, decimal(t, "0.005")}}, Minimum: &least}}}
	q := QuoteOf(b, []usage.Effect{
		{Resource: "a", Meter: usage.Vpc, Mode: resource.Mutualized, After: 1},
		{Resource: "b", Meter: usage.Vpc, Mode: resource.Mutualized, Before: 1, After: 1},
		{Resource: "c", Meter: usage.Router, Mode: resource.Mutualized, After: 1},
	})
	// After: 1460 unit-hours, 1000 at 0.01 and 460 at 0.005. Before: 7.30 is below the minimum of 9.00.
	if q.After != 1230 || q.Before != 900 || q.Hourly != "0.02" || q.HourlyDelta != "0.01" || strings.Join(q.Unpriced, "") != usage.Router {
		t.Errorf("got %+v", q)
	}
}

func TestGrouping_key_namesThePlace(t *testing.T) {
	windows := []Window{{From: time.Date(2026, 11, 30, 23, 30, 0, 0, time.UTC)}}
	kiritimati, err := time.LoadLocation("Pacific/Kiritimati")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		group      Grouping
		name, want string
	}{
		{ByVpc, "tenants/a/organisations/o/vpcs/v", "tenants/a/organisations/o/vpcs/v"},
		{ByVpc, "tenants/a/organisations/o/hub", "tenants/a/organisations/o"},
		{ByVpc, "tenants/a/peerings/p", "tenants/a"},
		{ByOrganisation, "tenants/a/organisations/o/vpcs/v", "tenants/a/organisations/o"},
		{ByDay, "tenants/a", "2026-12-01"},
		{ByMeter, "tenants/a", "vpc"},
		{ByResource, "tenants/a/peerings/p", "tenants/a/peerings/p"},
	} {
		if got := c.group.Key(Cell{Resource: c.name, Meter: Meter{Name: "vpc"}}, windows, kiritimati); got != c.want {
			t.Errorf("group %d of %s: %s, want %s", c.group, c.name, got, c.want)
		}
	}
}
