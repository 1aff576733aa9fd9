package identity

import (
	"time"

	"github.com/low-layer/platform/libs/errs"
)

// Reasons of a caller that is not let in.
const (
	// ReasonMissing: there is no token.
	ReasonMissing = "TOKEN_MISSING"
	// ReasonExpired: the token was good once.
	ReasonExpired = "TOKEN_EXPIRED"
	// ReasonInvalid: anything else; which of all checks failed is for the log alone.
	ReasonInvalid = "TOKEN_INVALID"
	// ReasonUnavailable: no keys were ever had to verify a token with.
	ReasonUnavailable = "IDENTITY_UNAVAILABLE"
)

func missing() error {
	return errs.New(errs.Unauthenticated, ReasonMissing,
		"this needs an access token; log in with `lowlayer login`, and send it as `Authorization: Bearer …`")
}

func expired() error {
	return errs.New(errs.Unauthenticated, ReasonExpired, "the access token has expired; log in again with `lowlayer login`")
}

// invalid keeps the cause for the log.
func invalid(cause error) error {
	return errs.Wrap(cause, errs.Unauthenticated, ReasonInvalid,
		"the access token is not one of this platform's; log in with `lowlayer login`")
}

func unavailable(cause error) error {
	e := errs.Wrap(cause, errs.Unavailable, ReasonUnavailable,
		"the identity provider has not answered since this service started, so nobody can be let in yet; try again in a few seconds")
	e.Retry = retryAfter
	return e
}

// retryAfter is how soon the keys are asked for again.
const retryAfter = 5 * time.Second
