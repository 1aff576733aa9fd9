package openstack

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/low-layer/platform/libs/errs"
)

// The reasons of the errors Classify makes.
const (
	ReasonQuotaExceeded   = "CLOUD_QUOTA_EXCEEDED"
	ReasonNoCapacity      = "CLOUD_NO_CAPACITY"
	ReasonConflict        = "CLOUD_CONFLICT"
	ReasonInvalid         = "CLOUD_INVALID"
	ReasonUnauthenticated = "CLOUD_UNAUTHENTICATED"
	ReasonForbidden       = "CLOUD_FORBIDDEN"
	ReasonNotFound        = "CLOUD_NOT_FOUND"
	ReasonRateLimited     = "CLOUD_RATE_LIMITED"
	ReasonUnavailable     = "CLOUD_UNAVAILABLE"
	ReasonTimeout         = "CLOUD_TIMEOUT"
	ReasonCanceled        = "CLOUD_CANCELED"
	ReasonServiceMissing  = "CLOUD_SERVICE_MISSING"
)

// Metadata keys of the errors Classify makes.
const (
	MetaHolder    = "holder"     // ids of what is in the way, separated by commas
	MetaType      = "cloud_type" // the cloud's own word for the error, for example IpAddressInUse
	MetaMessage   = "cloud_message"
	MetaRequestID = "cloud_request_id"
	MetaStatus    = "cloud_status"
	MetaCause     = "cause" // EXISTS, IN_USE, BUSY or STALE, for ReasonConflict
)

// Causes of a conflict, in MetaCause.
const (
	CauseExists = "EXISTS" // one of that name or address is there already
	CauseInUse  = "IN_USE" // something else uses it
	CauseBusy   = "BUSY"   // it is changing now
	CauseStale  = "STALE"  // it was changed since it was read
)

// How long to wait before trying again when the cloud does not say.
const (
	retryRateLimited = 5 * time.Second
	retryUnavailable = 5 * time.Second
	retryConflict    = 2 * time.Second
)

// errCallTimeout is the end of the time limit of one call, in distinction to the caller's own deadline.
var errCallTimeout = errors.New("the cloud did not answer in time")

// notSentError is a failure before the call went out, so that it certainly was not carried out.
type notSentError struct{ err error }

func (e *notSentError) Error() string { return e.err.Error() }
func (e *notSentError) Unwrap() error { return e.err }

// tokenError is a failure to get a token, which says nothing of the object of a call.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return "get a token: " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// classifyToken is for Keystone's responses to a request for a token: they are about credentials, or Keystone is away.
func classifyToken(e *errs.Error) *errs.Error {
	var out *errs.Error
	switch e.Reason {
	case ReasonUnauthenticated, ReasonForbidden, ReasonRateLimited, ReasonTimeout, ReasonUnavailable:
		return e
	case ReasonInvalid:
		out = errs.Wrap(e.Err, errs.FailedPrecondition, ReasonUnauthenticated, "Keystone refuses the platform's login; the operator must correct clouds.yaml")
	default:
		out = errs.Wrap(e.Err, errs.Unavailable, ReasonUnavailable,
			"Keystone does not issue a token; the platform tries again, look at Keystone, and at auth_url in clouds.yaml, if it stays")
		out.Retry = retryUnavailable
	}
	for key, value := range e.Metadata {
		out = out.With(key, value)
	}
	return out
}

// brokenAnswerError is a response that broke off.
type brokenAnswerError struct {
	method string
	err    error
}

func (e *brokenAnswerError) Error() string { return "answer broke off: " + e.err.Error() }
func (e *brokenAnswerError) Unwrap() error { return e.err }

// Classify turns an error of a call into an *errs.Error. It returns nil for nil, and an *errs.Error in the chain as it
// is.
//
// Ambiguous is set when the call was a write, or may have been one, and may have been carried out. The codes are meant
// for callers of the platform: when a cloud refuses the platform's credentials, the code is FAILED_PRECONDITION and not
// UNAUTHENTICATED.
func Classify(err error) *errs.Error {
	if err == nil {
		return nil
	}
	if own, ok := errs.As(err); ok {
		return own
	}
	if answer, ok := errors.AsType[gophercloud.ErrUnexpectedResponseCode](err); ok {
		classified := classifyAnswer(err, answer)
		if _, token := errors.AsType[*tokenError](err); token {
			classified = classifyToken(classified)
		}
		if isUnsent(err) {
			classified.Ambiguous = false
		}
		return classified
	}
	classified := classifyFailure(err)
	classified.Ambiguous = !isUnsent(err) && !wasRead(err) && !isOurs(err)
	return classified
}

func isUnsent(err error) bool {
	_, unsent := errors.AsType[*notSentError](err)
	return unsent
}

// wasRead reports whether the error itself shows that the call was a read.
func wasRead(err error) bool {
	if broken, ok := errors.AsType[*brokenAnswerError](err); ok {
		return isRead(broken.method)
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Op == "Get" || failed.Op == "Head"
	}
	return false
}

// isOurs is true for what gophercloud refuses before it calls.
func isOurs(err error) bool {
	_, missing := errors.AsType[gophercloud.ErrMissingInput](err)
	_, invalid := errors.AsType[gophercloud.ErrInvalidInput](err)
	return missing || invalid
}

// classifyFailure is for errors without a response.
func classifyFailure(err error) *errs.Error {
	switch {
	case errors.Is(err, errCallTimeout), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		e := errs.Wrap(err, errs.DeadlineExceeded, ReasonTimeout,
			"the cloud did not answer in time; the platform looks what became of the call and tries again")
		e.Retry = retryUnavailable
		return e
	case errors.Is(err, context.Canceled):
		return errs.Wrap(err, errs.Canceled, ReasonCanceled, "the call to the cloud was cancelled; repeat it if it is still wanted")
	case isOurs(err):
		return errs.Wrap(err, errs.InvalidArgument, ReasonInvalid, "the call to the cloud lacks an input; report it with the request id")
	}
	e := errs.Wrap(err, errs.Unavailable, ReasonUnavailable,
		"the cloud cannot be reached or its answer cannot be read; the platform tries again, look at the cloud's status if it stays")
	e.Retry = retryUnavailable
	return e
}

func isTimeout(err error) bool {
	timed, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timed.Timeout()
}

// classifyAnswer is for responses of the cloud.
func classifyAnswer(err error, answer gophercloud.ErrUnexpectedResponseCode) *errs.Error {
	fault := readFault(answer.Body)
	e := byStatus(answer, fault)
	e.Err = err
	for key, value := range map[string]string{
		MetaStatus:    strconv.Itoa(answer.Actual),
		MetaType:      fault.kind,
		MetaMessage:   fault.message,
		MetaRequestID: requestIDOf(answer.ResponseHeader),
	} {
		if value != "" {
			e = e.With(key, value)
		}
	}
	if asked, ok := retryAfter(answer.ResponseHeader, time.Now()); ok && e.Retry > 0 {
		e.Retry = asked
	}
	// A failure of the cloud's own may come after the work was done; a refusal comes instead of it.
	failed := e.Reason == ReasonUnavailable || e.Reason == ReasonTimeout
	e.Ambiguous = failed && answer.Actual >= http.StatusInternalServerError && !isRead(answer.Method)
	return e
}
