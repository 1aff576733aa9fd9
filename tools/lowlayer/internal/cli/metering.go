package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	meteringv1 "github.com/low-layer/platform/gen/go/lowlayer/metering/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/usage/pricing"
	"github.com/low-layer/platform/tools/lowlayer/internal/blueprint"
)

// meteringQuery is what usage and cost share.
type meteringQuery struct{ by, month, zone string }

func (q *meteringQuery) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&q.by, "by", "meter", "add up by meter, resource, vpc, organisation or day")
	cmd.Flags().StringVar(&q.month, "month", "", "month, for example 2026-11; the current one by default")
	cmd.Flags().StringVar(&q.zone, "time-zone", "UTC", "time zone of the month and its days, for example Europe/Paris")
	fixed(cmd, "by", "meter", "resource", "vpc", "organisation", "day")
}

func (q *meteringQuery) group() (meteringv1.Grouping, error) {
	g, ok := meteringv1.Grouping_value[strings.ToUpper(q.by)]
	if !ok || g == 0 {
		return 0, usageError{fmt.Errorf("--by %q is not one of meter, resource, vpc, organisation, day", q.by)}
	}
	return meteringv1.Grouping(g), nil
}

// span is the time of the month; both are nil for the current one.
func (q *meteringQuery) span() (from, to *timestamppb.Timestamp, err error) {
	if q.month == "" {
		return nil, nil, nil
	}
	zone, err := time.LoadLocation(q.zone)
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("--time-zone: %w", err)}
	}
	begin, err := time.ParseInLocation("2006-01", q.month, zone)
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("--month %q is not a month such as 2026-11", q.month)}
	}
	return timestamppb.New(begin), timestamppb.New(begin.AddDate(0, 1, 0)), nil
}

func (a *app) usageCommand() *cobra.Command {
	var q meteringQuery
	cmd := a.scoped("usage PLACE", "Show the usage of a tenant, an organisation or a VPC", 1, func(ctx context.Context, api *client, scope string, _ []string) error {
		group, err := q.group()
		if err != nil {
			return err
		}
		from, to, err := q.span()
		if err != nil {
			return err
		}
		r, err := api.usage.QueryUsage(ctx, &meteringv1.QueryUsageRequest{Parent: scope, StartTime: from, EndTime: to, GroupBy: group, TimeZone: q.zone})
		if err != nil {
			return fmt.Errorf("read usage of %s: %w", scope, err)
		}
		return a.printUsage(scope, q.by, r)
	})
	cmd.Example = "  lowlayer usage acme\n  lowlayer usage acme/core --by vpc --month 2026-11"
	q.add(cmd)
	return cmd
}

const secondsPerHour = 3600

func (a *app) printUsage(scope, by string, r *meteringv1.QueryUsageResponse) error {
	var names []string
	rows := make([][]string, len(r.GetUsage()))
	for i, u := range r.GetUsage() {
		names = append(names, u.GetKey())
		rows[i] = []string{shortName(u.GetKey()), u.GetMeter(), u.GetMode().String(), strconv.FormatInt(u.GetUnitSeconds(), 10), fmt.Sprintf("%.4f", float64(u.GetUnitSeconds())/secondsPerHour)}
	}
	return a.show(slices.Compact(names), func() {
		if r.GetNoData() {
			a.note("no data: there is no record of any usage of %s", scope)
		}
		if len(rows) > 0 {
			a.table([]string{strings.ToUpper(by), "METER", "MODE", "UNIT-SECONDS", "UNIT-HOURS"}, rows)
		}
	}, r)
}

func (a *app) costCommand() *cobra.Command {
	var q meteringQuery
	cmd := a.scoped("cost PLACE", "Show the cost of a month and its forecast", 1, func(ctx context.Context, api *client, scope string, _ []string) error {
		group, err := q.group()
		if err != nil {
			return err
		}
		r, err := api.usage.QueryCost(ctx, &meteringv1.QueryCostRequest{Parent: scope, Month: q.month, GroupBy: group, TimeZone: q.zone})
		if err != nil {
			return fmt.Errorf("read cost of %s: %w", scope, err)
		}
		return a.printCost(scope, q.by, r)
	})
	cmd.Example = "  lowlayer cost acme --by vpc\n  lowlayer cost acme/core/prod --month 2026-11 --by day"
	q.add(cmd)
	return cmd
}

func (a *app) printCost(scope, by string, r *meteringv1.QueryCostResponse) error {
	var names []string
	for _, c := range r.GetCosts() {
		names = append(names, c.GetKey())
	}
	return a.show(names, func() { a.drawCost(scope, by, r) }, r)
}

func (a *app) drawCost(scope, by string, r *meteringv1.QueryCostResponse) {
	switch {
	case r.GetNoData():
		a.note("no data: there is no record of any usage of %s", scope)
	case r.GetUnavailable() != "":
		a.note("no price: %s", r.GetUnavailable())
	}
	if len(r.GetUnpriced()) > 0 {
		a.note("without a price, and in no amount: %s", strings.Join(r.GetUnpriced(), ", "))
	}
	if r.GetTotal() == nil {
		return
	}
	rows := make([][]string, 0, len(r.GetCosts())+1)
	for _, c := range r.GetCosts() {
		rows = append(rows, []string{shortName(c.GetKey()), pricing.Text(c.GetAmount())})
	}
	rows = append(rows, []string{"total", pricing.Text(r.GetTotal())})
	if r.GetForecast() != nil {
		rows = append(rows, []string{"forecast of the month", pricing.Text(r.GetForecast())})
	}
	a.table([]string{strings.ToUpper(by), "COST"}, rows)
}

