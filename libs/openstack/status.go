package openstack

import (
	"fmt"
	"net/http"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/low-layer/platform/libs/errs"
)

// byStatus classifies errors by status first, and by the body's words where one status has several meanings.
func byStatus(answer gophercloud.ErrUnexpectedResponseCode, f fault) *errs.Error {
	switch answer.Actual {
	case http.StatusBadRequest:
		return badRequest(f)
	case http.StatusUnauthorized:
		return errs.New(errs.FailedPrecondition, ReasonUnauthenticated,
			"the cloud refuses the platform's credentials%s; the operator must renew them", f.told())
	case http.StatusForbidden:
		if f.isQuota() {
			return quota(f)
		}
		return errs.New(errs.FailedPrecondition, ReasonForbidden,
			"the cloud forbids the call%s; the operator must grant the platform's user the role it needs", f.told())
	case http.StatusNotFound:
		if f.foreign {
			return unavailable(answer.Actual, f)
		}
		return errs.New(errs.CodeNotFound, ReasonNotFound,
			"the cloud does not know the object%s; it was deleted, or was never there", f.told())
	case http.StatusConflict:
		return conflict(f)
	case http.StatusPreconditionFailed:
		return errs.New(errs.Aborted, ReasonConflict,
			"the object was changed since it was read%s; read it again and repeat", f.told()).With(MetaCause, CauseStale)
	case http.StatusRequestEntityTooLarge:
		// Nova's word for a quota before it said 403, and for too many calls before it said 429.
		if f.isQuota() {
			return quota(f)
		}
		return rateLimited(f)
	case http.StatusTooManyRequests:
		return rateLimited(f)
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return timeout(f)
	case http.StatusServiceUnavailable:
		if f.isCapacity() {
			return capacity(f)
		}
	}
	if answer.Actual < http.StatusInternalServerError {
		return errs.New(errs.InvalidArgument, ReasonInvalid,
			"the cloud refuses the call with status %d%s; correct what was asked for", answer.Actual, f.told())
	}
	if f.isCapacity() {
		return capacity(f)
	}
	return unavailable(answer.Actual, f)
}

// unavailable is a failure of the cloud, or of a proxy in front of it: a page of a proxy does not say that an object is gone.
func unavailable(status int, f fault) *errs.Error {
	e := errs.New(errs.Unavailable, ReasonUnavailable,
		"the cloud failed with status %d%s; the platform tries again, look at the cloud's status if it stays", status, f.told())
	e.Retry = retryUnavailable
	return e
}

func badRequest(f fault) *errs.Error {
	switch {
	case f.isCapacity():
		return capacity(f)
	case f.isQuota():
		return quota(f)
	case f.isOverlap():
		return exists(f)
	}
	return errs.New(errs.InvalidArgument, ReasonInvalid, "the cloud refuses what was asked for%s; correct it", f.told())
}

func conflict(f fault) *errs.Error {
	switch {
	case f.isQuota():
		return quota(f)
	case f.isCapacity():
		return capacity(f)
	case f.isStale():
		e := errs.New(errs.Aborted, ReasonConflict, "the object was changed at the same time%s; read it again and repeat", f.told())
		e.Retry = retryConflict
		return e.With(MetaCause, CauseStale)
	case f.isDuplicate(), f.isOverlap():
		return exists(f)
	case f.isUse():
		return held(errs.New(errs.FailedPrecondition, ReasonConflict,
			"the object is in use%s; what uses it must go first", f.told()), f).With(MetaCause, CauseInUse)
	}
	return held(errs.New(errs.FailedPrecondition, ReasonConflict,
		"the object's state does not allow the call now%s; wait until it has settled", f.told()), f).With(MetaCause, CauseBusy)
}

func exists(f fault) *errs.Error {
	e := held(errs.New(errs.AlreadyExists, ReasonConflict,
		"what was asked for is taken%s; ask for another one", f.told()), f)
	e.Retry = 0
	return e.With(MetaCause, CauseExists)
}

// held names what is in the way; it may go by itself, so trying again is of use.
func held(e *errs.Error, f fault) *errs.Error {
	e.Retry = retryConflict
	if holders := f.holders(); holders != "" {
		e = e.With(MetaHolder, holders)
	}
	return e
}

func quota(f fault) *errs.Error {
	e := errs.New(errs.ResourceExhausted, ReasonQuotaExceeded,
		"a quota of the organisation's project is used up%s; raise the organisation's quota, or delete what is not needed", f.told())
	for _, subject := range f.quotaSubjects() {
		e.Quota = append(e.Quota, errs.QuotaViolation{Subject: subject, Description: f.message})
	}
	return e
}

func capacity(f fault) *errs.Error {
	return errs.New(errs.ResourceExhausted, ReasonNoCapacity,
		"the cloud has no room left%s; the operator must add capacity, or choose something smaller", f.told())
}

func rateLimited(f fault) *errs.Error {
	e := errs.New(errs.Unavailable, ReasonRateLimited, "the cloud is called too often%s; the platform waits and tries again", f.told())
	e.Retry = retryRateLimited
	if f.retryAfter > 0 {
		e.Retry = f.retryAfter
	}
	return e
}

func timeout(f fault) *errs.Error {
	e := errs.New(errs.DeadlineExceeded, ReasonTimeout, "the cloud gave up waiting%s; the platform tries again", f.told())
	e.Retry = retryUnavailable
	return e
}

// ClassifyFault says what the fault of a server in ERROR means: Nova accepts a server first and fails it later.
func ClassifyFault(code int, message string) *errs.Error {
	f := fault{message: message}
	switch {
	case f.isQuota():
		return quota(f)
	case f.isCapacity():
		return capacity(f)
	}
	return errs.New(errs.Unavailable, ReasonUnavailable,
		"the cloud could not make the server%s; look at the cloud's status if it stays", f.told()).With(MetaStatus, fmt.Sprint(code))
}
