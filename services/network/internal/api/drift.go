package api

import (
	"context"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/network/internal/core/drift"
	"github.com/low-layer/platform/services/network/internal/core/request"
)

// Findings is what the RPCs of drift need.
type Findings interface {
	ListFindings(ctx context.Context, parent resourcename.Tenant, in request.List, resolved bool) ([]drift.Finding, string, error)
}

type driftServer struct {
	networkv1.UnimplementedDriftServiceServer
	findings Findings
}

func (s *driftServer) ListDriftFindings(ctx context.Context, req *networkv1.ListDriftFindingsRequest) (*networkv1.ListDriftFindingsResponse, error) {
	parent, err := resourcename.ParseTenant(req.GetParent())
	if err != nil {
		return nil, err
	}
	findings, next, err := s.findings.ListFindings(ctx, parent, listOf(ctx, req, paging.Size(req.GetPageSize())), req.GetShowResolved())
	if err != nil {
		return nil, err
	}
	return &networkv1.ListDriftFindingsResponse{DriftFindings: messages(findings, findingMessage), NextPageToken: next}, nil
}
