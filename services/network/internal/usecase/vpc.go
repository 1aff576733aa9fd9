package usecase

import (
	"context"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/resource/mask"
	"github.com/low-layer/platform/services/network/internal/core/usage"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
	"github.com/low-layer/platform/services/network/internal/store"
)

// CreateVpc makes a VPC.
func (n *Network) CreateVpc(ctx context.Context, id resource.Identity, o vpc.Order) (*provision.Operation, error) {
	parent := o.Name.Parent()
	return n.changes.Operation(ctx, id, o.Name.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		b, err := n.LockBoundary(ctx, tx, o.Name.Tenant, store.Change)
		if err != nil {
			return nil, missing(err, "organisation", parent.String())
		}
		h, err := n.LockHub(ctx, tx, parent, store.Hold)
		if err != nil {
			return nil, err
		}
		_, err = n.FindVpc(ctx, tx, o.Name)
		if free, err := absent(err); err != nil {
			return nil, err
		} else if !free {
			return nil, errs.Exists(vpc.Kind, o.Name.String())
		}
		siblings, err := n.VpcNames(ctx, tx, parent)
		if err != nil {
			return nil, err
		}
		if err := h.Room(len(siblings)); err != nil {
			return nil, err
		}
		held, err := n.Allocations(ctx, tx, o.Name.Tenant)
		if err != nil {
			return nil, err
		}
		v, err := o.Resolve(ids.New("vpc"), b, h, held)
		if err != nil {
			return nil, err
		}
		if err := tx.Reserve(ctx, v.UID, claims(usage.OfVpc(v))); err != nil {
			return nil, err
		}
		if err := n.InsertVpc(ctx, tx, v); err != nil {
			return nil, err
		}
		return accepted(ctx, tx, creation(vpc.Kind, v.UID, v.Name.String()), "vpc.created", nil, n.LoadVpc, n.messages.Vpc)
	})
}

// UpdateVpc changes the fields of a VPC that the mask names.
func (n *Network) UpdateVpc(ctx context.Context, id resource.Identity, m mask.Mask, u vpc.Update) (*provision.Operation, error) {
	return n.changes.Operation(ctx, id, u.Name.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		v, err := n.LockVpc(ctx, tx, u.Name, store.Change)
		if err != nil {
			return nil, err
		}
		was := n.messages.Vpc(v)
		if err := v.Changeable(u.Etag); err != nil {
			return nil, err
		}
		paths, err := m.Paths(was)
		if err != nil {
			return nil, err
		}
		c := update(vpc.Kind, v.UID, v.Name.String(), "update")
		if !v.Whole() {
			c.Transient = provision.Creating
		}
		if err := n.Store.UpdateVpc(ctx, tx, u.Apply(v, paths)); err != nil {
			return nil, err
		}
		return accepted(ctx, tx, c, "vpc.updated", was, n.LoadVpc, n.messages.Vpc)
	})
}

// DeleteVpc removes a VPC.
func (n *Network) DeleteVpc(ctx context.Context, id resource.Identity, name resourcename.Vpc, given string) (*provision.Operation, error) {
	return n.changes.Operation(ctx, id, name.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		v, err := n.LockVpc(ctx, tx, name, store.Remove)
		if err != nil {
			return nil, err
		}
		if op, err := tx.Removal(ctx, v.UID); op != nil || err != nil {
			return op, err
		}
		if err := etag.Check(name.String(), given, v.Etag()); err != nil {
			return nil, err
		}
		if err := v.Deletable(); err != nil {
			return nil, err
		}
		if peering, err := n.PeeringOf(ctx, tx, v.UID); err != nil {
			return nil, err
		} else if peering != "" {
			return nil, vpc.Peered(v, peering)
		}
		return accepted(ctx, tx, removal(vpc.Kind, v.UID, v.Name.String()), "vpc.delete_requested", n.messages.Vpc(v), n.LoadVpc, n.messages.Vpc)
	})
}
