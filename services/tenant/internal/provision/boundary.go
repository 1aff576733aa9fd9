package provision

import (
	"context"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/network"
)

// A boundary has no id that we could look up: there is one for a tenant, so the tenant's name is its id. Whether it is
// there only asking for it can tell, and asking again does no harm.

func (k *tenants) makeBoundary(ctx context.Context, run *provision.Run) (provision.External, error) {
	w, err := k.ensureBoundary(ctx, run)(run.StepID())
	if err != nil {
		return provision.External{}, err
	}
	run.FollowOperation(w.Operation)
	return boundaryOf(run), nil
}

func (k *tenants) ensureBoundary(ctx context.Context, run *provision.Run) ask {
	return func(requestID string) (network.Work, error) {
		spec, err := tenantOf(run.Resource)
		if err != nil {
			return network.Work{}, err
		}
		return k.Network.EnsureBoundary(ctx, network.Boundary{
			Tenant: spec.Name(), TenantUID: spec.UID, NetworkCIDR: spec.NetworkCIDR, RequestID: requestID,
		})
	}
}

func boundaryOf(run *provision.Run) provision.External {
	return provision.External{ID: run.Name, Name: run.Name}
}

func (k *tenants) observeBoundary(_ context.Context, run *provision.Run) ([]provision.External, error) {
	return []provision.External{boundaryOf(run)}, nil
}

func (k *tenants) findBoundary(ctx context.Context, run *provision.Run, _ string) ([]provision.External, error) {
	return k.observeBoundary(ctx, run)
}

func (k *tenants) boundaryReady(ctx context.Context, run *provision.Run, _ provision.External) error {
	return insist(ctx, k.Network, run, k.ensureBoundary(ctx, run))
}

func (k *tenants) deleteBoundary(ctx context.Context, run *provision.Run, e provision.External) error {
	w, err := k.Network.DeleteBoundary(ctx, e.ID, run.StepID())
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	if err == nil {
		run.FollowOperation(w.Operation)
	}
	return err
}

func (k *tenants) boundaryLeft(ctx context.Context, run *provision.Run, gone []provision.External) ([]provision.External, error) {
	return ending(ctx, k.Network, run, gone, func(requestID string) (network.Work, error) {
		return k.Network.DeleteBoundary(ctx, run.Name, requestID)
	})
}

// ending waits for the end of the one object of its type; remove asks for it again, and is NOT_FOUND once it is gone.
func ending(
	ctx context.Context, works network.Works, run *provision.Run, gone []provision.External, remove ask,
) ([]provision.External, error) {
	err := insist(ctx, works, run, remove)
	if err == nil || errs.CodeOf(err) == errs.CodeNotFound {
		return nil, nil
	}
	return gone, err
}
