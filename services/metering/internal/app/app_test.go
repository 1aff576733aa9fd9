package app_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	meteringv1 "github.com/low-layer/platform/gen/go/lowlayer/metering/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/libs/redisdb"
	"github.com/low-layer/platform/libs/redisdb/redistest"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/libs/usage/pricing"
	"github.com/low-layer/platform/libs/usage/spans"
	"github.com/low-layer/platform/libs/watch"
	"github.com/low-layer/platform/services/metering/internal/app"
	"github.com/low-layer/platform/services/metering/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tenant   = "tenants/acme"
	core     = tenant + "/organisations/core"
	patience = 30 * time.Second
)

const books = `id: list-1
region: default
currency: EUR
effectiveTime: 2026-01-01T00:00:00Z
prices:
  - {meter: vpc, mode: DEDICATED, tiers: [{perHour: "1.00"}]}
  - {meter: router, mode: DEDICATED, tiers: [{perHour: "0.10"}]}
`

// world is a running metering service, and a source of usage with a database of its own.
type world struct {
	t      *testing.T
	clock  *clock.Fake
	pool   *pgxpool.Pool
	source *pgxpool.Pool
	books  meteringv1.PriceBookServiceClient
	usage  meteringv1.UsageServiceClient
}

// now is the middle of a month.
var now = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, prices string) *world {
	t.Helper()
	t.Parallel()
	folder := ""
	if prices != "" {
		folder = t.TempDir()
		must(t, os.WriteFile(filepath.Join(folder, "list.yaml"), []byte(prices), 0o600))
	}
	clouds := filepath.Join(t.TempDir(), "clouds.yaml") // every service has one; this one calls no cloud
	must(t, os.WriteFile(clouds, []byte("clouds: {none: {auth: {auth_url: 'http://127.0.0.1:1/v3', username: none, password: none, project_name: none, user_domain_name: Default, project_domain_name: Default}}}\n"), 0o600))
	key, err := receipt.GenerateKey()
	must(t, err)
	databaseURL, redisURL := pgtest.URL(t, store.Migrations()...), redistest.URL(t)
	w := &world{
		t: t, clock: clock.NewFake(now), pool: pgtest.Pool(t, databaseURL),
		source: pgtest.Database(t, watch.Migrations(), event.Migrations(), spans.Migrations()),
	}
	a, err := app.New(t.Context(), app.Config{
		Config: host.Config{
			Ports: host.Ports{Listen: "127.0.0.1:0"}, DatabaseURL: databaseURL, MaxConns: 10, RedisURL: redisURL, Workers: 1, ReceiptKey: key,
			CloudsFile: clouds, Cloud: "none",
		},
		PriceBooks: folder, Region: "default", Currency: "EUR",
	}, host.Options{Logger: quiet(), Clock: ticking{w.clock}})
	must(t, err)
	w.run(a.Run)
	t.Cleanup(func() { must(t, a.Close()) })
	client, err := redisdb.Open(redisdb.Config{URL: redisURL})
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	w.run(event.NewRelay(w.source, client, event.RelayConfig{Interval: 20 * time.Millisecond, Logger: quiet()}).Run)
	conn, err := rpc.Dial(rpc.ClientConfig{Target: a.Server.Addr(), Name: "test"})
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	w.serve(conn)
	return w
}

// ticking is a fake time with real timers: the service's loops go on.
type ticking struct{ *clock.Fake }

func (ticking) NewTimer(d time.Duration) clock.Timer { return clock.Real().NewTimer(d) }

func (w *world) serve(conn *grpc.ClientConn) {
	w.books, w.usage = meteringv1.NewPriceBookServiceClient(conn), meteringv1.NewUsageServiceClient(conn)
}

func (w *world) run(f func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	w.t.Cleanup(func() {
		stop()
		must(w.t, <-ended)
	})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// founded publishes the tenant.
func (w *world) founded(created time.Time) {
	w.t.Helper()
	must(w.t, pg.InTx(w.t.Context(), w.source, func(ctx context.Context, tx pgx.Tx) error {
		return event.Publish(ctx, tx, "tenant", "acme", "tenant.created", tenant, &tenantv1.Tenant{Name: tenant, Uid: "ten_1", CreateTime: timestamppb.New(created)})
	}))
	w.until("the tenant is known", `SELECT EXISTS (SELECT FROM tenants WHERE tenant = 'acme')`)
}

// set gives a resource its usage at a time.
func (w *world) set(name string, items []usage.Item, at time.Time) {
	w.t.Helper()
	must(w.t, pg.InTx(w.t.Context(), w.source, func(ctx context.Context, tx pgx.Tx) error {
		_, err := spans.Set(ctx, tx, "network", spans.Subject{Tenant: "acme", Resource: name, UID: "uid of " + name}, items, at)
		return err
	}))
}

// until waits for a query of one bool to return true.
func (w *world) until(what, query string, args ...any) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		var ok bool
		must(w.t, w.pool.QueryRow(ctx, query, args...).Scan(&ok))
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("not within %s: %s", patience, what)
		case <-ticker.C:
		}
	}
}

func (w *world) priced() {
	w.t.Helper()
	w.until("the price book is published", `SELECT EXISTS (SELECT FROM price_books)`)
}

