package tenancy

import (
	"context"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
)

// deletable refuses to delete what is protected.
func (t Tenant) deletable() error {
	if t.Protected {
		return errs.Protected(t.Name())
	}
	return nil
}

func (o Organisation) deletable() error {
	if o.Protected {
		return errs.Protected(o.Name())
	}
	return nil
}

// unprotected refuses while a VPC of the organisation is protected. One that is protected after this was asked is not
// deleted either: the network service refuses then, and the deletion is BLOCKED by it.
func unprotected(ctx context.Context, network Network, organisation string) error {
	vpcs, err := network.ProtectedVPCs(ctx, organisation)
	if err != nil || len(vpcs) == 0 {
		return err
	}
	return errs.Protected(vpcs[0])
}

// checkVPCs refuses while a VPC that would go with the tenant is protected. A call that was seen before is answered as it
// was: by now they may be gone.
func (s *Tenants) checkVPCs(ctx context.Context, in DeleteTenant) (Operation, error) {
	if !in.Force {
		return nil, nil
	}
	op, err := inTx(ctx, s.store, func(ctx context.Context, tx Tx) (Operation, error) {
		op, err := tx.Replay(ctx, Tenant{ID: in.ID}.change(in.Request, VerbDelete, StateDeleting))
		if op != nil || err != nil {
			return op, err
		}
		t, err := tx.LockTenant(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return nil, t.deletable()
	})
	if op != nil || err != nil {
		return op, err
	}
	return nil, unprotected(ctx, s.network, resourcename.Organisation{Tenant: in.ID, Organisation: resourcename.Wildcard}.String())
}
