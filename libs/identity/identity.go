// Package identity says who is calling: it verifies the access tokens of the platform's identity provider and carries the
// Principal they name through a call.
//
// A Verifier promises that a token passes only when it is an access token of the configured issuer for the configured
// audience, signed now by one of the issuer's published keys with an asymmetric algorithm; that its keys, once fetched, are
// used for as long as the issuer cannot be asked, so that an identity provider that is down for days locks nobody out; and
// that bad tokens cause no traffic: keys are fetched by Run, and besides only for a key that is not known yet, by one request
// for all callers and not more often than once per Floor. A token that was verified is remembered until it ends, so
// that verifying it again costs a hash.
//
// It fails with UNAUTHENTICATED and one of three reasons, which tell a caller what to do and an attacker nothing; only
// while no keys were ever had is it UNAVAILABLE. Signatures are go-jose's work, the library under coreos/go-oidc, whose own
// key set fetches keys for every token with a bad signature, takes its time from the system and allows five minutes of skew.
package identity

import (
	"context"
	"time"
)

// Principal is a caller whose token was verified. It is shared between calls and never changed.
type Principal struct {
	// Subject is the identity provider's id of the user or service account; unique within Issuer.
	Subject string
	// Issuer is who vouches for it.
	Issuer string
	// Name is what people call the user; a name to log in with, not unique over time.
	Name string
	// Email is empty for service accounts, and when the provider does not tell.
	Email string
	// Groups are the groups by their full path, for example `/tenants/acme/operator`.
	Groups []string
	// AMR are the means by which the user logged in, for example `pwd` and `otp`.
	AMR []string
	// ACR is the level of that login.
	ACR string
	// AuthTime is when the user logged in; zero when the provider does not tell.
	AuthTime time.Time
	// Expiry is when the token ends.
	Expiry time.Time
	// ServiceAccount is true for a program.
	ServiceAccount bool
}

// StepUpLife is how long a second factor counts. Tokens are renewed for hours after a login, and say of it what was true then.
const StepUpLife = 15 * time.Minute

// SteppedUp is true when a login with a second factor was no longer ago than StepUpLife.
func (p *Principal) SteppedUp(now time.Time) bool {
	if now.After(p.AuthTime.Add(StepUpLife)) {
		return false
	}
	if p.ACR == levelTwo {
		return true
	}
	for _, means := range p.AMR {
		if means == oneTimePassword {
			return true
		}
	}
	return false
}

const (
	// levelTwo is the level of a login with two factors.
	levelTwo = "2"
	// oneTimePassword among the means says the same for logins whose level is not raised, such as the device flow's.
	oneTimePassword = "otp"
)

type contextKey struct{}

// With makes the principal known to what is done with the context.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// From is the caller, and false when nobody was verified: in work that no caller waits for, and where no issuer is configured.
func From(ctx context.Context) (*Principal, bool) {
	p, ok := ctx.Value(contextKey{}).(*Principal)
	return p, ok && p != nil
}
