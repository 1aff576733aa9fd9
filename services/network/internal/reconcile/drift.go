// Package reconcile holds the service's periodic loops. They take no arguments, may run in every replica at once, and may
// stop anywhere: the next pass finds whatever the last one left.
//
// Drift compares all of Neutron, listed in bulk, with the ledger and with what was asked for. An object of the
// platform that was changed or removed by hand is repaired by an operation of its resource. A foreign object is reported and never
// touched. A pass without findings makes one list call for each kind of object. Failures are logged; the next pass looks again.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/drift"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Cloud is what is listed.
type Cloud interface {
	Scopes(ctx context.Context, f neutron.Filter) ([]neutron.Scope, error)
	Pools(ctx context.Context, f neutron.Filter) ([]neutron.Pool, error)
	Networks(ctx context.Context, f neutron.Filter) ([]neutron.Network, error)
	Subnets(ctx context.Context, f neutron.Filter) ([]neutron.Subnet, error)
	Routers(ctx context.Context, f neutron.Filter) ([]neutron.Router, error)
	Ports(ctx context.Context, f neutron.Filter) ([]neutron.Port, error)
	Groups(ctx context.Context, f neutron.Filter) ([]neutron.Group, error)
}

// Engine is the ledger, and the means to have steps done again.
type Engine interface {
	Objects(ctx context.Context, kind string, page func([]provision.OwnedObject) error) error
	Repair(ctx context.Context, tx pgx.Tx, uid string, steps []string, detail string) (*provision.Operation, error)
	SetCondition(ctx context.Context, tx pgx.Tx, uid string, c provision.Condition) error
}

// Records is what was asked for, and the findings so far.
type Records interface {
	Wanted(ctx context.Context, settledBefore time.Time) (drift.Wanted, error)
	OpenFindings(ctx context.Context) ([]drift.Finding, error)
	NoteFinding(ctx context.Context, tx pgx.Tx, f drift.Finding) error
	ResolveFindings(ctx context.Context, tx pgx.Tx, uids []string) error
}

// Config is what a Drift works with.
type Config struct {
	Cloud   Cloud
	Engine  Engine
	Records Records
	Pool    *pgxpool.Pool
	Clock   clock.Clock
	Logger  *slog.Logger
	// Age is how long ago a resource must have been worked on to be judged.
	Age time.Duration
}

// Drift is the loop.
type Drift struct{ cfg Config }

// NewDrift makes the loop.
func NewDrift(cfg Config) *Drift {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Drift{cfg: cfg}
}

// Pass compares once and acts on what it finds.
func (d *Drift) Pass(ctx context.Context) error {
	began := d.cfg.Clock.Now()
	// The cloud first: what is made after is in the ledger by the time that is read, not the other way round.
	cloud, err := d.list(ctx)
	if err != nil {
		return err
	}
	owned, err := d.owned(ctx)
	if err != nil {
		return err
	}
	wanted, err := d.cfg.Records.Wanted(ctx, began.Add(-d.cfg.Age))
	if err != nil {
		return err
	}
	findings := drift.Compare(cloud, owned, wanted)
	if slices.ContainsFunc(findings, func(f drift.Finding) bool { return f.Kind == drift.Missing }) {
		if err := d.ask(ctx, &cloud, findings); err != nil {
			return err
		}
		findings = drift.Compare(cloud, owned, wanted)
	}
	return d.settle(ctx, wanted, findings)
}

// list reads everything there is, in bulk.
func (d *Drift) list(ctx context.Context) (drift.Snapshot, error) {
	var s drift.Snapshot
	// Not by our tag: what others made in our projects has none, and what somebody took it from would have to be asked for.
	all := neutron.Filter{}
	err := together(
		func() (err error) { s.Scopes, err = d.cfg.Cloud.Scopes(ctx, all); return err },
		func() (err error) { s.Pools, err = d.cfg.Cloud.Pools(ctx, all); return err },
		func() (err error) { s.Networks, err = d.cfg.Cloud.Networks(ctx, all); return err },
		func() (err error) { s.Subnets, err = d.cfg.Cloud.Subnets(ctx, all); return err },
		func() (err error) { s.Routers, err = d.cfg.Cloud.Routers(ctx, all); return err },
		func() (err error) { s.Ports, err = d.cfg.Cloud.Ports(ctx, all); return err },
		func() (err error) { s.Groups, err = d.cfg.Cloud.Groups(ctx, all); return err },
	)
	return s, err
}

// ask looks once more for what the lists did not hold, by id: a list that was paged through while others worked may have a
// hole.
func (d *Drift) ask(ctx context.Context, s *drift.Snapshot, findings []drift.Finding) error {
	ids := map[string][]string{}
	for _, f := range findings {
		if f.Kind == drift.Missing {
			ids[f.ObjectType] = append(ids[f.ObjectType], f.ObjectID)
		}
	}
	return together(
		more(ctx, ids[typeScope], d.cfg.Cloud.Scopes, &s.Scopes),
		more(ctx, ids[typePool], d.cfg.Cloud.Pools, &s.Pools),
		more(ctx, ids[typeNetwork], d.cfg.Cloud.Networks, &s.Networks),
		more(ctx, ids[typeSubnet], d.cfg.Cloud.Subnets, &s.Subnets),
		more(ctx, ids[typeRouter], d.cfg.Cloud.Routers, &s.Routers),
		more(ctx, ids[typePort], d.cfg.Cloud.Ports, &s.Ports),
		more(ctx, ids[typeGroup], d.cfg.Cloud.Groups, &s.Groups),
	)
}

