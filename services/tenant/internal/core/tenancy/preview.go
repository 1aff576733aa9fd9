package tenancy

import (
	"context"
	"errors"
)

// PlannedObject is an object of another service that goes when a resource of ours does.
type PlannedObject struct{ Step, Type, ID, Name, Resource, Service string }

// Preview is an operation that was only planned.
type Preview interface {
	Operation
	// Previewed is true for a plan, false for an operation that was accepted.
	Previewed() bool
	// Takes adds what goes along.
	Takes(objects []PlannedObject)
}

// errPreviewed rolls a change back that was made only to be planned.
var errPreviewed = errors.New("the change was asked for as a plan only")

// planned is the plan in an operation, false when it was accepted.
func planned(op Operation) (Preview, bool) {
	p, ok := op.(Preview)
	return p, ok && p.Previewed()
}

// withNetworks adds to the plan of a removal what the network service would remove. It is asked after the plan was made,
// and reads its own records alone.
func withNetworks(ctx context.Context, network Network, name string, op Operation, err error) (Operation, error) {
	p, ok := planned(op)
	if err != nil || !ok {
		return op, err
	}
	objects, err := network.Removal(ctx, name)
	if err != nil {
		return nil, err
	}
	p.Takes(objects)
	return p, nil
}
