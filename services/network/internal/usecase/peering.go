package usecase

import (
	"context"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/usage"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
	"github.com/low-layer/platform/services/network/internal/store"
)

// CreatePeering asks for a peering.
func (n *Network) CreatePeering(ctx context.Context, id resource.Identity, o peering.Order) (*provision.Operation, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return n.changes.Operation(ctx, id, o.Name.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		b, err := n.LockBoundary(ctx, tx, o.Name.Tenant, store.Change)
		if err != nil {
			return nil, missing(err, vpc.Kind, o.Vpc.String())
		}
		if err := b.Open(); err != nil {
			return nil, err
		}
		asking, asked, err := n.HoldVpcs(ctx, tx, o.Vpc, o.Peer)
		if err != nil {
			return nil, err
		}
		if err := n.openEnds(ctx, tx, o.Vpc, o.Peer); err != nil {
			return nil, err
		}
		rival, err := n.Rival(ctx, tx, o.Name, asking.UID, asked.UID)
		if err != nil {
			return nil, err
		}
		if err := o.Rivals(rival); err != nil {
			return nil, err
		}
		held, err := n.Allocations(ctx, tx, o.Name.Tenant)
		if err != nil {
			return nil, err
		}
		p, err := o.Resolve(ids.New("peer"), asking, asked, held)
		if err != nil {
			return nil, err
		}
		if err := tx.Reserve(ctx, p.UID, claims(usage.OfPeering(p))); err != nil {
			return nil, err
		}
		if err := n.InsertPeering(ctx, tx, p); err != nil {
			return nil, err
		}
		return accepted(ctx, tx, creation(peering.Kind, p.UID, p.Name.String()), "peering.created", nil, n.LoadPeering, n.messages.Peering)
	})
}

// openEnds returns an error when the organisation of a VPC is deleted.
func (n *Network) openEnds(ctx context.Context, tx *accept.Tx, ends ...resourcename.Vpc) error {
	for _, v := range ends {
		h, err := n.FindHub(ctx, tx, v.Parent())
		if err != nil {
			return err
		}
		if err := h.Open(); err != nil {
			return err
		}
	}
	return nil
}

// AcceptPeering accepts a peering on behalf of the VPC that was asked.
func (n *Network) AcceptPeering(ctx context.Context, id resource.Identity, name resourcename.Peering) (*provision.Operation, error) {
	return n.changes.Operation(ctx, id, name.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		b, err := n.LockBoundary(ctx, tx, name.Tenant, store.Change)
		if err != nil {
			return nil, missing(err, peering.Kind, name.String())
		}
		p, err := n.LockPeering(ctx, tx, name, store.Remove)
		if err != nil {
			return nil, err
		}
		if err := b.Open(); err != nil {
			return nil, err
		}
		if err := n.openEnds(ctx, tx, p.Vpc, p.Peer); err != nil {
			return nil, err
		}
		was := n.messages.Peering(p)
		if p, err = p.Accept(); err != nil {
			return nil, err
		}
		if err := n.UpdatePeering(ctx, tx, p); err != nil {
			return nil, err
		}
		return accepted(ctx, tx, update(peering.Kind, p.UID, name.String(), "accept"), "peering.accepted", was, n.LoadPeering, n.messages.Peering)
	})
}

// DeletePeering ends a peering.
func (n *Network) DeletePeering(ctx context.Context, id resource.Identity, name resourcename.Peering, given string) (*provision.Operation, error) {
	return n.changes.Operation(ctx, id, name.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		p, err := n.LockPeering(ctx, tx, name, store.Remove)
		if err != nil {
			return nil, err
		}
		if op, err := tx.Removal(ctx, p.UID); op != nil || err != nil {
			return op, err
		}
		if err := etag.Check(name.String(), given, p.Etag()); err != nil {
			return nil, err
		}
		return accepted(ctx, tx, removal(peering.Kind, p.UID, name.String()), "peering.delete_requested", n.messages.Peering(p), n.LoadPeering, n.messages.Peering)
	})
}
