package api

import (
	"context"
	"strings"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// Isolations is what the RPCs of isolation need.
type Isolations interface {
	IsolationReport(ctx context.Context, tenant resourcename.Tenant) (isolation.Report, error)
	OperatorReport(ctx context.Context) (isolation.Report, error)
	CheckTenant(ctx context.Context, tenant resourcename.Tenant) error
	LastIndex(ctx context.Context) (*isolation.Index, error)
}

// reportName is the last part of the names of reports; alone it is the operator's.
const reportName = "isolationReport"

type isolationServer struct {
	networkv1.UnimplementedIsolationServiceServer
	reports Isolations
}

// tenantOf is the tenant of a report's name; nil for the operator.
func tenantOf(name string) (*resourcename.Tenant, error) {
	if name == reportName {
		return nil, nil //nolint:nilnil // the operator's report has no tenant
	}
	tenant, err := resourcename.ParseTenant(strings.TrimSuffix(name, "/"+reportName))
	return &tenant, err
}

func (s *isolationServer) GetIsolationReport(ctx context.Context, req *networkv1.GetIsolationReportRequest) (*networkv1.IsolationReport, error) {
	tenant, err := tenantOf(req.GetName())
	if err != nil {
		return nil, err
	}
	var report isolation.Report
	if tenant == nil {
		report, err = s.reports.OperatorReport(ctx)
	} else {
		report, err = s.reports.IsolationReport(ctx, *tenant)
	}
	if err != nil {
		return nil, err
	}
	return reportMessage(req.GetName(), report), nil
}

func (s *isolationServer) WhyReachable(ctx context.Context, req *networkv1.WhyReachableRequest) (*networkv1.WhyReachableResponse, error) {
	tenant, err := tenantOf(req.GetName())
	if err != nil {
		return nil, err
	}
	q := isolation.Question{Source: req.GetSource(), Destination: req.GetDestination(), Protocol: protocolNumber(req.GetProtocol()), Port: int(req.GetPort())}
	if tenant != nil {
		q.Tenant = tenant.Tenant
		if err := s.reports.CheckTenant(ctx, *tenant); err != nil {
			return nil, err
		}
	}
	index, err := s.reports.LastIndex(ctx)
	if err != nil {
		return nil, err
	}
	explanation, err := index.Why(q)
	if err != nil {
		return nil, err
	}
	return explanationMessage(explanation, index.Observation().Time), nil
}

func protocolNumber(p networkv1.WhyReachableRequest_Protocol) int {
	switch p {
	case networkv1.WhyReachableRequest_TCP:
		return reachability.TCP
	case networkv1.WhyReachableRequest_UDP:
		return reachability.UDP
	default:
		return reachability.ICMP
	}
}
