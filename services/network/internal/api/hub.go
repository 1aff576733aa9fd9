package api

import (
	"context"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/services/network/internal/core/hub"
)

// Hubs is what the RPCs of hubs need.
type Hubs interface {
	GetHub(ctx context.Context, name resourcename.Hub) (hub.Hub, error)
}

type hubServer struct {
	networkv1.UnimplementedHubServiceServer
	hubs Hubs
}

func (s *hubServer) GetHub(ctx context.Context, req *networkv1.GetHubRequest) (*networkv1.Hub, error) {
	name, err := resourcename.ParseHub(req.GetName())
	if err != nil {
		return nil, err
	}
	h, err := s.hubs.GetHub(ctx, name)
	if err != nil {
		return nil, err
	}
	return HubMessage(h), nil
}
