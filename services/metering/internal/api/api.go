// Package api serves lowlayer.metering.v1.
package api

import (
	"context"
	"fmt"
	"time"
	_ "time/tzdata" // zones must not depend on the machine

	"google.golang.org/grpc"

	meteringv1 "github.com/low-layer/platform/gen/go/lowlayer/metering/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/metering/internal/core/price"
	"github.com/low-layer/platform/services/metering/internal/usecase"
)

// Metering is the use cases.
type Metering interface {
	Books(ctx context.Context) ([]price.Book, error)
	Quote(ctx context.Context, effects []usage.Effect, at time.Time) (usecase.Quotes, error)
	Usage(ctx context.Context, q usecase.Query) (usecase.UsageReport, error)
	Cost(ctx context.Context, q usecase.Query) (usecase.CostReport, error)
}

// Register registers the service's own API.
func Register(r grpc.ServiceRegistrar, m Metering) {
	meteringv1.RegisterPriceBookServiceServer(r, bookServer{metering: m})
	meteringv1.RegisterUsageServiceServer(r, usageServer{metering: m})
}

type bookServer struct {
	meteringv1.UnimplementedPriceBookServiceServer
	metering Metering
}

func (s bookServer) ListPriceBooks(ctx context.Context, _ *meteringv1.ListPriceBooksRequest) (*meteringv1.ListPriceBooksResponse, error) {
	books, err := s.metering.Books(ctx)
	if err != nil {
		return nil, err
	}
	return &meteringv1.ListPriceBooksResponse{PriceBooks: convert.All(books, bookMessage)}, nil
}

func (s bookServer) Quote(ctx context.Context, req *meteringv1.QuoteRequest) (*meteringv1.QuoteResponse, error) {
	var effects []usage.Effect
	var bad []errs.Violation
	for i, r := range req.GetResources() {
		if _, known := usage.KindOf(r.GetKind()); !known {
			bad = append(bad, errs.Field(fmt.Sprintf("resources[%d].kind", i), "%q is no kind of resource; use for example vpc", r.GetKind()))
		}
		effects = append(effects, usage.Effects(r.GetName(), nil, usage.Of(r.GetKind(), convert.ModeOf(r.GetMode())))...)
	}
	if len(bad) > 0 {
		return nil, errs.Invalid(bad...)
	}
	for _, u := range req.GetUsage() {
		effects = append(effects, usage.Effect{
			Resource: u.GetResource(), Meter: u.GetMeter(), Mode: convert.ModeOf(u.GetMode()), Before: u.GetQuantityBefore(), After: u.GetQuantityAfter(),
		})
	}
	q, err := s.metering.Quote(ctx, effects, convert.TimeOf(req.GetTime()))
	if err != nil {
		return nil, err
	}
	return &meteringv1.QuoteResponse{
		Price: priceMessage(q, q.AsAskedFor), Mutualized: priceMessage(q, q.InMutualized), Dedicated: priceMessage(q, q.InDedicated),
	}, nil
}

type usageServer struct {
	meteringv1.UnimplementedUsageServiceServer
	metering Metering
}

// longest is the longest time that usage is added up for.
const longest = 400 * 24 * time.Hour

func (s usageServer) QueryUsage(ctx context.Context, req *meteringv1.QueryUsageRequest) (*meteringv1.QueryUsageResponse, error) {
	q, err := query(req.GetParent(), req.GetTimeZone(), req.GetGroupBy())
	if err != nil {
		return nil, err
	}
	q.From, q.To = convert.TimeOf(req.GetStartTime()).Truncate(time.Second), convert.TimeOf(req.GetEndTime()).Truncate(time.Second)
	if !q.From.IsZero() && !q.To.IsZero() && (q.To.Before(q.From) || q.To.Sub(q.From) > longest) {
		return nil, errs.Invalid(errs.Field("end_time", "must be after start_time, by at most 400 days"))
	}
	if q.To.IsZero() && !q.From.IsZero() && time.Since(q.From) > longest {
		return nil, errs.Invalid(errs.Field("start_time", "is more than 400 days ago; give an end_time"))
	}
	r, err := s.metering.Usage(ctx, q)
	if err != nil {
		return nil, err
	}
	return &meteringv1.QueryUsageResponse{
		StartTime: convert.Time(r.From), EndTime: convert.Time(r.To), Usage: convert.All(r.Uses, useMessage), NoData: r.NoData,
	}, nil
}

func (s usageServer) QueryCost(ctx context.Context, req *meteringv1.QueryCostRequest) (*meteringv1.QueryCostResponse, error) {
	q, err := query(req.GetParent(), req.GetTimeZone(), req.GetGroupBy())
	if err != nil {
		return nil, err
	}
	if req.GetMonth() != "" {
		if q.From, err = time.ParseInLocation("2006-01", req.GetMonth(), q.Zone); err != nil {
			return nil, errs.Invalid(errs.Field("month", "must be a month such as 2026-11"))
		}
	}
	r, err := s.metering.Cost(ctx, q)
	if err != nil {
		return nil, err
	}
	return costMessage(r), nil
}
