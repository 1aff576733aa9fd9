package tenancy

import (
	"context"
	"errors"
	"time"
)

// PlannedObject is an object of another service that goes when a resource of ours does.
type PlannedObject struct{ Step, Title, Type, ID, Name, Resource, Service string }

// Preview is an operation that was only planned.
type Preview interface {
	Operation
	// Previewed is true for a plan, false for an operation that was accepted.
	Previewed() bool
	// Takes adds what goes along.
	Takes(objects []PlannedObject)
	// Purges adds when what a deletion leaves for now is removed, and what goes along then.
	Purges(at time.Time, objects []PlannedObject)
}

// errPreviewed rolls a change back that was made only to be planned.
var errPreviewed = errors.New("the change was asked for as a plan only")

// planned is the plan in an operation, false when it was accepted.
func planned(op Operation) (Preview, bool) {
	p, ok := op.(Preview)
	return p, ok && p.Previewed()
}

// withNetworks adds to the plan of a deletion what the network service would remove: with it, or at the time of the purge when
// there is one. It is asked after the plan was made, and reads its own records alone.
func withNetworks(ctx context.Context, network Network, name string, purge time.Time, op Operation, err error) (Operation, error) {
	p, ok := planned(op)
	if err != nil || !ok {
		return op, err
	}
	objects, err := network.Removal(ctx, name)
	if err != nil {
		return nil, err
	}
	if purge.IsZero() {
		p.Takes(objects)
	} else {
		p.Purges(purge, objects)
	}
	return p, nil
}
