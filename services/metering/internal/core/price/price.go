// Package price computes the cost of usage. Every amount is exact until it is rounded once, half to even, to a hundredth of the
// currency. It is pure and never fails: a price book is checked when it is read (core/book).
package price

import (
	"cmp"
	"math/big"
	"slices"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/low-layer/platform/libs/resource"
)

// HoursPerMonth is the length of the month of a quote.
const HoursPerMonth = 730

const secondsPerHour = 3600

// exact does not round: its operations are those that need no rounding.
var exact = apd.BaseContext.WithPrecision(0)

// Meter is what a price is for.
type Meter struct {
	Name string
	Mode resource.Mode
}

func compareMeters(a, b Meter) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Mode, b.Mode))
}

// Tier is the price of the unit-hours up to a bound, which is nil for the last tier.
type Tier struct {
	UpTo    *apd.Decimal
	PerHour apd.Decimal
}

// Price is that of one meter: tiers by the unit-hours of a month, and the least cost of a month with usage.
type Price struct {
	Tiers   []Tier
	Minimum *apd.Decimal
}

// Book is the prices of a region in one currency from a time on.
type Book struct {
	ID, Region, Currency string
	Effective            time.Time
	Prices               map[Meter]Price
	Digest               string
}

// Meters lists the meters of the book in their order.
func (b Book) Meters() []Meter {
	out := make([]Meter, 0, len(b.Prices))
	for m := range b.Prices {
		out = append(out, m)
	}
	slices.SortFunc(out, compareMeters)
	return out
}

// At returns the book whose prices hold at a time. Books are ordered by the time from which they hold.
func At(books []Book, t time.Time) (Book, bool) {
	for _, b := range slices.Backward(books) {
		if !b.Effective.After(t) {
			return b, true
		}
	}
	return Book{}, false
}

// cost is the exact cost of unit-seconds by the tiers, times 3600.
func (p Price) cost(unitSeconds int64) *apd.Decimal {
	total, left, from := new(apd.Decimal), apd.New(unitSeconds, 0), new(apd.Decimal)
	for _, t := range p.Tiers {
		part := left
		if t.UpTo != nil {
			width := new(apd.Decimal)
			mustExact(exact.Sub(width, t.UpTo, from))
			mustExact(exact.Mul(width, width, apd.New(secondsPerHour, 0)))
			if width.Cmp(left) < 0 {
				part = width
			}
			from = t.UpTo
		}
		amount := new(apd.Decimal)
		mustExact(exact.Mul(amount, part, &t.PerHour))
		mustExact(exact.Add(total, total, amount))
		rest := new(apd.Decimal)
		mustExact(exact.Sub(rest, left, part))
		if left = rest; left.IsZero() {
			break
		}
	}
	return total
}

// mustExact: without a precision these operations only fail on exponents beyond those that a book may have.
func mustExact(_ apd.Condition, err error) {
	if err != nil {
		panic(err)
	}
}

// cents rounds a decimal, divided by d, half to even to hundredths.
func cents(n *apd.Decimal, d int64) int64 {
	num, den := new(big.Int).Set(n.Coeff.MathBigInt()), big.NewInt(d)
	if n.Negative {
		num.Neg(num)
	}
	ten := big.NewInt(10)
	shift := new(big.Int).Exp(ten, big.NewInt(abs(int64(n.Exponent)+2)), nil)
	if n.Exponent+2 >= 0 {
		num.Mul(num, shift)
	} else {
		den.Mul(den, shift)
	}
	q, r := new(big.Int).QuoRem(num, den, new(big.Int))
	twice := r.Lsh(r.Abs(r), 1)
	if c := twice.Cmp(den); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(num.Sign())))
	}
	return q.Int64()
}

func abs(n int64) int64 { return max(n, -n) }

// Month returns the rounded cost of a month's unit-seconds, with the minimum.
func (p Price) Month(unitSeconds int64) int64 {
	if unitSeconds == 0 {
		return 0
	}
	return max(cents(p.cost(unitSeconds), secondsPerHour), p.Least())
}

// Least returns the rounded minimum of a month, 0 without one.
func (p Price) Least() int64 {
	if p.Minimum == nil {
		return 0
	}
	return cents(p.Minimum, 1)
}

// Split divides an amount by weights, so that the parts add up to it: each gets its share rounded down, and what is left goes by one to
// those with the largest remainders, the first first. Weights are not negative; an amount without weights is all the first's.
func Split(amount int64, weights []int64) []int64 {
	out := make([]int64, len(weights))
	total := new(big.Int)
	for _, w := range weights {
		total.Add(total, big.NewInt(w))
	}
	if len(weights) == 0 {
		return out
	}
	if total.Sign() == 0 {
		out[0] = amount
		return out
	}
	rests := make([]*big.Int, len(weights))
	left := amount
	for i, w := range weights {
		part := new(big.Int).Mul(big.NewInt(amount), big.NewInt(w))
		q, r := new(big.Int).DivMod(part, total, new(big.Int))
		out[i], rests[i] = q.Int64(), r
		left -= out[i]
	}
	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rests[b].Cmp(rests[a]) })
	for _, i := range order[:left] {
		out[i]++
	}
	return out
}
