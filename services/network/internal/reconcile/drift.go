// Package reconcile holds the service's periodic loops. They may run in every replica at once, and may stop anywhere: the next pass
// finds whatever the last one left. Failures are logged; the next pass looks again.
package reconcile

import (
	"context"
	"fmt"

	"github.com/low-layer/platform/libs/drift"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	core "github.com/low-layer/platform/services/network/internal/core/drift"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Ledger is the objects of the service.
type Ledger interface {
	Objects(ctx context.Context, kind string, page func([]provision.OwnedObject) error) error
}

// Snapshot lists all of Neutron in bulk for a pass of drift: one list for each type of object.
func Snapshot(cloud neutron.Cloud, ledger Ledger) func(context.Context) (context.Context, drift.Strangers, error) {
	return func(ctx context.Context) (context.Context, drift.Strangers, error) {
		s, err := neutron.Take(ctx, cloud)
		if err != nil {
			return ctx, nil, err
		}
		return s.In(ctx), func(ctx context.Context, busy map[string]bool) ([]drift.Finding, error) {
			owned, err := ours(ctx, ledger)
			found := core.Strangers(s, owned, busy)
			out := make([]drift.Finding, len(found))
			for i, f := range found {
				out[i] = drift.Finding{
					Tenant: f.With.Tenant, Resource: f.With.Resource, ResourceUID: f.With.ResourceUID,
					ObjectType: f.ObjectType, ObjectID: f.ObjectID, Detail: f.Detail,
				}
			}
			return out, err
		}, nil
	}
}

// ours reads the ledger of every kind.
func ours(ctx context.Context, ledger Ledger) ([]core.Owned, error) {
	var out []core.Owned
	for _, kind := range []string{boundary.Kind, hub.Kind, vpc.Kind, peering.Kind} {
		err := ledger.Objects(ctx, kind, func(page []provision.OwnedObject) error {
			for _, o := range page {
				out = append(out, core.Owned{
					Kind: kind, ResourceUID: o.ResourceUID, Resource: o.Resource, Tenant: o.Tenant, Step: o.Step, Type: o.Type, ID: o.ID, Name: o.Name,
				})
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
	}
	return out, nil
}
