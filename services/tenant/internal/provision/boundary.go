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
	if _, err := k.ensureBoundary(ctx, run); err != nil {
		return provision.External{}, err
	}
	return boundaryOf(run), nil
}

func (k *tenants) ensureBoundary(ctx context.Context, run *provision.Run) (network.Work, error) {
	spec, err := tenantOf(run.Resource)
	if err != nil {
		return network.Work{}, err
	}
	w, err := k.Network.EnsureBoundary(ctx, network.Boundary{
		Tenant: spec.Name(), TenantUID: spec.UID, NetworkCIDR: spec.NetworkCIDR, RequestID: run.StepID(),
	})
	if err == nil {
		run.FollowOperation(w.Operation)
	}
	return w, err
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
	w := network.Work{Operation: run.Followed()}
	if w.Operation == "" {
		var err error
		if w, err = k.ensureBoundary(ctx, run); err != nil {
			return err
		}
	}
	return await(ctx, k.Network, run, w)
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
	return ending(ctx, k.Network, run, gone, func() (network.Work, error) {
		return k.Network.DeleteBoundary(ctx, run.Name, run.StepID())
	})
}

// ending waits for the end of the one object of its type; remove asks for it again, and is NOT_FOUND once it is gone.
func ending(
	ctx context.Context, works network.Works, run *provision.Run, gone []provision.External, remove func() (network.Work, error),
) ([]provision.External, error) {
	w := network.Work{Operation: run.Followed()}
	if w.Operation == "" {
		var err error
		if w, err = remove(); errs.CodeOf(err) == errs.CodeNotFound {
			return nil, nil
		} else if err != nil {
			return gone, err
		}
	}
	if err := await(ctx, works, run, w); err != nil {
		return gone, err
	}
	return nil, nil
}
