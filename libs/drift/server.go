package drift

import (
	"context"
	"strings"

	driftv1 "github.com/low-layer/platform/gen/go/lowlayer/drift/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/convert"
)

// Server serves the findings of one service.
type Server struct {
	driftv1.UnimplementedDriftServiceServer
	service  string
	findings *Findings
	tenant   func(context.Context, resourcename.Tenant) error
}

// NewServer serves findings. Tenant returns NOT_FOUND for a tenant that does not exist; it may be nil.
func NewServer(service string, findings *Findings, tenant func(context.Context, resourcename.Tenant) error) *Server {
	return &Server{service: service, findings: findings, tenant: tenant}
}

// ListDrifts returns the differences of a tenant, newest first.
func (s *Server) ListDrifts(ctx context.Context, req *driftv1.ListDriftsRequest) (*driftv1.ListDriftsResponse, error) {
	parent, err := resourcename.ParseTenant(req.GetParent())
	if err == nil && s.tenant != nil {
		err = s.tenant(ctx, parent)
	}
	if err != nil {
		return nil, err
	}
	page, err := s.findings.List(ctx, parent.Tenant, "create_time", resource.List{
		Method: "ListDrifts", Parent: req.GetParent(), Size: paging.Size(req.GetPageSize()), Token: req.GetPageToken(),
		Filter: req.GetFilter(), Order: "create_time desc", All: req.GetShowResolved(),
	})
	if err != nil {
		return nil, err
	}
	return &driftv1.ListDriftsResponse{Drifts: convert.All(page.Items, s.message), NextPageToken: page.Next}, nil
}

func (s *Server) message(f Finding) *driftv1.Drift {
	return &driftv1.Drift{
		Name:     resourcename.Drift{Tenant: f.Tenant, Drift: "drift_" + s.service + "_" + strings.TrimPrefix(f.UID, "drift_")}.String(),
		Resource: f.Resource, Kind: driftv1.Drift_Kind(kinds[string(f.Kind)]), ObjectType: f.ObjectType, ObjectId: f.ObjectID,
		Detail: f.Detail, Operation: f.Operation, CreateTime: convert.Time(f.FirstSeen), LastSeenTime: convert.Time(f.LastSeen),
		ResolveTime: convert.Time(f.Resolved),
		Differences: convert.All(f.Values, func(v Value) *driftv1.Drift_Difference {
			return &driftv1.Drift_Difference{Attribute: v.Attribute, Want: v.Want, Actual: v.Actual}
		}),
	}
}