func TestCost_spansOfTwoMonths_countToTheSecond(t *testing.T) {
	w := newWorld(t, books)
	w.priced()
	w.founded(now.AddDate(0, -2, 0))
	begin := time.Date(2026, 10, 31, 22, 0, 0, 0, time.UTC)
	dev, prod := core+"/vpcs/dev", core+"/vpcs/prod"
	w.set(dev, usage.Of("vpc", resource.Dedicated), begin)
	w.set(dev, nil, begin.Add(5*time.Hour+1*time.Second)) // two hours of October, 3 h 1 s of November
	w.set(prod, usage.Of("vpc", resource.Dedicated), now.Add(-10*time.Hour))
	w.until("all spans are stored", `SELECT (SELECT count(*) FROM spans) = 4 AND (SELECT count(*) FROM open_spans) = 2`)

	got, err := w.usage.QueryUsage(t.Context(), &meteringv1.QueryUsageRequest{Parent: tenant, GroupBy: meteringv1.Grouping_VPC})
	must(t, err)
	seconds := map[string]int64{}
	for _, u := range got.GetUsage() {
		seconds[u.GetKey()+" "+u.GetMeter()] = u.GetUnitSeconds()
	}
	if seconds[dev+" vpc"] != 10801 || seconds[prod+" router"] != 36000 || len(seconds) != 4 || got.GetNoData() {
		t.Errorf("usage %v", seconds)
	}
	cost, err := w.usage.QueryCost(t.Context(), &meteringv1.QueryCostRequest{Parent: tenant, GroupBy: meteringv1.Grouping_VPC})
	must(t, err)
	// VPCs: 46801 s at 1.00 an hour = 13.00; routers: 1.30. The month has 15 days left for prod: 360 h more at 1.10.
	if text := pricing.Text(cost.GetTotal()); text != "14.30 EUR" {
		t.Errorf("cost %s: %v", text, cost)
	}
	if text := pricing.Text(cost.GetForecast()); text != "410.30 EUR" {
		t.Errorf("forecast %s", text)
	}
	part, err := w.usage.QueryCost(t.Context(), &meteringv1.QueryCostRequest{Parent: prod})
	must(t, err)
	if text := pricing.Text(part.GetTotal()); text != "11.00 EUR" {
		t.Errorf("cost of one VPC %s", text)
	}
	paris, err := w.usage.QueryCost(t.Context(), &meteringv1.QueryCostRequest{Parent: tenant, Month: "2026-11", TimeZone: "Europe/Paris", GroupBy: meteringv1.Grouping_DAY})
	must(t, err)
	if days := paris.GetCosts(); len(days) < 2 || days[0].GetKey() != "2026-11-01" || pricing.Text(days[0].GetAmount()) != "4.40 EUR" {
		t.Errorf("days of Paris: %v", days)
	}
}

func TestQuery_noRecords_areNotZero(t *testing.T) {
	w := newWorld(t, books)
	if _, err := w.usage.QueryUsage(t.Context(), &meteringv1.QueryUsageRequest{Parent: tenant}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown tenant: %v", err)
	}
	w.founded(now.AddDate(0, -1, 0))
	got, err := w.usage.QueryUsage(t.Context(), &meteringv1.QueryUsageRequest{Parent: tenant})
	must(t, err)
	cost, err := w.usage.QueryCost(t.Context(), &meteringv1.QueryCostRequest{Parent: tenant})
	must(t, err)
	if !got.GetNoData() || !cost.GetNoData() {
		t.Errorf("usage %v, cost %v", got, cost)
	}
}

func TestQuery_laterTenantOfTheSameID_seesNoEarlierUsage(t *testing.T) {
	w := newWorld(t, books)
	w.priced()
	w.founded(now.Add(-time.Hour))
	w.set(core+"/hub", usage.Of("hub", resource.Dedicated), now.Add(-48*time.Hour))
	w.set(core+"/hub", nil, now.Add(-24*time.Hour))
	w.until("the span is stored", `SELECT count(*) = 1 FROM spans`)
	got, err := w.usage.QueryUsage(t.Context(), &meteringv1.QueryUsageRequest{Parent: tenant})
	must(t, err)
	if len(got.GetUsage()) != 0 || !got.GetNoData() {
		t.Errorf("got %v", got)
	}
}

func TestQuote_resources_inBothModes_andWithoutABook(t *testing.T) {
	w := newWorld(t, books)
	w.priced()
	req := &meteringv1.QuoteRequest{Resources: []*meteringv1.QuotedResource{{Name: "prod", Kind: "vpc", Mode: typev1.ResourceMode_DEDICATED}}}
	got, err := w.books.Quote(t.Context(), req)
	must(t, err)
	if p := got.GetPrice(); pricing.Text(p.GetMonthly()) != "803.00 EUR" || p.GetHourly() != "1.1" || len(p.GetLines()) != 2 || p.GetPriceBook() != "list-1" {
		t.Errorf("price %v", p)
	}
	if p := got.GetMutualized(); len(p.GetUnpriced()) != 2 || len(p.GetLines()) != 0 {
		t.Errorf("a mode without prices: %v", p)
	}
	req.Time = timestamppb.New(time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC))
	got, err = w.books.Quote(t.Context(), req)
	must(t, err)
	if got.GetPrice().GetUnavailable() == "" || got.GetPrice().GetMonthly() != nil {
		t.Errorf("a price before the first book: %v", got)
	}
	req.Resources[0].Kind = "cloud"
	if _, err := w.books.Quote(t.Context(), req); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an unknown kind: %v", err)
	}
}

func TestPriceBook_published_neverChanges(t *testing.T) {
	w := newWorld(t, books)
	w.priced()
	for _, change := range []string{`UPDATE price_books SET content = ''`, `DELETE FROM price_books`} {
		if _, err := w.pool.Exec(t.Context(), change); pg.ConstraintOf(err) != "price_books_immutable_check" {
			t.Errorf("%s: %v", change, err)
		}
	}
	list, err := w.books.ListPriceBooks(t.Context(), &meteringv1.ListPriceBooksRequest{})
	must(t, err)
	if len(list.GetPriceBooks()) != 1 || len(list.GetPriceBooks()[0].GetPrices()) != 2 {
		t.Errorf("books %v", list)
	}
}
