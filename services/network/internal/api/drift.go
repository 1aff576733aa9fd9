package api

import (
	"context"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/drift"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/convert"
)

// Findings is what the RPCs of drift need.
type Findings interface {
	List(ctx context.Context, tenant, first string, in resource.List) (resource.Page[drift.Finding], error)
}

type driftServer struct {
	networkv1.UnimplementedDriftServiceServer
	findings Findings
	known    func(ctx context.Context, tenant string) error
}

func (s *driftServer) ListDriftFindings(ctx context.Context, req *networkv1.ListDriftFindingsRequest) (*networkv1.ListDriftFindingsResponse, error) {
	parent, err := resourcename.ParseTenant(req.GetParent())
	if err == nil {
		err = s.known(ctx, parent.Tenant)
	}
	if err != nil {
		return nil, err
	}
	list := convert.List(ctx, req)
	list.All = req.GetShowResolved()
	page, err := s.findings.List(ctx, parent.Tenant, "first_seen_time", list)
	if err != nil {
		return nil, err
	}
	return &networkv1.ListDriftFindingsResponse{DriftFindings: convert.All(page.Items, findingMessage), NextPageToken: page.Next}, nil
}
