package provision

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/libs/usage/spans"
)

// billing refuses a kind whose usage could be forgotten.
func (k *kind) billing(strict bool) error {
	if !strict {
		return nil
	}
	known, ok := usage.KindOf(k.Name)
	switch {
	case !ok:
		return fmt.Errorf("kind %q is not in usage.Kinds; add it there with its meters, or why it is free", k.Name)
	case (known.Free == "") != (k.Usage != nil):
		return fmt.Errorf("kind %q has the meters %v in usage.Kinds, which must be so exactly when it declares Usage", k.Name, known.Meters)
	}
	return nil
}

// meter writes the spans of a resource in the transaction of a state change. gone ends them. It returns the usage before.
func (e *Engine) meter(ctx context.Context, tx pgx.Tx, k *kind, r Resource, gone bool) ([]usage.Item, error) {
	if k.Usage == nil {
		return nil, nil
	}
	var now []usage.Item
	if !gone {
		now = k.Usage(r)
	}
	return spans.Set(ctx, tx, e.cfg.Service, spans.Subject{Tenant: r.Tenant, Resource: r.Name, UID: r.UID}, now, e.now())
}

// effects are what a planned operation does to usage. The acceptance of a deletion has ended the spans already.
func (e *Engine) effects(ctx context.Context, tx pgx.Tx, k *kind, op *Operation, r Resource, p Preview) ([]usage.Effect, error) {
	var out []usage.Effect
	switch {
	case k.Usage == nil:
	case r.Deleting:
		out = usage.Effects(r.Name, op.usage, nil)
	default:
		had, err := spans.Ending(ctx, tx, []string{r.UID})
		if err != nil {
			return nil, err
		}
		before := make([]usage.Item, len(had))
		for i, h := range had {
			before[i] = usage.Item{Meter: h.Meter, Mode: h.Mode, Quantity: h.Before}
		}
		out = usage.Effects(r.Name, before, k.Usage(r))
	}
	if k.Brings != nil {
		out = append(out, k.Brings(r, p)...)
	}
	return out, nil
}

// Ending returns the usage that ends with resources.
func (e *Engine) Ending(ctx context.Context, q Querier, uids []string) ([]usage.Effect, error) {
	return spans.Ending(ctx, q, uids)
}
