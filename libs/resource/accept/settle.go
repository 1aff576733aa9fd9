package accept

import (
	"context"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource"
)

// End is how a service records the end of an operation on a kind of resource. Remove, Done and Pending may be nil.
type End[T any] struct {
	// Source is the service's name in its events.
	Source, Kind string
	Quota        *quota.Ledger
	Load         func(ctx context.Context, q provision.Querier, uid string) (T, error)
	// Remove deletes the row of a resource that is gone.
	Remove func(ctx context.Context, tx pgx.Tx, uid string) error
	// Done records what the work made, in the row and in the value.
	Done func(ctx context.Context, tx pgx.Tx, r *T) error
	// Pending reports that the resource has no objects yet: its quotas stay reserved.
	Pending func(T) bool
	Meta    func(*T) *resource.Meta
	Message func(T) proto.Message
}

// Record keeps the quotas and the row true to the end of an operation, and publishes its event. It runs in the engine's transaction.
func (e End[T]) Record(ctx context.Context, tx pgx.Tx, s provision.Settlement) error {
	r, err := e.Load(ctx, tx, s.UID)
	if err != nil {
		return err
	}
	if s.Removed || e.Pending == nil || !e.Pending(r) {
		if err := Settled(ctx, e.Quota, tx, s); err != nil {
			return err
		}
	}
	suffix := s.Outcome.String()
	switch {
	case s.Removed:
		suffix = "deleted"
		if e.Remove != nil {
			err = e.Remove(ctx, tx, s.UID)
		}
	case s.Outcome == provision.Done:
		suffix = "settled"
		if e.Done != nil {
			err = e.Done(ctx, tx, &r)
		}
	}
	if err != nil {
		return err
	}
	m := e.Meta(&r) // the row may not show the transition yet
	m.Status.State, m.Status.Blockage = s.State, s.Blockage
	return event.Publish(ctx, tx, e.Source, s.Tenant, e.Kind+"."+suffix, s.Name, e.Message(r))
}
