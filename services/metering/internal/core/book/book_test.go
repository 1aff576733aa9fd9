package book_test

import (
	"os"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/metering/internal/core/book"
	"github.com/low-layer/platform/services/metering/internal/core/price"
)

const good = `id: list-1
region: default
currency: EUR
effectiveTime: 2026-01-01T00:00:00Z
prices:
  - {meter: vpc, mode: MUTUALIZED, minimum: "1.00", tiers: [{upTo: "1000", perHour: "0.012"}, {perHour: "0.010"}]}
`

func TestParse_problems_areNamed(t *testing.T) {
	if _, err := book.Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{"id: list-1", "id: 1", "id"},
		{"region: default", "region: ''", "region"},
		{"EUR", "euro", "currency"},
		{"2026-01-01T00:00:00Z", "tomorrow", "effectiveTime"},
		{"meter: vpc", "meter: cloud", "no such meter"},
		{"MUTUALIZED", "SHARED", "mode"},
		{`"1.00"`, `"-1.00"`, "minimum"},
		{`"0.012"`, `"1e3"`, "perHour"},
		{`upTo: "1000", `, "", "upTo"},
		{`"1000"`, `"0"`, "must grow"},
		{"region: default", "regions: default", "regions"},
	} {
		_, err := book.Parse([]byte(strings.Replace(good, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q in place of %q: %v, want an error with %q", c.to, c.from, err, c.want)
		}
	}
}

func TestParse_theListOfTheSandbox_pricesEveryMeter(t *testing.T) {
	text, err := os.ReadFile("../../../../../tools/stack/pricebooks/list-2026.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := book.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range usage.Meters() {
		for _, mode := range []resource.Mode{resource.Mutualized, resource.Dedicated} {
			if _, ok := b.Prices[price.Meter{Name: m.Name, Mode: mode}]; !ok {
				t.Errorf("no price of %s %s", m.Name, mode)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := book.Parse(text)
		if err != nil {
			return
		}
		for m, p := range b.Prices {
			if p.Month(1<<40) < 0 || p.Month(0) != 0 {
				t.Errorf("%v costs less than nothing", m)
			}
		}
	})
}
