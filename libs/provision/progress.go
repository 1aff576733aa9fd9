package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/low-layer/platform/libs/errs"
)

// done marks a step as done, or as SKIPPED when this operation called nothing for it.
func (s *situation) done(r *stepRow, x *entry) {
	now := s.now()
	r.State, r.EndTime, r.dirty = StepDone, now, true
	if r.StartTime.IsZero() {
		r.State, r.EndTime = StepSkipped, time.Time{}
	} else {
		r.Attempts = max(r.Attempts, 1)
		if r.failures == 0 && r.Attempts == 1 {
			s.samples = append(s.samples, sample{s.resource.Kind, s.resource.Verb, r.Name, now.Sub(r.StartTime)})
		}
	}
	r.Message, r.retryAt = "", time.Time{}
	r.ObjectType, r.ObjectID = x.objectType, x.ID
	r.recover()
}

// pending has a step go on at once. Its failures still count: to look is not yet to succeed.
func (s *situation) pending(r *stepRow) {
	r.State, r.EndTime, r.retryAt, r.dirty = StepPending, time.Time{}, time.Time{}, true
}

// advance is pending for a step that got somewhere.
func (s *situation) advance(r *stepRow) {
	s.pending(r)
	r.recover()
}

// settled reports whether a step is done or was not needed.
func (r *stepRow) settled() bool { return r.State == StepDone || r.State == StepSkipped }

func (r *stepRow) recover() { r.failures, r.failingSince, r.blockage = 0, time.Time{}, nil }

// minWait keeps a step that returns NotYet(0) from spinning.
const minWait = 5 * time.Millisecond

// later has a step asked again. Waiting is no failure, until it takes longer than the step's deadline.
func (s *situation) later(t *task, n *notYet) {
	now := s.now()
	r := t.row
	r.State, r.Message, r.retryAt, r.dirty = StepRunning, n.text, now.Add(max(n.after, minWait)), true
	r.asked++
	if now.Sub(r.StartTime) <= t.deadline {
		r.recover()
		return
	}
	if r.blockage == nil {
		r.blockage = &Blockage{
			Owner: classTimeout.owner, Reason: "STEP_DEADLINE_EXCEEDED", Message: r.Title + ": takes longer than it should: " + n.text,
			Remedy: classTimeout.remedy, Step: r.Name, SinceTime: now,
		}
	}
	r.blockage.RetryTime = r.retryAt
}

// fail has a step tried again after a pause, and marks it as blocked once its class says that somebody must act.
func (s *situation) fail(r *stepRow, err error) {
	now := s.now()
	c, e := classify(err)
	r.failures++
	if r.failingSince.IsZero() {
		r.failingSince = now
	}
	blocked := r.blockage != nil || c.blocks(r.failures, now.Sub(r.failingSince))
	r.State, r.dirty = StepRetrying, true
	message := clean(e.Message)
	r.retryAt = now.Add(c.pause(r.failures, blocked, e.Retry, s.rules.pace))
	r.Message = message + " (next try at " + r.retryAt.Format(time.RFC3339) + ")"
	if !blocked {
		return
	}
	since := now
	if r.blockage != nil {
		since = r.blockage.SinceTime
	}
	r.blockage = &Blockage{
		Owner: c.owner, Reason: e.Reason, Message: message, Remedy: c.remedy, Step: r.Name, RetryTime: r.retryAt, SinceTime: since,
	}
}

func classOf(err error) class {
	c, _ := classify(err)
	return c
}

// stumbleTitles names for people what is no step.
var stumbleTitles = map[string]string{stumblePlan: "plan the change", stumbleSettle: "complete the change"}

// stumble records a failure outside the steps: of the plan, or of the service's own part of the end.
func (s *slice) stumble(ctx context.Context, name string, err error) (verdict, error) {
	s.log.ErrorContext(ctx, "provisioning stumbled", "at", name, "error", err)
	r := s.rows[name]
	if r == nil {
		r = &stepRow{StepStatus: StepStatus{Name: name, Title: stumbleTitles[name]}, ordinal: stumbleOrdinal}
		s.rows[name] = r
	}
	if _, ok := errs.As(err); !ok {
		err = errs.Wrap(err, errs.CodeInternal, "STEP_FAILED", "the platform could not %s; it is tried again", stumbleTitles[name])
	}
	s.fail(r, err)
	return s.park(ctx, r.retryAt)
}

// saveRows queues what changed: the ledger's rows, and those of the steps in one statement.
func (s *slice) saveRows() error {
	if err := s.queueChanges(); err != nil {
		return err
	}
	var changed []savedStep
	for _, r := range s.rows {
		if r.dirty {
			changed = append(changed, r.saved())
			r.dirty = false
		}
	}
	if len(changed) == 0 {
		return nil
	}
	column, err := json.Marshal(changed)
	if err != nil {
		return fmt.Errorf("write the steps of %s: %w", s.op.id, err)
	}
	s.writes.Queue(upsertSteps, s.op.id, column)
	s.progress()
	return nil
}

// progress queues how much is done, when that is more than it was.
func (s *slice) progress() {
	steps := make([]StepStatus, 0, len(s.rows))
	for _, r := range s.rows {
		steps = append(steps, r.StepStatus)
	}
	fraction, _ := estimate(steps, s.op.took, s.e.now())
	// All steps done is not yet the end.
	percent := min(int(fraction*100), 99)
	if percent <= s.op.percent {
		return
	}
	s.op.percent = percent
	s.writes.Queue(`UPDATE provision_operations SET progress = GREATEST(progress, $2) WHERE id = $1`, s.op.id, percent)
}

// overcome marks a failure outside the steps as over, and returns the undoing of that.
func (s *situation) overcome(name string) (undo func()) {
	r := s.rows[name]
	if r == nil {
		return func() {}
	}
	before := *r
	r.State, r.retryAt, r.Message, r.dirty = StepSkipped, time.Time{}, "", true
	r.recover()
	return func() { *r = before }
}
