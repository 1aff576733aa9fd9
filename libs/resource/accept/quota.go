package accept

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
)

// Reserve takes what a new resource needs of the quotas.
func (t *Tx) Reserve(ctx context.Context, holder string, claims []quota.Claim) error {
	return t.cfg.Quota.Reserve(ctx, t, t.tenant, holder, claims)
}

// effects adds what a change does to the quotas to its plan. A new resource has its reservation by now, one that goes still has it.
func (t *Tx) effects(ctx context.Context, op *provision.Operation, deleting bool) error {
	if t.cfg.Quota == nil {
		return nil
	}
	held, err := t.cfg.Quota.Holdings(ctx, t, op.Tenant, op.ResourceUID)
	if err != nil {
		return err
	}
	for _, h := range held {
		change, after := 0, h.Taken()
		switch {
		case op.Verb == "create":
			change = int(h.Amount)
		case deleting:
			change, after = -int(h.Amount), after-h.Amount
		}
		// The kind has planned the effect on the project already.
		i := slices.IndexFunc(op.Preview.Quota, func(q provision.QuotaEffect) bool { return q.Resource == h.Resource && !h.OfTenant() })
		if i < 0 {
			if !h.OfTenant() || change == 0 {
				continue
			}
			op.Preview.Quota = append(op.Preview.Quota, provision.QuotaEffect{Resource: h.Resource, UsageChange: change})
			i = len(op.Preview.Quota) - 1
		}
		q := &op.Preview.Quota[i]
		q.Quota, q.TakenAfter, q.EffectiveLimit = h.Name(), int(after), -1
		if limit, known := h.Limit(); known {
			q.EffectiveLimit = int(limit)
		}
	}
	return nil
}

// Settled keeps the quota ledger true to the end of an operation: in use once the resource is whole, released once it is gone.
func Settled(ctx context.Context, l *quota.Ledger, tx pgx.Tx, s provision.Settlement) error {
	switch {
	case s.Removed:
		return l.Release(ctx, tx, s.UID)
	case s.Outcome == provision.Done:
		return l.Commit(ctx, tx, s.UID)
	default:
		return nil
	}
}
