// Package usecase holds the transaction scripts of the network service, one for each command: lock, decide in core, write by the
// store, accept the operation, publish the event. A script calls nothing but the database.
//
// Network carries out what callers ask for. Settlements records the ends of operations, in the engine's transaction.
package usecase

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	metered "github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/usage"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Source is the service's name in its events.
const Source = "network"

// Messages make the messages of resources, for events and audit records.
type Messages struct {
	Hub     func(hub.Hub) proto.Message
	Vpc     func(vpc.Vpc) proto.Message
	Peering func(peering.Peering) proto.Message
}

// Engine is the part of the provisioning engine that commands use.
type Engine interface {
	accept.Engine
	Removals(ctx context.Context, q provision.Querier, uids []string) ([]provision.PlannedObject, error)
	Ending(ctx context.Context, q provision.Querier, uids []string) ([]metered.Effect, error)
}

// Network is the commands and reads of the service.
type Network struct {
	*Settlements
	engine  Engine
	changes *accept.Changes
	seen    lastIndex
}

// New makes the commands. The trail records who made a change.
func New(s *Settlements, engine Engine, t *trail.Trail) *Network {
	n := &Network{Settlements: s, engine: engine}
	n.changes = accept.New(accept.Config{
		Service: Source, DB: s.DB(), Engine: engine, Trail: t, Quota: s.quota, Clock: s.Clock(), Closed: n.closed,
	})
	return n
}

func creation(kind, uid, name string) provision.Change {
	return provision.Change{Kind: kind, UID: uid, Name: name, Verb: "create", Transient: provision.Creating, Final: provision.Active}
}

func update(kind, uid, name, verb string) provision.Change {
	return provision.Change{Kind: kind, UID: uid, Name: name, Verb: verb, Transient: provision.Updating, Final: provision.Active}
}

func removal(kind, uid, name string) provision.Change {
	return provision.Change{Kind: kind, UID: uid, Name: name, Verb: "delete", Transient: provision.Deleting, Deleting: true}
}

// accepted hands a change to the engine and publishes the resource as it is then. before is the resource as it was, nil for a new one.
func accepted[T any](
	ctx context.Context, tx *accept.Tx, c provision.Change, event string, before proto.Message,
	load func(context.Context, provision.Querier, string) (T, error), message func(T) proto.Message,
) (*provision.Operation, error) {
	op, err := tx.Accept(ctx, c)
	if err != nil {
		return nil, err
	}
	now, err := load(ctx, tx, c.UID)
	if err != nil {
		return nil, err
	}
	shown := message(now)
	tx.Before(c.Name, before)
	if c.Deleting {
		tx.After(c.Name, nil)
	} else {
		tx.After(c.Name, shown)
	}
	return op, tx.Publish(ctx, event, c.Name, shown)
}

// ensured is the operation that made a resource which a call asks for again; nil when that operation was given up.
func ensured(ctx context.Context, tx *accept.Tx, m resource.Meta, name string, same error) (*provision.Operation, error) {
	if same != nil {
		return nil, same
	}
	if m.Status.State == resource.Deleting {
		return nil, errs.Failed("RESOURCE_DELETING", "%q is being deleted; wait for the end of that and ask again", name).With("resource", name)
	}
	return tx.Creation(ctx, m.UID)
}

// missing turns the NOT_FOUND of a parent into that of a resource.
func missing(err error, kind, name string) error {
	if errs.CodeOf(err) == errs.CodeNotFound {
		return errs.NotFound(kind, name)
	}
	return err
}

// absent reports whether a resource does not exist.
func absent(err error) (bool, error) {
	if errs.CodeOf(err) == errs.CodeNotFound {
		return true, nil
	}
	return false, err
}

// claims are those of core/usage in the words of the ledger.
func claims(of []usage.Claim) []quota.Claim {
	out := make([]quota.Claim, len(of))
	for i, c := range of {
		out[i] = quota.Claim(c)
	}
	return out
}
