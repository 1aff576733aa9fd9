package price

import (
	"slices"
	"strings"
	"time"
)

// Window is a time from which to one before which usage is added up. No window crosses a day of the time zone or the begin of a book.
type Window struct{ From, To time.Time }

// Cell is the usage of a resource in a window.
type Cell struct {
	Window      int
	Resource    string
	Meter       Meter
	UnitSeconds int64
}

// Windows cuts a time at the days of a zone and at the begins of books. days false cuts at books alone.
func Windows(from, to time.Time, zone *time.Location, days bool, books []Book) []Window {
	cuts := []time.Time{from}
	for _, b := range books {
		cuts = append(cuts, b.Effective)
	}
	if days {
		for d := Day(from, zone); d.Before(to); {
			y, m, n := d.In(zone).Date()
			d = time.Date(y, m, n+1, 0, 0, 0, 0, zone)
			cuts = append(cuts, d)
		}
	}
	slices.SortFunc(cuts, time.Time.Compare)
	var out []Window
	for _, c := range cuts {
		if c.Before(from) || !c.Before(to) {
			continue
		}
		if n := len(out); n > 0 {
			if c.Equal(out[n-1].From) {
				continue
			}
			out[n-1].To = c.UTC()
		}
		out = append(out, Window{c.UTC(), to.UTC()})
	}
	return out
}

// Day is the begin of the day of a zone that a time is in.
func Day(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

// Month is the begin of the month of a zone that a time is in, and that of the next.
func Month(t time.Time, zone *time.Location) (from, to time.Time) {
	y, m, _ := t.In(zone).Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, zone), time.Date(y, m+1, 1, 0, 0, 0, 0, zone)
}

// Cost is the cost of a month.
type Cost struct {
	// Cents is the cost of each cell of the usage, in its order.
	Cents    []int64
	Total    int64
	Books    []string
	Unpriced []string
}

type line struct {
	book  string
	meter Meter
}

// Rate returns the cost of a month's usage of a whole tenant. The tiers begin anew with each book of the month. The minimum is that of
// the last book under which the meter has usage, of the meter's whole month.
func Rate(books []Book, windows []Window, cells []Cell) Cost {
	lines, byMeter := map[line][]int{}, map[Meter][]line{}
	out := Cost{Cents: make([]int64, len(cells))}
	priced := map[line]Price{}
	for i, c := range cells {
		b, ok := At(books, windows[c.Window].From)
		p, found := b.Prices[c.Meter]
		if !ok || !found {
			out.Unpriced = append(out.Unpriced, c.Meter.Name)
			continue
		}
		l := line{b.ID, c.Meter}
		if lines[l] == nil {
			byMeter[c.Meter] = append(byMeter[c.Meter], l)
		}
		lines[l], priced[l] = append(lines[l], i), p
		out.Books = append(out.Books, b.ID)
	}
	for _, of := range byMeter {
		out.rateMeter(books, of, lines, priced, cells)
	}
	for _, c := range out.Cents {
		out.Total += c
	}
	out.Books, out.Unpriced = distinct(out.Books), distinct(out.Unpriced)
	return out
}

// rateMeter rates one meter: its lines by the order of their books.
func (c *Cost) rateMeter(books []Book, of []line, lines map[line][]int, priced map[line]Price, cells []Cell) {
	order := func(id string) int { return slices.IndexFunc(books, func(b Book) bool { return b.ID == id }) }
	slices.SortFunc(of, func(a, b line) int { return order(a.book) - order(b.book) })
	var sum int64
	amounts := make([]int64, len(of))
	for i, l := range of {
		var unitSeconds int64
		for _, j := range lines[l] {
			unitSeconds += cells[j].UnitSeconds
		}
		if unitSeconds > 0 {
			amounts[i] = cents(priced[l].cost(unitSeconds), secondsPerHour)
		}
		sum += amounts[i]
	}
	last := len(of) - 1
	if least := priced[of[last]].Least(); sum < least {
		amounts[last] += least - sum
	}
	for i, l := range of {
		weights := make([]int64, len(lines[l]))
		for k, j := range lines[l] {
			weights[k] = cells[j].UnitSeconds
		}
		for k, part := range Split(amounts[i], weights) {
			c.Cents[lines[l][k]] = part
		}
	}
}

func distinct(in []string) []string {
	slices.Sort(in)
	return slices.Compact(in)
}

// Grouping is by what usage and cost are added up.
type Grouping int

// The groupings.
const (
	ByMeter Grouping = iota + 1
	ByResource
	ByVpc
	ByOrganisation
	ByDay
)

// Parts of a resource name `tenants/T/organisations/O/vpcs/V`.
const (
	tenantParts       = 2
	organisationParts = 4
	vpcParts          = 6
)

// Key is the group of a cell.
func (g Grouping) Key(c Cell, windows []Window, zone *time.Location) string {
	switch g {
	case ByResource:
		return c.Resource
	case ByVpc:
		return ancestor(c.Resource, vpcParts, organisationParts, tenantParts)
	case ByOrganisation:
		return ancestor(c.Resource, organisationParts, tenantParts)
	case ByDay:
		return windows[c.Window].From.In(zone).Format(time.DateOnly)
	default:
		return c.Meter.Name
	}
}

// ancestor is the part of a name with the first number of parts that it has in the collections of VPCs, organisations and tenants.
func ancestor(name string, lengths ...int) string {
	parts := strings.Split(name, "/")
	for _, n := range lengths {
		collection := map[int]string{vpcParts: "vpcs", organisationParts: "organisations", tenantParts: "tenants"}[n]
		if len(parts) >= n && parts[n-2] == collection {
			return strings.Join(parts[:n], "/")
		}
	}
	return name
}

// Within reports whether a resource is a place or in it.
func Within(name, place string) bool { return name == place || strings.HasPrefix(name, place+"/") }
