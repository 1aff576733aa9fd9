// Package identity verifies the access tokens of the platform's identity provider and carries the Principal they name
// through a call.
//
// A token passes when it is an access token of the configured issuer for the configured audience, signed with an
// asymmetric algorithm by a key that the issuer publishes now. Fetched keys stay in use while the issuer is away, so an
// identity provider that is down for days locks nobody out. Bad tokens cause no traffic: Run fetches the keys, and an
// unknown key causes at most one request per Floor, shared by all callers. A verified token is remembered until it
// expires; verifying it again costs a hash.
//
// Errors are UNAUTHENTICATED with one of three reasons, which help a caller and not an attacker, or UNAVAILABLE while no
// keys were ever fetched. go-jose verifies signatures. The key set of coreos/go-oidc does not fit: it fetches keys for
// every token with a bad signature, reads the system's clock and allows five minutes of skew.
package identity

import (
	"context"
	"time"
)

// Principal is a caller with a verified token. Calls share it; it never changes.
type Principal struct {
	// Subject is the identity provider's id of the user or service account; unique within Issuer.
	Subject string
	// Issuer is the realm that signed the token.
	Issuer string
	// Name is what people call the user; a name to log in with, not unique over time.
	Name string
	// Email is empty for service accounts, and when the token has none.
	Email string
	// Groups are the groups by their full path, for example `/tenants/acme/operator`.
	Groups []string
	// AMR are the means by which the user logged in, for example `pwd` and `otp`.
	AMR []string
	// ACR is the level of that login.
	ACR string
	// AuthTime is when the user logged in; zero when the token has none.
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
	// oneTimePassword among the means proves a second factor for logins without a raised level, such as the device
	// flow's.
	oneTimePassword = "otp"
)

type contextKey struct{}

// With makes the principal known to what is done with the context.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// From returns the caller, and false without a verified one: in background work, and without a configured issuer.
func From(ctx context.Context) (*Principal, bool) {
	p, ok := ctx.Value(contextKey{}).(*Principal)
	return p, ok && p != nil
}