func (a *app) quoteCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "quote -f FILE", Short: "Price a blueprint before anything of it exists", Args: exactly(0),
		Long: `quote prices everything that a blueprint describes, as it is written, and with everything MUTUALIZED or DEDICATED. Nothing is
ordered. A month has 730 hours.`,
		Example: "  lowlayer quote -f deploy/blueprints/startup.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{errors.New("name the blueprint: -f FILE, for example -f deploy/blueprints/startup.yaml; - reads standard input")}
			}
			text, err := a.readFile(file)
			if err != nil {
				return err
			}
			b, err := blueprint.Parse(text)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			resources, err := quoted(b)
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			r, err := api.books.Quote(cmd.Context(), &meteringv1.QuoteRequest{Resources: resources})
			if err != nil {
				return fmt.Errorf("price %s: %w", file, err)
			}
			return a.printQuote(r)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "blueprint to price; - reads standard input")
	cobra.CheckErr(cmd.MarkFlagFilename("file", "yaml", "yml")) // fails only for a flag that is not defined
	return cmd
}

// quoted are the resources of a blueprint. A VPC without a mode has that of the organisation; a peering that of its first VPC.
func quoted(b *blueprint.Blueprint) ([]*meteringv1.QuotedResource, error) {
	organisation := resourcename.Organisation{Tenant: b.Tenant.ID, Organisation: b.Organisation.ID}.String()
	mode, err := modeOf(b.Organisation.Mode)
	if err != nil {
		return nil, err
	}
	out := []*meteringv1.QuotedResource{{Name: organisation, Kind: "organisation", Mode: mode}, {Name: organisation + "/hub", Kind: "hub", Mode: mode}}
	modes := map[string]typev1.ResourceMode{}
	for _, v := range b.VPCs {
		own, err := modeOf(v.Mode)
		if err != nil {
			return nil, err
		}
		if own == 0 {
			own = mode
		}
		modes[v.ID] = own
		out = append(out, &meteringv1.QuotedResource{Name: organisation + "/vpcs/" + v.ID, Kind: "vpc", Mode: own})
	}
	for _, p := range b.Peerings {
		name := resourcename.Peering{Tenant: b.Tenant.ID, Peering: p.ID}.String()
		out = append(out, &meteringv1.QuotedResource{Name: name, Kind: "peering", Mode: modes[p.VPC]})
	}
	return out, nil
}

func (a *app) printQuote(r *meteringv1.QuoteResponse) error {
	var names []string
	for _, l := range r.GetPrice().GetLines() {
		names = append(names, l.GetResource())
	}
	return a.show(slices.Compact(names), func() { a.drawQuote(r) }, r)
}

func (a *app) drawQuote(r *meteringv1.QuoteResponse) {
	p := r.GetPrice()
	if p.GetUnavailable() != "" {
		a.note("no price: %s", p.GetUnavailable())
		return
	}
	rows := make([][]string, 0, len(p.GetLines()))
	for _, l := range p.GetLines() {
		rows = append(rows, []string{
			shortName(l.GetResource()), l.GetMeter(), l.GetMode().String(), strconv.FormatInt(l.GetQuantityAfter(), 10), l.GetUnitPrice(), pricing.Text(l.GetMonthly()),
		})
	}
	a.table([]string{"RESOURCE", "METER", "MODE", "QUANTITY", "PER HOUR", "PER MONTH"}, rows)
	rows = nil
	for _, of := range []struct {
		word  string
		price *typev1.Price
	}{{"as written", p}, {"all MUTUALIZED", r.GetMutualized()}, {"all DEDICATED", r.GetDedicated()}} {
		rows = append(rows, []string{of.word, of.price.GetHourly(), pricing.Text(of.price.GetMonthly())})
	}
	a.println("")
	a.table([]string{"PRICES OF " + p.GetPriceBook(), "PER HOUR", "PER MONTH"}, rows)
	a.printUnpriced(p)
}

func (a *app) printUnpriced(p *typev1.Price) {
	if len(p.GetUnpriced()) > 0 {
		a.println("without a price, and in no amount: " + strings.Join(p.GetUnpriced(), ", "))
	}
}

// printPrice is the price in a plan.
func (a *app) printPrice(p *typev1.Price) {
	switch {
	case p == nil:
	case p.GetUnavailable() != "":
		a.println("no price: " + p.GetUnavailable())
	default:
		a.printf("price: %s a month (%s an hour), then %s a month", pricing.Signed(p.GetMonthlyDelta()), signed(p.GetHourlyDelta()), pricing.Text(p.GetMonthly()))
		a.printUnpriced(p)
	}
}

func signed(decimal string) string {
	if strings.HasPrefix(decimal, "-") {
		return decimal
	}
	return "+" + decimal
}
