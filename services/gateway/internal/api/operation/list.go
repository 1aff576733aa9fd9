package operation

import (
	"context"
	"time"

	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/gateway/internal/api/merge"
	"github.com/low-layer/platform/services/gateway/internal/client"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
)

// ListOperations merges the lists of all services, newest first.
func (s *Server) ListOperations(ctx context.Context, r *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	if _, err := resourcename.ParseTenant(r.GetName()); err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	page, err := merge.List[*longrunningpb.Operation]{
		Backends: s.backends.All(), Tokens: s.tokens, Made: made,
		Binding:  paging.Binding{Method: "ListOperations", Parent: r.GetName(), Filter: r.GetFilter()},
		PageSize: r.GetPageSize(), PageToken: r.GetPageToken(), Partial: r.GetReturnPartialSuccess(),
		Fetch: func(ctx context.Context, b client.Backend, size int32, token string) (merge.Page[*longrunningpb.Operation], error) {
			p, err := operationv1.NewOperationServiceClient(b.Conn).ListOperations(ctx, &longrunningpb.ListOperationsRequest{
				Name: r.GetName(), Filter: r.GetFilter(), PageToken: token, PageSize: size,
			})
			return merge.Page[*longrunningpb.Operation]{Items: p.GetOperations(), Next: p.GetNextPageToken()}, err //nolint:wrapcheck // merge does
		},
	}.Page(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	return &longrunningpb.ListOperationsResponse{Operations: page.Items, NextPageToken: page.NextPageToken, Unreachable: page.Unreachable}, nil
}

func made(op *longrunningpb.Operation) time.Time {
	var md operationv1.OperationMetadata
	if op.GetMetadata().UnmarshalTo(&md) != nil {
		// Not one of ours: it sorts last, where nothing else is displaced by it.
		return time.Time{}
	}
	return md.GetCreateTime().AsTime()
}
