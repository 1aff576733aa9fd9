package drift

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
)

// Engine is the part of the provisioning engine that a pass uses.
type Engine interface {
	Inspect(ctx context.Context, before time.Time, each func(provision.Inspected) error) error
	Repair(ctx context.Context, tx pgx.Tx, uid string, steps []string, detail string) (*provision.Operation, error)
	SetCondition(ctx context.Context, tx pgx.Tx, uid string, c provision.Condition) error
}

// Config is what a Loop works with.
type Config struct {
	Engine   Engine
	Findings *Findings
	Logger   *slog.Logger
	// Age is how long ago a resource, or an object, must have changed to be judged: the cloud's lists may lag behind.
	Age time.Duration
	// Snapshot lists the cloud in bulk. It returns a context in which the kinds' steps read from that list, and the objects of others
	// among those of the service; Foreign may be nil. Nil leaves every look to the steps.
	Snapshot func(ctx context.Context) (in context.Context, foreign Strangers, err error)
}

// Strangers returns the objects of others, each with the resource that it is reported with. Busy are the uids of resources that are
// being worked on: their objects may be new.
type Strangers func(ctx context.Context, busy map[string]bool) ([]Finding, error)

// Loop compares.
type Loop struct{ cfg Config }

// New makes a Loop.
func New(cfg Config) *Loop { return &Loop{cfg: cfg} }

// Pass compares once, acts on the differences, and returns how many resources it has repaired. The snapshot comes first: what is
// made later is in the ledger by the time that is read.
func (l *Loop) Pass(ctx context.Context) (int, error) {
	before := l.cfg.Findings.now().Add(-l.cfg.Age)
	var strangers Strangers
	if l.cfg.Snapshot != nil {
		var err error
		if ctx, strangers, err = l.cfg.Snapshot(ctx); err != nil {
			return 0, err
		}
	}
	var all []provision.Inspected
	busy := map[string]bool{}
	failed := []error{l.cfg.Engine.Inspect(ctx, before, func(in provision.Inspected) error {
		all, busy[in.UID] = append(all, in), in.Busy
		return nil
	})}
	foreign := map[string][]Finding{}
	if strangers != nil {
		found, err := strangers(ctx, busy)
		if err != nil {
			return 0, errors.Join(append(failed, err)...)
		}
		for _, f := range found {
			f.Kind = Foreign
			foreign[f.ResourceUID] = append(foreign[f.ResourceUID], f)
		}
	}
	open, err := l.cfg.Findings.open(ctx)
	if err != nil {
		return 0, errors.Join(append(failed, err)...)
	}
	repaired := 0
	for _, in := range all {
		if in.Busy {
			continue
		}
		did, err := l.settle(ctx, in, append(findingsOf(in), foreign[in.UID]...), open)
		if err != nil && errs.CodeOf(err) != errs.CodeNotFound { // it may have been removed meanwhile
			failed = append(failed, fmt.Errorf("settle drift of %s: %w", in.Name, err))
		}
		if did {
			repaired++
		}
	}
	if gone := unseen(open, func(f Finding) bool { _, known := busy[f.ResourceUID]; return known }); len(gone) > 0 {
		failed = append(failed, pg.InTx(ctx, l.cfg.Findings.pool, func(ctx context.Context, tx pgx.Tx) error {
			return l.cfg.Findings.resolve(ctx, tx, gone)
		}))
	}
	return repaired, errors.Join(failed...)
}

// settle records the findings of one resource and has them repaired. A resource that stays in sync costs nothing.
func (l *Loop) settle(ctx context.Context, in provision.Inspected, findings, open []Finding) (repaired bool, err error) {
	condition := conditionOf(findings)
	over := unseen(open, func(f Finding) bool {
		return f.ResourceUID != in.UID || slices.ContainsFunc(findings, func(g Finding) bool { return f.key() == g.key() })
	})
	is := in.Conditions.Of(condition.Type)
	shown := is.Status == condition.Status && is.Reason == condition.Reason && is.Message == condition.Message
	if shown && len(findings)+len(over) == 0 {
		return false, nil
	}
	steps, detail := repairOf(findings)
	err = pg.InTx(ctx, l.cfg.Findings.pool, func(ctx context.Context, tx pgx.Tx) error {
		operation := ""
		if len(steps) > 0 {
			op, err := l.cfg.Engine.Repair(ctx, tx, in.UID, steps, detail)
			if err != nil || op == nil {
				return err // without an operation a worker has the resource: a later pass judges
			}
			operation, repaired = op.Name, true
			l.cfg.Logger.InfoContext(ctx, "drift is being repaired", "resource", in.Name, "operation", operation, "detail", detail)
		}
		for _, f := range findings {
			if len(f.steps) > 0 {
				f.Operation = operation
			}
			if err := l.cfg.Findings.note(ctx, tx, f); err != nil {
				return err
			}
		}
		if len(over) > 0 {
			if err := l.cfg.Findings.resolve(ctx, tx, over); err != nil {
				return err
			}
		}
		if shown {
			return nil
		}
		return l.cfg.Engine.SetCondition(ctx, tx, in.UID, condition)
	})
	return repaired && err == nil, err
}

// repairOf are the steps to be done again, and why.
func repairOf(findings []Finding) (steps []string, detail string) {
	var details []string
	for _, f := range findings {
		if len(f.steps) > 0 {
			steps, details = append(steps, f.steps...), append(details, f.Detail)
		}
	}
	slices.Sort(steps)
	return slices.Compact(steps), strings.Join(details, "; ")
}

// unseen are the uids of the open findings for which keep is false.
func unseen(open []Finding, keep func(Finding) bool) []string {
	var out []string
	for _, f := range open {
		if !keep(f) {
			out = append(out, f.UID)
		}
	}
	return out
}

// conditionOf sums findings up for the resource.
func conditionOf(findings []Finding) provision.Condition {
	var ours, foreign, lasting int
	for _, f := range findings {
		switch {
		case f.Kind == Foreign:
			foreign++
		case len(f.steps) == 0:
			lasting++
		default:
			ours++
		}
	}
	c := provision.Condition{Type: provision.ConditionInSync, Status: provision.ConditionTrue, Reason: "InSync", Message: "the cloud holds what was asked for"}
	switch {
	case ours > 0:
		c.Status, c.Reason = provision.ConditionFalse, "Drifted"
		c.Message = fmt.Sprintf("%d objects were changed or removed by hand and are being put right", ours)
	case lasting > 0:
		c.Status, c.Reason = provision.ConditionFalse, "Drifted"
		c.Message = fmt.Sprintf("%d objects were changed by hand in a way that cannot be changed back", lasting)
	case foreign > 0:
		c.Reason = "ForeignObjects"
		c.Message = fmt.Sprintf("the cloud holds what was asked for, and %d objects of others", foreign)
	}
	return c
}
