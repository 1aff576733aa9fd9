// Package resume is the tokens with which streams of changes (libs/watch) go on. They are no secret and are not signed: they hold
// numbers, and whoever makes one up sees no more than what he may see from there on.
//
// Parse fails with INVALID_ARGUMENT for what is no token of the tenant, and with WATCH_EXPIRED for one of another version.
package resume

import (
	"encoding/base64"
	"encoding/json"
	"maps"

	"github.com/low-layer/platform/libs/errs"
)

// ReasonExpired is that of a resume token behind which not all changes are there.
const ReasonExpired = "WATCH_EXPIRED"

// Expired is the error for a token behind which not all changes are there.
func Expired() error {
	return errs.New(errs.OutOfRange, ReasonExpired,
		"the changes behind this resume token are not kept any more; leave resume_token out to begin with a snapshot of what there is")
}

// Token is a place in the logs of services: what a caller gives back to go on.
type Token struct {
	// Tenant is the id of the tenant.
	Tenant string `json:"t"`
	// At is the last change that was told, by service.
	At map[string]int64 `json:"s"`
	// Version is that of this form.
	Version int `json:"v"`
}

const version = 1

// New makes a token of a tenant.
func New(tenant string, at map[string]int64) Token {
	return Token{Tenant: tenant, At: maps.Clone(at), Version: version}
}

// String is the token as callers have it.
func (t Token) String() string {
	text, err := json.Marshal(t)
	if err != nil {
		panic(err) // text and numbers always marshal
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// Parse reads a token, which must be of the tenant.
func Parse(text, tenant string) (Token, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	var t Token
	if err != nil || json.Unmarshal(raw, &t) != nil {
		return Token{}, errs.Invalid(errs.Field("resume_token", "is none that a stream gave; pass the last one unchanged, or leave it out to begin with a snapshot"))
	}
	if t.Version != version {
		return Token{}, Expired() // one of another version of the platform: its changes are told in another way
	}
	if t.Tenant != tenant {
		return Token{}, errs.Invalid(errs.Field("resume_token", "is of another tenant; leave it out to begin with a snapshot"))
	}
	return t, nil
}

// Of is the place in the log of one service; false when the token says nothing of it.
func (t Token) Of(service string) (int64, bool) {
	n, ok := t.At[service]
	return n, ok && n >= 0
}
