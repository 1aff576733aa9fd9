// Package pricing adds the price to plans. The metering service computes it. While that service is away, a plan has no price and says
// so: it never fails for that.
package pricing

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/anypb"

	meteringv1 "github.com/low-layer/platform/gen/go/lowlayer/metering/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

// patience is how long a plan waits for its price.
const patience = time.Second

// Away is the text of a plan without a price.
const Away = "the metering service does not respond, so this plan has no price"

// Pricer adds prices.
type Pricer struct {
	books  meteringv1.PriceBookServiceClient
	logger *slog.Logger
}

// New makes a Pricer on a connection to the metering service.
func New(conn grpc.ClientConnInterface, logger *slog.Logger) *Pricer {
	return &Pricer{books: meteringv1.NewPriceBookServiceClient(conn), logger: logger}
}

// Price adds the price to a response that is a plan and alters usage.
func (p *Pricer) Price(ctx context.Context, response any) {
	op, ok := response.(*longrunningpb.Operation)
	if !ok || !op.GetDone() || op.GetName() != "" || op.GetMetadata() == nil {
		return
	}
	var m operationv1.OperationMetadata
	if op.GetMetadata().UnmarshalTo(&m) != nil || len(m.GetPlan().GetUsage()) == 0 {
		return
	}
	m.Plan.Price = p.quote(ctx, m.GetPlan().GetUsage())
	if d := m.GetPlan().GetPrice().GetMonthlyDelta(); d != nil {
		m.Plan.MonthlyPrice = Signed(d)
	}
	packed, err := anypb.New(&m)
	if err != nil {
		p.logger.WarnContext(ctx, "a plan has no price", "error", err)
		return
	}
	op.Metadata = packed
}

func (p *Pricer) quote(ctx context.Context, effects []*typev1.UsageEffect) *typev1.Price {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := p.books.Quote(ctx, &meteringv1.QuoteRequest{Usage: effects})
	if err != nil {
		p.logger.WarnContext(ctx, "a plan has no price", "error", err)
		return &typev1.Price{Unavailable: Away}
	}
	return r.GetPrice()
}

// Text is an amount such as `12.40 EUR`.
func Text(m *money.Money) string {
	cents := m.GetUnits()*100 + int64(m.GetNanos())/10_000_000
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d %s", sign, cents/100, cents%100, m.GetCurrencyCode())
}

// Signed is Text with a sign before what is not negative.
func Signed(m *money.Money) string {
	if m.GetUnits() < 0 || m.GetNanos() < 0 {
		return Text(m)
	}
	return "+" + Text(m)
}
