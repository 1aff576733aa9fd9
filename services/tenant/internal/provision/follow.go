package provision

import (
	"context"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/network"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

const (
	// followDeadline is how long work of another service may take before it is called late.
	followDeadline = 30 * time.Minute
	// followWait is how long one look waits for the end: long enough to learn of it at once, short enough to leave a
	// slice in time.
	followWait = 3 * time.Second
	// followPause is the time between two looks.
	followPause = 50 * time.Millisecond
)

// await waits for work of the network service and shows it on the step. Nil means that it did what was asked.
func await(ctx context.Context, works network.Works, run *provision.Run, w network.Work) error {
	run.FollowOperation(w.Operation)
	if !w.Done {
		var err error
		if w, err = works.Follow(ctx, w.Operation, followWait); err != nil {
			return err
		}
	}
	switch {
	case w.Done:
		return w.Err
	case w.Blockage != nil:
		return blocked(w.Blockage)
	}
	return provision.NotYet(followPause, "the network service has done %d of %d steps", w.StepsDone, w.StepCount)
}

// ask is a call that begins work or answers the work it began before, by its request id.
type ask func(requestID string) (network.Work, error)

// insist is await for work that only we have a say in. Whoever gave it up, by cancelling its operation or by a change that
// took its place, did not take back what we need: it is taken up again, by an order of its own, as long as we need it.
func insist(ctx context.Context, works network.Works, run *provision.Run, begin ask) error {
	w := network.Work{Operation: run.Followed()}
	if w.Operation == "" {
		var err error
		if w, err = begin(run.StepID()); err != nil {
			return err
		}
	}
	err := await(ctx, works, run, w)
	switch errs.ReasonOf(err) {
	case "SUPERSEDED":
		if e, ok := errs.As(err); ok && e.Metadata["operation"] != "" {
			run.FollowOperation(e.Metadata["operation"])
			return provision.NotYet(0, "a newer change of the network service took the place of the one before")
		}
	case "CANCELLED", "OPERATION_NOT_FOUND":
	default:
		return err
	}
	// The same id would answer the very work that was given up, and the id of that is the same after a crash.
	given := w.Operation
	if w, err = begin(requestFor(run, "after "+given)); err != nil {
		return err
	}
	run.FollowOperation(w.Operation)
	return provision.NotYet(followPause, "%s was given up and is taken up again", given)
}

// blocked makes the blockage of another service's work our own: the same reason, the same one who must act.
func blocked(b *tenancy.Blockage) error {
	code := errs.Unavailable
	switch b.Owner {
	case "USER":
		code = errs.FailedPrecondition
	case "PROVIDER":
		code = errs.ResourceExhausted
	}
	e := errs.New(code, b.Reason, "%s; %s", b.Message, b.Remedy)
	e.Retry = 2 * time.Second
	return e
}