func more[T any](ctx context.Context, ids []string, list func(context.Context, neutron.Filter) ([]T, error), into *[]T) func() error {
	return func() error {
		if len(ids) == 0 {
			return nil
		}
		found, err := list(ctx, neutron.Filter{IDs: ids})
		*into = append(*into, found...)
		return err
	}
}

// together runs what does not depend on one another at the same time.
func together(calls ...func() error) error {
	results := make(chan error, len(calls))
	for _, call := range calls {
		go func() { results <- call() }()
	}
	var all []error
	for range calls {
		all = append(all, <-results)
	}
	return errors.Join(all...)
}

// owned reads the ledger of every kind.
func (d *Drift) owned(ctx context.Context) ([]drift.Owned, error) {
	var out []drift.Owned
	for _, kind := range []string{boundary.Kind, hub.Kind, vpc.Kind, peering.Kind} {
		err := d.cfg.Engine.Objects(ctx, kind, func(page []provision.OwnedObject) error {
			for _, o := range page {
				if o.Surplus {
					continue
				}
				out = append(out, drift.Owned{
					ResourceUID: o.ResourceUID, Resource: o.Resource, Tenant: o.Tenant, Step: o.Step, Type: o.Type,
					ID: o.ID, Name: o.Name, Attributes: o.Attributes,
				})
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
	}
	return out, nil
}

// settle records the findings, has repaired what is ours, and closes what is over.
func (d *Drift) settle(ctx context.Context, wanted drift.Wanted, findings []drift.Finding) error {
	open, err := d.cfg.Records.OpenFindings(ctx)
	if err != nil {
		return err
	}
	byResource := map[string][]drift.Finding{}
	for _, f := range findings {
		byResource[f.ResourceUID] = append(byResource[f.ResourceUID], f)
	}
	var failed []error
	known := map[string]bool{}
	for _, r := range resources(wanted) {
		known[r.uid] = true
		if wanted.Skip[r.uid] {
			continue
		}
		if err := d.resource(ctx, r, byResource[r.uid], over(open, r.uid, byResource[r.uid])); err != nil {
			failed = append(failed, fmt.Errorf("settle drift of %s: %w", r.name, err))
		}
	}
	if gone := orphaned(open, known); len(gone) > 0 {
		failed = append(failed, pg.InTx(ctx, d.cfg.Pool, func(ctx context.Context, tx pgx.Tx) error {
			return d.cfg.Records.ResolveFindings(ctx, tx, gone)
		}))
	}
	return errors.Join(failed...)
}

// resource settles the findings of one resource. A resource that stays in sync costs nothing.
func (d *Drift) resource(ctx context.Context, r judged, findings []drift.Finding, over []string) error {
	condition := conditionOf(findings)
	if len(findings) == 0 && len(over) == 0 && r.has(condition) {
		return nil
	}
	steps, detail := repairOf(findings)
	return pg.InTx(ctx, d.cfg.Pool, func(ctx context.Context, tx pgx.Tx) error {
		operation := ""
		if len(steps) > 0 {
			op, err := d.cfg.Engine.Repair(ctx, tx, r.uid, steps, detail)
			if err != nil {
				return err
			}
			if op == nil {
				// It is worked on, or blocked, by now: a later pass judges what comes of that.
				return nil
			}
			operation = op.Name
			d.cfg.Logger.InfoContext(ctx, "drift is being repaired", "resource", r.name, "operation", operation, "detail", detail)
		}
		for _, f := range findings {
			if len(f.Steps) > 0 {
				f.Operation = operation
			}
			if err := d.cfg.Records.NoteFinding(ctx, tx, f); err != nil {
				return err
			}
		}
		if len(over) > 0 {
			if err := d.cfg.Records.ResolveFindings(ctx, tx, over); err != nil {
				return err
			}
		}
		if r.has(condition) {
			return nil
		}
		return d.cfg.Engine.SetCondition(ctx, tx, r.uid, condition)
	})
}

// repairOf are the steps to be done again, and why.
func repairOf(findings []drift.Finding) (steps []string, detail string) {
	var details []string
	for _, f := range findings {
		if len(f.Steps) == 0 {
			continue
		}
		steps = append(steps, f.Steps...)
		details = append(details, f.Detail)
	}
	slices.Sort(steps)
	return slices.Compact(steps), strings.Join(details, "; ")
}

// over are the open findings of a resource that were not seen again.
func over(open []drift.Finding, uid string, seen []drift.Finding) []string {
	var out []string
	for _, o := range open {
		if o.ResourceUID == uid && !slices.ContainsFunc(seen, func(f drift.Finding) bool { return f.Key() == o.Key() }) {
			out = append(out, o.UID)
		}
	}
	return out
}

// orphaned are the open findings of resources that are no more.
func orphaned(open []drift.Finding, known map[string]bool) []string {
	var out []string
	for _, o := range open {
		if !known[o.ResourceUID] {
			out = append(out, o.UID)
		}
	}
	return out
}
