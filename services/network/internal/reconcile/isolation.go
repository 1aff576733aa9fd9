package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// ConditionIsolationVerified says whether the resource reaches, and is reached by, the networks that were asked for.
const ConditionIsolationVerified = "IsolationVerified"

const (
	// changePoll is how often ended operations are looked for, changePause how long after one observation a change may bring
	// about the next.
	changePoll  = time.Second
	changePause = 5 * time.Second
	// leastLasting is how long an observation proves something at least, where observations are made more often or not at all.
	leastLasting = time.Minute
)

// Observer sees all that decides who can reach whom.
type Observer interface {
	Observe(ctx context.Context) (reachability.State, error)
}

// Conditions sets what a resource is seen to be like.
type Conditions interface {
	SetCondition(ctx context.Context, tx pgx.Tx, uid string, c provision.Condition) error
}

// Observations is what was asked for, and what was seen.
type Observations interface {
	Intent(ctx context.Context, settledBefore time.Time) (isolation.Intent, error)
	ObservedAt(ctx context.Context) (time.Time, error)
	ChangedSince(ctx context.Context, moment time.Time) (bool, error)
	NoteObservation(ctx context.Context, tx pgx.Tx, o isolation.Observation, reports []isolation.Report) (bool, error)
	PublishIsolation(ctx context.Context, tx pgx.Tx, s isolation.Site, verified bool) error
}

// IsolationConfig is what an Isolation works with.
type IsolationConfig struct {
	Cloud   Observer
	Engine  Conditions
	Records Observations
	Pool    *pgxpool.Pool
	Clock   clock.Clock
	Logger  *slog.Logger
	// Interval is the longest time between two observations; 0 makes none.
	Interval time.Duration
	// Age is how long ago a resource must have been worked on to be judged.
	Age time.Duration
}

// Isolation is the loop that observes the cloud, judges who can reach whom, and says so. It repairs nothing.
type Isolation struct{ cfg IsolationConfig }

// NewIsolation makes the loop.
func NewIsolation(cfg IsolationConfig) *Isolation {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Isolation{cfg: cfg}
}

// Run makes a pass when the last one, of whichever replica, is an interval old, and soon after an operation has ended.
func (i *Isolation) Run(ctx context.Context) {
	if i.cfg.Interval <= 0 {
		return
	}
	for {
		// Spread, so that of several replicas one is first and the others find its observation.
		timer := i.cfg.Clock.NewTimer(changePoll*3/4 + rand.N(changePoll/2))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
		due, err := i.due(ctx)
		if err == nil && due {
			err = i.Pass(ctx)
		}
		if err != nil && ctx.Err() == nil {
			i.cfg.Logger.WarnContext(ctx, "isolation could not be verified; the report stays as it was, and the next pass tries again", "error", err)
		}
	}
}

// due reports whether an observation is due. One also follows an operation that ended shortly before the last observation.
func (i *Isolation) due(ctx context.Context) (bool, error) {
	last, err := i.cfg.Records.ObservedAt(ctx)
	if err != nil {
		return false, err
	}
	switch age := i.cfg.Clock.Now().Sub(last); {
	case age >= i.cfg.Interval:
		return true, nil
	case age < changePause:
		return false, nil
	default:
		return i.cfg.Records.ChangedSince(ctx, last.Add(-i.cfg.Age))
	}
}

// Pass observes and judges once.
func (i *Isolation) Pass(ctx context.Context) error {
	began := i.cfg.Clock.Now().UTC().Truncate(time.Microsecond)
	before, err := i.cfg.Records.Intent(ctx, began.Add(-i.cfg.Age))
	if err != nil {
		return err
	}
	state, err := i.cfg.Cloud.Observe(ctx)
	if err != nil {
		return err
	}
	// Once more: what was made or removed in between is accounted for by one of the two.
	after, err := i.cfg.Records.Intent(ctx, began.Add(-i.cfg.Age))
	if err != nil {
		return err
	}
	o, reports := isolation.Judge(began, state, before, after)
	for n := range reports {
		// The next observation makes up for a failed or late one.
		reports[n].Lasts = max(2*i.cfg.Interval, leastLasting)
	}
	kept := false
	err = pg.InTx(ctx, i.cfg.Pool, func(ctx context.Context, tx pgx.Tx) error {
		kept, err = i.cfg.Records.NoteObservation(ctx, tx, o, reports)
		return err
	})
	if err != nil || !kept {
		return err
	}
	return i.tell(ctx, after, o.Sites, reports)
}

// tell sets the condition of every site where it is not what it was.
func (i *Isolation) tell(ctx context.Context, in isolation.Intent, sites []isolation.Site, reports []isolation.Report) error {
	byTenant := map[string]isolation.Report{}
	for _, r := range reports {
		byTenant[r.Tenant] = r
	}
	shown := map[string]resource.Conditions{}
	for _, h := range in.Hubs {
		shown[h.UID] = h.Status.Conditions
	}
	for _, v := range in.Vpcs {
		shown[v.UID] = v.Status.Conditions
	}
	var failed []error
	for _, s := range sites {
		standing := byTenant[s.Tenant].Standing(s)
		if standing.Verdict == isolation.Unsettled {
			continue
		}
		if err := i.turn(ctx, s, shown[s.UID].Of(ConditionIsolationVerified), conditionOfStanding(standing)); err != nil {
			failed = append(failed, fmt.Errorf("tell the isolation of %s: %w", s.Resource, err))
		}
	}
	return errors.Join(failed...)
}

func conditionOfStanding(s isolation.Standing) provision.Condition {
	c := provision.Condition{Type: ConditionIsolationVerified, Status: provision.ConditionTrue, Reason: s.Reason, Message: s.Message}
	if s.Verdict == isolation.Violated {
		c.Status = provision.ConditionFalse
	}
	return c
}

// turn sets a condition and publishes an event when it turns. The first verification is no turn.
func (i *Isolation) turn(ctx context.Context, s isolation.Site, was, is provision.Condition) error {
	if was.Status == is.Status && was.Reason == is.Reason && was.Message == is.Message {
		return nil
	}
	turned := was.Status != is.Status && (was.Status != "" || is.Status == provision.ConditionFalse)
	err := pg.InTx(ctx, i.cfg.Pool, func(ctx context.Context, tx pgx.Tx) error {
		if err := i.cfg.Engine.SetCondition(ctx, tx, s.UID, is); err != nil {
			return err
		}
		if !turned {
			return nil
		}
		i.cfg.Logger.InfoContext(ctx, "isolation has turned", "resource", s.Resource, "verified", is.Status, "detail", is.Message)
		return i.cfg.Records.PublishIsolation(ctx, tx, s, is.Status == provision.ConditionTrue)
	})
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil // it was removed meanwhile
	}
	return err
}
