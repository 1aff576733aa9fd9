package api

import (
	"context"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/resource/serve"
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
	return serve.Get(ctx, req.GetName(), resourcename.ParseHub, s.hubs.GetHub, HubMessage)
}
