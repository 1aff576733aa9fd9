package provision

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	internalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	"github.com/low-layer/platform/libs/peer"
	"github.com/low-layer/platform/libs/provision"
)

// A tenant has one boundary, so the tenant's name is its id. The network service has no read for it; ordering it again does
// no harm.

func boundaryOf(run *provision.Run) provision.External {
	return provision.External{ID: run.Name, Name: run.Name}
}

func (k *tenants) ensureBoundary(run *provision.Run) peer.Call {
	return func(ctx context.Context, requestID string) (*longrunningpb.Operation, error) {
		spec, err := tenantOf(run.Resource)
		if err != nil {
			return nil, err
		}
		return k.Network.Foundation.EnsureBoundary(ctx, &internalv1.EnsureBoundaryRequest{
			Tenant: spec.Name(), TenantUid: spec.UID, NetworkCidr: spec.NetworkCIDR, RequestId: requestID,
		})
	}
}

func (k *tenants) removeBoundary(run *provision.Run) peer.Call {
	return func(ctx context.Context, requestID string) (*longrunningpb.Operation, error) {
		return k.Network.Foundation.DeleteBoundary(ctx, &internalv1.DeleteBoundaryRequest{Tenant: run.Name, RequestId: requestID})
	}
}

func (k *tenants) makeBoundary(ctx context.Context, run *provision.Run) (provision.External, error) {
	_, err := k.Network.Begin(ctx, run, k.ensureBoundary(run))
	return boundaryOf(run), err
}

func (k *tenants) observeBoundary(_ context.Context, run *provision.Run) ([]provision.External, error) {
	return []provision.External{boundaryOf(run)}, nil
}

func (k *tenants) boundaryReady(ctx context.Context, run *provision.Run, _ provision.External) error {
	return k.Network.Insist(ctx, run, k.ensureBoundary(run))
}

func (k *tenants) deleteBoundary(ctx context.Context, run *provision.Run, _ provision.External) error {
	return k.Network.Remove(ctx, run, k.removeBoundary(run))
}

func (k *tenants) boundaryLeft(ctx context.Context, run *provision.Run, gone []provision.External) ([]provision.External, error) {
	if err := k.Network.Removed(ctx, run, k.removeBoundary(run)); err != nil {
		return gone, err
	}
	return nil, nil
}
