package provision

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/errs"
)

// class is how one sort of error is met: how often it is tried before the resource is BLOCKED, at what pace, and who
// must act then.
type class struct {
	name  string
	owner Owner
	// tries and window: BLOCKED at whichever comes first; 0 means that it does not count.
	tries  int
	window time.Duration
	// base doubles up to ceiling; slow is the pace while BLOCKED.
	base, ceiling, slow time.Duration
	remedy              string
}

var (
	classQuota = class{
		"quota", OwnerProvider, 1, 0, time.Second, 10 * time.Second, 30 * time.Second,
		"raise the quota of the organisation, or the one of the cloud where that is what the message names, or delete what is not needed; the work goes on by itself",
	}
	classCapacity = class{
		"capacity", OwnerProvider, 3, time.Minute, time.Second, 10 * time.Second, 30 * time.Second,
		"add capacity to the cloud or free some; the work goes on by itself",
	}
	classConflict = class{
		"conflict", OwnerProvider, 8, time.Minute, 250 * time.Millisecond, 5 * time.Second, 15 * time.Second,
		"remove what holds the object, as the message names it; the work goes on by itself",
	}
	classPrecondition = class{
		"precondition", OwnerUser, 6, 30 * time.Second, 250 * time.Millisecond, 5 * time.Second, 15 * time.Second,
		"do what the message says, or update or delete the resource; the work goes on by itself",
	}
	classInvalid = class{
		"invalid", OwnerUser, 1, 0, time.Second, 10 * time.Second, time.Minute,
		"correct the resource with an update, or delete it",
	}
	classRefused = class{
		"invalid", OwnerPlatform, 2, 0, time.Second, 10 * time.Second, time.Minute,
		"report the operation's name to the operator of the platform: the cloud refused a request it should accept",
	}
	classAuth = class{
		"auth", OwnerPlatform, 3, 30 * time.Second, 500 * time.Millisecond, 5 * time.Second, 15 * time.Second,
		"the operator of the platform must renew its credentials for the cloud; the work goes on by itself",
	}
	classPolicy = class{
		"policy", OwnerPlatform, 2, 0, time.Second, 5 * time.Second, 30 * time.Second,
		"the operator of the platform must be given the missing role in the cloud; the work goes on by itself",
	}
	classRate = class{
		"rate-limited", OwnerProvider, 12, 2 * time.Minute, 500 * time.Millisecond, 15 * time.Second, 30 * time.Second,
		"raise the cloud's rate limit for the platform; the work goes on by itself",
	}
	classUpstream = class{
		"upstream", OwnerProvider, 8, time.Minute, 250 * time.Millisecond, 10 * time.Second, 15 * time.Second,
		"wait until the cloud responds again, or repair it; the work goes on by itself",
	}
	classPeer = class{
		"upstream", OwnerPlatform, 8, time.Minute, 250 * time.Millisecond, 5 * time.Second, 10 * time.Second,
		"the operator of the platform must bring the service back that does not respond; the work goes on by itself",
	}
	classTimeout = class{
		"timeout", OwnerProvider, 6, 2 * time.Minute, 500 * time.Millisecond, 10 * time.Second, 15 * time.Second,
		"find out why the cloud takes so long; the work goes on by itself",
	}
	classMissing = class{
		"missing", OwnerProvider, 5, time.Minute, 500 * time.Millisecond, 5 * time.Second, 15 * time.Second,
		"put back what was removed from the cloud behind the platform's back, or delete the resource",
	}
	classServer = class{
		"server", OwnerProvider, 3, time.Minute, time.Second, 10 * time.Second, 30 * time.Second,
		"look at the hypervisors: the message has the cloud's own words; the work goes on by itself",
	}
	classUnprepared = class{
		"unprepared", OwnerPlatform, 2, 0, time.Second, 10 * time.Second, 30 * time.Second,
		"the operator of the platform prepares the cloud, as `lowlayer platform doctor` shows; the work goes on by itself",
	}
	classCatalogue = class{
		"catalogue", OwnerProvider, 2, 0, time.Second, 10 * time.Second, 15 * time.Second,
		"register the service in the cloud's catalogue; the work goes on by itself",
	}
	classDefect = class{
		"defect", OwnerPlatform, 4, time.Minute, 500 * time.Millisecond, 10 * time.Second, 30 * time.Second,
		"report the operation's name to the operator of the platform",
	}
)

