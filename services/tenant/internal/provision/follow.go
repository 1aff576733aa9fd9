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
