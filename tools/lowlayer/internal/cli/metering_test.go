package cli

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/money"

	meteringv1 "github.com/low-layer/platform/gen/go/lowlayer/metering/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

func euros(units int64, cents int32) *money.Money {
	return &money.Money{CurrencyCode: "EUR", Units: units, Nanos: cents * 10_000_000}
}

func (f *fakePlatform) Quote(_ context.Context, r *meteringv1.QuoteRequest) (*meteringv1.QuoteResponse, error) {
	p := &typev1.Price{PriceBook: "list-1", Hourly: "0.5", Monthly: euros(365, 0), MonthlyDelta: euros(365, 0)}
	for _, q := range r.GetResources() {
		p.Lines = append(p.Lines, &typev1.PriceLine{Resource: q.GetName(), Meter: q.GetKind(), Mode: q.GetMode(), QuantityAfter: 1, UnitPrice: "0.1", Monthly: euros(73, 0)})
	}
	return &meteringv1.QuoteResponse{Price: p, Mutualized: &typev1.Price{Hourly: "0.4", Monthly: euros(292, 0)}, Dedicated: &typev1.Price{Hourly: "0.8", Monthly: euros(584, 5)}}, nil
}

func (f *fakePlatform) QueryUsage(context.Context, *meteringv1.QueryUsageRequest) (*meteringv1.QueryUsageResponse, error) {
	return &meteringv1.QueryUsageResponse{NoData: true}, nil
}

func (f *fakePlatform) QueryCost(_ context.Context, r *meteringv1.QueryCostRequest) (*meteringv1.QueryCostResponse, error) {
	return &meteringv1.QueryCostResponse{
		Costs: []*meteringv1.Cost{{Key: r.GetParent() + "/vpcs/dev", Amount: euros(1, 5)}}, Total: euros(1, 5), Forecast: euros(31, 0), Unpriced: []string{"router"},
	}, nil
}

func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestQuote_blueprint_isPricedInBothModes(t *testing.T) {
	f, address := newFake(t)
	out, errs, code := cliRun(t, address, "quote", "-f", "../../../../deploy/blueprints/startup.yaml")
	for _, want := range []string{
		"acme/core organisation MUTUALIZED 1 0.1 73.00 EUR", "acme/core/prod vpc DEDICATED", "acme/core/dev vpc MUTUALIZED",
		"as written 0.5 365.00 EUR", "all MUTUALIZED 0.4 292.00 EUR", "all DEDICATED 0.8 584.05 EUR", "PRICES OF list-1",
	} {
		if code != 0 || !strings.Contains(flat(out), want) {
			t.Errorf("no %q in %d %s%s", want, code, out, errs)
		}
	}
	if r := last[*meteringv1.QuoteRequest](t, f); len(r.GetResources()) != 4 || r.GetResources()[1].GetKind() != "hub" {
		t.Errorf("asked for %v", r)
	}
	if _, errs, code = cliRun(t, address, "quote"); code != 2 || !strings.Contains(errs, "-f FILE") {
		t.Errorf("without a file: %d %s", code, errs)
	}
}

func TestCost_byVpc_showsTotalForecastAndWhatHasNoPrice(t *testing.T) {
	f, address := newFake(t)
	out, errs, code := cliRun(t, address, "cost", "acme/core", "--by", "vpc", "--month", "2026-11")
	if code != 0 || !strings.Contains(flat(out), "acme/core/dev 1.05 EUR total 1.05 EUR forecast of the month 31.00 EUR") || !strings.Contains(errs, "router") {
		t.Errorf("got %d %s%s", code, out, errs)
	}
	if r := last[*meteringv1.QueryCostRequest](t, f); r.GetGroupBy() != meteringv1.Grouping_VPC || r.GetMonth() != "2026-11" || r.GetParent() != "tenants/acme/organisations/core" {
		t.Errorf("asked for %v", r)
	}
	if _, errs, code = cliRun(t, address, "cost", "acme", "--by", "colour"); code != 2 || !strings.Contains(errs, "colour") {
		t.Errorf("a group that is none: %d %s", code, errs)
	}
}

func TestUsage_noData_isSaidAndNoZero(t *testing.T) {
	_, address := newFake(t)
	out, errs, code := cliRun(t, address, "usage", "acme")
	if code != 0 || out != "" || !strings.Contains(errs, "no data") {
		t.Errorf("got %d %q %s", code, out, errs)
	}
}

func TestPlan_showsItsPrice_orThatThereIsNone(t *testing.T) {
	f, address := newFake(t)
	for want, price := range map[string]*typev1.Price{
		"price: -12.40 EUR a month (-0.017 an hour), then 3.00 EUR a month": {MonthlyDelta: euros(-12, -40), HourlyDelta: "-0.017", Monthly: euros(3, 0)},
		"no price: the metering service does not respond":                   {Unavailable: "the metering service does not respond"},
	} {
		f.planned = &operationv1.OperationMetadata{Resource: "tenants/acme", Verb: "create", Plan: &operationv1.Plan{Price: price}}
		out, errs, code := cliRun(t, address, "tenant", "create", "acme", "--plan")
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("no %q in %d %s%s", want, code, out, errs)
		}
	}
}
