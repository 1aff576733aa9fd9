// Package book reads price books. A book is a YAML file; its id and content are published once and never change.
//
//	id: list-2026
//	region: default
//	currency: EUR
//	effectiveTime: 2026-01-01T00:00:00Z
//	prices:
//	  - {meter: vpc, mode: MUTUALIZED, minimum: "1.00", tiers: [{upTo: "1000", perHour: "0.0120"}, {perHour: "0.0100"}]}
//
// Parse refuses a book that could not price usage: an unknown field or meter, a price that is negative or no decimal, tiers out of
// order, a meter that is there twice.
package book

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"
	"go.yaml.in/yaml/v3"

	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/metering/internal/core/price"
)

type file struct {
	ID            string       `yaml:"id"`
	Region        string       `yaml:"region"`
	Currency      string       `yaml:"currency"`
	EffectiveTime string       `yaml:"effectiveTime"`
	Prices        []meterPrice `yaml:"prices"`
}

type meterPrice struct {
	Meter   string `yaml:"meter"`
	Mode    string `yaml:"mode"`
	Minimum string `yaml:"minimum"`
	Tiers   []tier `yaml:"tiers"`
}

type tier struct {
	UpTo    string `yaml:"upTo"`
	PerHour string `yaml:"perHour"`
}

var (
	idForm       = regexp.MustCompile(`^[a-z][a-z0-9-]{1,62}$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
	// These forms keep every cost below 2^63 hundredths.
	priceForm  = regexp.MustCompile(`^[0-9]{1,4}(\.[0-9]{1,18})?$`)
	amountForm = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,6})?$`)
)

// Parse reads a book. Its error names every problem.
func Parse(content []byte) (price.Book, error) {
	var f file
	dec := yaml.NewDecoder(bytes.NewReader(content))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return price.Book{}, fmt.Errorf("read price book: %w", err)
	}
	sum := sha256.Sum256(content)
	b := price.Book{ID: f.ID, Region: f.Region, Currency: f.Currency, Prices: map[price.Meter]price.Price{}, Digest: hex.EncodeToString(sum[:])}
	var bad []error
	problem := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	if !idForm.MatchString(f.ID) {
		problem("id %q must match %s", f.ID, idForm)
	}
	if f.Region == "" {
		problem("region is empty")
	}
	if !currencyForm.MatchString(f.Currency) {
		problem("currency %q is no ISO 4217 code", f.Currency)
	}
	var err error
	if b.Effective, err = time.Parse(time.RFC3339, f.EffectiveTime); err != nil || b.Effective.Nanosecond() != 0 {
		problem("effectiveTime %q is no time such as 2026-01-01T00:00:00Z", f.EffectiveTime)
	}
	for _, p := range f.Prices {
		m, read, err := p.read()
		if err == nil && b.Prices[m].Tiers != nil {
			err = errors.New("it is there twice")
		}
		if err != nil {
			problem("price of %s %s: %w", p.Meter, p.Mode, err)
			continue
		}
		b.Prices[m] = read
	}
	if len(f.Prices) == 0 {
		problem("it has no prices")
	}
	if err := errors.Join(bad...); err != nil {
		return price.Book{}, fmt.Errorf("read price book %s: %s", f.ID, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return b, nil
}

func (p meterPrice) read() (price.Meter, price.Price, error) {
	m := price.Meter{Name: p.Meter, Mode: resource.Mode(p.Mode)}
	var out price.Price
	if !slices.ContainsFunc(usage.Meters(), func(k usage.Meter) bool { return k.Name == p.Meter }) {
		return m, out, errors.New("there is no such meter")
	}
	if !m.Mode.Valid() {
		return m, out, errors.New("the mode must be MUTUALIZED or DEDICATED")
	}
	if p.Minimum != "" {
		least, err := decimal(p.Minimum, amountForm)
		if err != nil {
			return m, out, fmt.Errorf("minimum: %w", err)
		}
		out.Minimum = &least
	}
	before := apd.New(0, 0)
	for i, t := range p.Tiers {
		read, err := t.read(before, i == len(p.Tiers)-1)
		if err != nil {
			return m, out, fmt.Errorf("tier %d: %w", i+1, err)
		}
		out.Tiers, before = append(out.Tiers, read), read.UpTo
	}
	if len(out.Tiers) == 0 {
		return m, out, errors.New("it has no tier")
	}
	return m, out, nil
}

func (t tier) read(before *apd.Decimal, last bool) (out price.Tier, err error) {
	if out.PerHour, err = decimal(t.PerHour, priceForm); err != nil {
		return out, fmt.Errorf("perHour: %w", err)
	}
	if last != (t.UpTo == "") {
		return out, errors.New("every tier but the last has upTo")
	}
	if last {
		return out, nil
	}
	bound, err := decimal(t.UpTo, amountForm)
	if err != nil {
		return out, fmt.Errorf("upTo: %w", err)
	}
	if bound.Cmp(before) <= 0 {
		return out, errors.New("upTo must grow from tier to tier")
	}
	out.UpTo = &bound
	return out, nil
}

func decimal(s string, form *regexp.Regexp) (apd.Decimal, error) {
	if !form.MatchString(s) {
		return apd.Decimal{}, fmt.Errorf("%q is no decimal of the form %s, such as 0.0120 in quotes", s, form)
	}
	d, _, err := apd.NewFromString(s)
	if err != nil {
		return apd.Decimal{}, err
	}
	return *d, nil
}
