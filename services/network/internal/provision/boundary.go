package provision

import (
	"context"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// Boundary is the life of a tenant's boundary: an address scope, and two subnet pools in it, one for networks and one for
// the links between routers. Links lie in the scope too, because clouds whose routers keep scopes apart would not
// route over them otherwise. All belong to the platform's project, so no tenant can change or share them.
func (k *Kit) Boundary() engine.Kind {
	return engine.Kind{
		Name:    boundary.Kind,
		Objects: []engine.Object{k.scopeEnd(), k.poolEnd()},
		Plan: func(r engine.Resource) ([]engine.Step, error) {
			b, err := specOf[boundary.Boundary](r)
			if err != nil {
				return nil, err
			}
			return k.boundarySteps(b), nil
		},
		Load: func(ctx context.Context, q engine.Querier, uid string) (any, error) {
			return k.records.LoadBoundary(ctx, q, uid)
		},
		Settled: func(ctx context.Context, tx pgx.Tx, s engine.Settlement) error {
			return k.records.SettleBoundary(ctx, tx, s, boundary.Cloud{
				ScopeID: s.Objects[topology.StepScope].ID, PoolID: s.Objects[topology.StepPool].ID, LinkPoolID: s.Objects[topology.StepLinkPool].ID,
			})
		},
	}
}

func (k *Kit) boundarySteps(b boundary.Boundary) []engine.Step {
	name := func(role string) string { return naming.Object(b.Tenant.Tenant, role, b.UID) }
	return []engine.Step{
		k.scopeStep(topology.StepScope, "create the tenant's address scope", name("scope")),
		k.poolStep(topology.StepPool, "create the pool of the tenant's networks", name("networks"), b.Network),
		k.poolStep(topology.StepLinkPool, "create the pool of the links between routers", name("links"), ipam.LinkSpace()),
	}
}

func (k *Kit) scopeStep(step, title, name string) engine.Step {
	return engine.Step{
		Name: step, Title: title, Object: topology.TypeScope, Digest: digest(name),
		Observe: func(ctx context.Context, run *engine.Run) ([]engine.External, error) {
			return lookFor(ctx, run, neutron.Filter{Name: name}, k.cloud.Scopes, scopeExternal)
		},
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			if had, ok := run.Existing(); ok {
				found, err := k.cloud.Scopes(ctx, neutron.Filter{IDs: []string{had.ID}})
				if err != nil || len(found) > 0 {
					return had, err
				}
			}
			made, err := k.cloud.CreateScope(ctx, neutron.Scope{Name: name})
			return scopeExternal(made), err
		},
	}
}

func (k *Kit) poolStep(step, title, name string, space netip.Prefix) engine.Step {
	return engine.Step{
		Name: step, Title: title, Needs: []string{topology.StepScope}, Object: topology.TypePool, Digest: digest(name, space),
		Observe: func(ctx context.Context, run *engine.Run) ([]engine.External, error) {
			return lookFor(ctx, run, neutron.Filter{Name: name}, k.cloud.Pools, poolExternal)
		},
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			scope, err := need(run, topology.StepScope)
			if err != nil {
				return engine.External{}, err
			}
			if had, ok := run.Existing(); ok {
				found, err := k.cloud.Pools(ctx, neutron.Filter{IDs: []string{had.ID}})
				if err != nil || len(found) > 0 {
					return had, err
				}
			}
			made, err := k.cloud.CreatePool(ctx, neutron.Pool{Name: name, ScopeID: scope, Prefixes: []netip.Prefix{space}})
			return poolExternal(made), err
		},
	}
}

func scopeExternal(s neutron.Scope) engine.External { return engine.External{ID: s.ID, Name: s.Name} }

func poolExternal(p neutron.Pool) engine.External { return engine.External{ID: p.ID, Name: p.Name} }

func (k *Kit) scopeEnd() engine.Object {
	return engine.Object{
		Type: topology.TypeScope,
		Delete: func(ctx context.Context, _ *engine.Run, o engine.External) error {
			return k.cloud.DeleteScope(ctx, o.ID)
		},
		Gone: func(ctx context.Context, _ *engine.Run, of []engine.External) ([]engine.External, error) {
			listed, err := k.cloud.Scopes(ctx, neutron.Filter{IDs: ids(of)})
			return still(of, listed, func(s neutron.Scope) string { return s.ID }), err
		},
	}
}

func (k *Kit) poolEnd() engine.Object {
	return engine.Object{
		Type: topology.TypePool,
		Delete: func(ctx context.Context, _ *engine.Run, o engine.External) error {
			return k.cloud.DeletePool(ctx, o.ID)
		},
		Gone: func(ctx context.Context, _ *engine.Run, of []engine.External) ([]engine.External, error) {
			listed, err := k.cloud.Pools(ctx, neutron.Filter{IDs: ids(of)})
			return still(of, listed, func(p neutron.Pool) string { return p.ID }), err
		},
	}
}
