// Package api serves the network service's RPCs: it converts requests, calls the use cases and converts their results. It decides
// nothing; errors pass through as they are.
package api

import (
	"context"

	"google.golang.org/grpc"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
)

// Records is everything the RPCs need of the service's records.
type Records interface {
	Vpcs
	Hubs
	Peerings
	Isolations
	Foundations
	// TenantKnown returns NOT_FOUND for a tenant without a network boundary.
	TenantKnown(ctx context.Context, tenant string) error
}

// Register serves every RPC of the service.
func Register(on grpc.ServiceRegistrar, records Records, findings Findings) {
	networkv1.RegisterVpcServiceServer(on, &vpcServer{vpcs: records})
	networkv1.RegisterHubServiceServer(on, &hubServer{hubs: records})
	networkv1.RegisterPeeringServiceServer(on, &peeringServer{peerings: records})
	networkv1.RegisterDriftServiceServer(on, &driftServer{findings: findings, known: records.TenantKnown})
	networkv1.RegisterIsolationServiceServer(on, &isolationServer{reports: records})
	networkinternalv1.RegisterFoundationServiceServer(on, &foundationServer{foundations: records})
}