// classify decides how an error is met, and the typed error to show of it.
func classify(err error) (class, *errs.Error) {
	e, ok := errs.As(err)
	if !ok {
		return classifyForeign(err)
	}
	switch e.Reason {
	case "CLOUD_QUOTA_EXCEEDED":
		return classQuota, e
	case "CLOUD_NO_CAPACITY":
		return classCapacity, e
	case "CLOUD_CONFLICT":
		return classConflict, e
	case "CLOUD_INVALID":
		return classRefused, e
	case "CLOUD_UNAUTHENTICATED":
		return classAuth, e
	case "CLOUD_FORBIDDEN":
		return classPolicy, e
	case "CLOUD_NOT_FOUND":
		return classMissing, e
	case "CLOUD_SERVICE_MISSING":
		return classCatalogue, e
	case "CLOUD_RATE_LIMITED":
		return classRate, e
	case "CLOUD_UNAVAILABLE":
		return classUpstream, e
	case "CLOUD_TIMEOUT":
		return classTimeout, e
	case "CLOUD_SERVER_FAILED":
		return classServer, e
	case "CLOUD_UNPREPARED":
		return classUnprepared, e
	}
	return classOfCode(e.Code), e
}

func classOfCode(code errs.Code) class {
	switch code {
	case errs.InvalidArgument, errs.OutOfRange:
		return classInvalid
	case errs.FailedPrecondition, errs.AlreadyExists:
		return classPrecondition
	case errs.Aborted:
		return classConflict
	case errs.CodeNotFound:
		return classMissing
	case errs.ResourceExhausted:
		return classQuota
	case errs.Unauthenticated:
		return classAuth
	case errs.PermissionDenied:
		return classPolicy
	case errs.Unavailable, errs.Canceled:
		return classPeer
	case errs.DeadlineExceeded:
		return classTimeout
	default:
		return classDefect
	}
}

func classifyForeign(err error) (class, *errs.Error) {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return classTimeout, errs.Wrap(err, errs.DeadlineExceeded, "STEP_TIMEOUT", "the step got no answer in time; it is tried again")
	}
	return classDefect, errs.Wrap(err, errs.CodeInternal, "STEP_FAILED",
		"the step failed in a way the platform does not know; it is tried again, and the operator finds the cause in the logs")
}

// ambiguous reports whether a failed Do may have been carried out all the same. Only an error that says so, in so many
// words, is taken for proof that it was not.
func ambiguous(err error) bool {
	e, ok := errs.As(err)
	if !ok {
		return true
	}
	if e.Ambiguous {
		return true
	}
	if strings.HasPrefix(e.Reason, "CLOUD_") {
		return false
	}
	switch e.Code {
	case errs.DeadlineExceeded, errs.Unavailable, errs.Canceled, errs.Unknown, errs.CodeInternal, errs.DataLoss:
		return true
	default:
		return false
	}
}

// mayBeOurs reports whether a Do may have been refused because of what an earlier attempt of it made.
func (c class) mayBeOurs() bool {
	switch c.name {
	case classConflict.name, classInvalid.name, classPrecondition.name, classQuota.name:
		return true
	default:
		return false
	}
}

// blocks reports whether the failures so far are enough to say that somebody must act.
func (c class) blocks(failures int, failing time.Duration) bool {
	return (c.tries > 0 && failures >= c.tries) || (c.window > 0 && failing >= c.window)
}

// maxAfter bounds how long another system may put off a step.
const maxAfter = time.Minute

// pause is how long to wait before the next try, with jitter so that many resources that met one cause do not come back
// as one. After is the wish of the other side, of at most a minute.
func (c class) pause(failures int, blocked bool, after time.Duration, pace float64) time.Duration {
	d := c.slow
	if !blocked {
		d = min(c.base<<min(max(failures-1, 0), 16), c.ceiling)
	}
	d = d*3/4 + rand.N(d/2)
	return max(time.Duration(float64(d)*pace), min(after, maxAfter))
}

// panicked makes an error of what a step panicked with.
func panicked(v any) error {
	return errs.Wrap(fmt.Errorf("panic: %v", v), errs.CodeInternal, "STEP_PANICKED",
		"the step met a defect of the platform; it is tried again, and the operator finds the cause in the logs")
}
