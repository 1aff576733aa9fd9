package provision

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/openstack/kit"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// Boundary is the life of a tenant's boundary: an address scope, and two subnet pools in it, one for networks and one for
// the links between routers. Links lie in the scope too: a cloud whose routers keep scopes apart would not route over them
// otherwise. All belong to the platform's project, so no tenant can change or share them.
func (k *Kit) Boundary() engine.Kind[boundary.Boundary] {
	return engine.Kind[boundary.Boundary]{
		Name:      boundary.Kind,
		Objects:   []engine.Object{k.scopes.Object(), k.pools.Object()},
		Inventory: kit.PoolInventory(k.cloud),
		Quota:     quotaEffect[boundary.Boundary],
		Load:      k.records.LoadBoundary,
		Plan: func(_ engine.Resource, b boundary.Boundary) ([]engine.Step, error) {
			name := func(role string) string { return naming.Object(b.Tenant.Tenant, role, b.UID) }
			return []engine.Step{
				k.scopes.Make(step(topology.StepScope, "create the tenant's address scope"), name("scope")),
				k.pools.Make(step(topology.StepPool, "create the pool of the tenant's networks"), topology.StepScope, name("networks"), b.Network),
				k.pools.Make(step(topology.StepLinkPool, "create the pool of the links between routers"), topology.StepScope, name("links"), ipam.LinkSpace()),
			}, nil
		},
		Settled: func(ctx context.Context, tx pgx.Tx, s engine.Settlement) error {
			return k.records.SettleBoundary(ctx, tx, s, boundary.Cloud{
				ScopeID: s.Objects[topology.StepScope].ID, PoolID: s.Objects[topology.StepPool].ID, LinkPoolID: s.Objects[topology.StepLinkPool].ID,
			})
		},
	}
}
