package usecase

import (
	"context"
	"strings"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/usage"
	"github.com/low-layer/platform/services/network/internal/store"
)

// EnsureBoundary makes the boundary of a tenant, or returns the operation that made it.
func (n *Network) EnsureBoundary(ctx context.Context, id resource.Identity, o boundary.Order) (*provision.Operation, error) {
	return n.changes.Operation(ctx, id, o.Tenant.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		if err := n.LockBoundaryName(ctx, tx, o.Tenant.Tenant); err != nil {
			return nil, err
		}
		b, err := n.FindBoundary(ctx, tx, o.Tenant.Tenant)
		if free, err := absent(err); err != nil {
			return nil, err
		} else if !free {
			if op, err := ensured(ctx, tx, b.Meta, b.Name(), o.Same(b)); op != nil || err != nil {
				return op, err
			}
		} else {
			if b, err = o.Resolve(ids.New("bnd")); err != nil {
				return nil, err
			}
			if err := n.InsertBoundary(ctx, tx, b); err != nil {
				return nil, err
			}
		}
		return tx.Accept(ctx, creation(boundary.Kind, b.UID, b.Name()))
	})
}

// DeleteBoundary removes the boundary of a tenant.
func (n *Network) DeleteBoundary(ctx context.Context, id resource.Identity, name resourcename.Tenant) (*provision.Operation, error) {
	return n.changes.Operation(ctx, id, name.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		b, err := n.LockBoundary(ctx, tx, name.Tenant, store.Remove)
		if err != nil {
			return nil, err
		}
		if op, err := tx.Removal(ctx, b.UID); op != nil || err != nil {
			return op, err
		}
		if holder, err := n.AddressHolder(ctx, tx, name.Tenant); err != nil {
			return nil, err
		} else if holder != "" {
			return nil, boundary.InUse(b, holder)
		}
		return tx.Accept(ctx, removal(boundary.Kind, b.UID, b.Name()))
	})
}

// CheckOrder returns an error unless the networks of an order, vpcs of them VPCs, could be made now.
func (n *Network) CheckOrder(ctx context.Context, tenant resourcename.Tenant, vpcs int64, order []ipam.Wanted) error {
	b, err := n.Boundary(ctx, tenant.Tenant)
	if err != nil {
		return err
	}
	if err := b.Open(); err != nil {
		return err
	}
	held, err := n.Allocations(ctx, n.Querier(), tenant.Tenant)
	if err != nil {
		return err
	}
	if err := ipam.CheckOrder(b.Network, held, order); err != nil {
		return err
	}
	return n.quota.Room(ctx, n.Querier(), tenant.Tenant, []quota.Claim{{Place: tenant.String(), Resource: usage.Vpcs, Amount: vpcs}})
}

// SetQuota notes the limits of the project of an organisation.
func (n *Network) SetQuota(ctx context.Context, name resourcename.Organisation, limits map[string]int64) error {
	return n.changes.Record(ctx, resource.Identity{}, name.Tenant, func(ctx context.Context, tx *accept.Tx) error {
		// The removal of the boundary forgets the limits.
		if _, err := n.LockBoundary(ctx, tx, name.Tenant, store.Hold); err != nil {
			return err
		}
		return n.quota.Set(ctx, tx, name.Tenant, name.String(), limits)
	})
}

// PreviewRemoval returns the objects and the usage below a tenant or an organisation, with those of peerings that end with a VPC of it.
func (n *Network) PreviewRemoval(ctx context.Context, name string) (p provision.Preview, err error) {
	uids, err := n.Below(ctx, strings.Split(name, "/")[1], name)
	if err != nil {
		return p, err
	}
	if p.Objects, err = n.engine.Removals(ctx, n.Querier(), uids); err != nil {
		return p, err
	}
	p.Usage, err = n.engine.Ending(ctx, n.Querier(), uids)
	return p, err
}
