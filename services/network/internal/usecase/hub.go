package usecase

import (
	"context"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/usage"
	"github.com/low-layer/platform/services/network/internal/store"
)

// EnsureHub makes the hub of an organisation, or returns the operation that made it.
func (n *Network) EnsureHub(ctx context.Context, id resource.Identity, o hub.Order) (*provision.Operation, error) {
	return n.changes.Operation(ctx, id, o.Name.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		b, err := n.LockBoundary(ctx, tx, o.Name.Tenant, store.Change)
		if err != nil {
			return nil, err
		}
		h, err := n.FindHub(ctx, tx, o.Name.Parent())
		if free, err := absent(err); err != nil {
			return nil, err
		} else if !free {
			if op, err := ensured(ctx, tx, h.Meta, o.Name.String(), o.Same(h)); op != nil || err != nil {
				return op, err
			}
		} else if h, err = n.newHub(ctx, tx, o, b); err != nil {
			return nil, err
		}
		return accepted(ctx, tx, creation(hub.Kind, h.UID, o.Name.String()), "hub.created", nil, n.LoadHub, n.messages.Hub)
	})
}

// DeleteHub removes the hub of an organisation.
func (n *Network) DeleteHub(ctx context.Context, id resource.Identity, name resourcename.Hub) (*provision.Operation, error) {
	return n.changes.Operation(ctx, id, name.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		h, err := n.LockHub(ctx, tx, name.Parent(), store.Remove)
		if err != nil {
			return nil, missing(err, hub.Kind, name.String())
		}
		if op, err := tx.Removal(ctx, h.UID); op != nil || err != nil {
			return op, err
		}
		vpcs, err := n.VpcNames(ctx, tx, name.Parent())
		if err != nil {
			return nil, err
		}
		if len(vpcs) > 0 {
			return nil, hub.InUse(h, vpcs[0])
		}
		return accepted(ctx, tx, removal(hub.Kind, h.UID, name.String()), "hub.delete_requested", n.messages.Hub(h), n.LoadHub, n.messages.Hub)
	})
}

// newHub takes the addresses and quotas of a hub and writes its row.
func (n *Network) newHub(ctx context.Context, tx *accept.Tx, o hub.Order, b boundary.Boundary) (hub.Hub, error) {
	held, err := n.Allocations(ctx, tx, o.Name.Tenant)
	if err != nil {
		return hub.Hub{}, err
	}
	h, err := o.Resolve(ids.New("hub"), b, held)
	if err != nil {
		return hub.Hub{}, err
	}
	if err := tx.Reserve(ctx, h.UID, claims(usage.OfHub(h))); err != nil {
		return hub.Hub{}, err
	}
	return h, n.InsertHub(ctx, tx, h)
}
