// Package resume is the tokens with which streams of changes (libs/watch) go on. They are not secret and not signed:
// they hold numbers, and an invented token shows only what its caller may see from there on.
//
// A place holds the epoch of the database that gave its number (libs/watch). A place without one, from before epochs,
// matches none: the log refuses it like an old one, and its holder takes a new snapshot.
//
// Parse fails with INVALID_ARGUMENT for text that is no token of the tenant, and with WATCH_EXPIRED for one of another
// version.
package resume

import (
	"encoding/base64"
	"encoding/json"

	"github.com/low-layer/platform/libs/errs"
)

// ReasonExpired is that of a resume token behind which not all changes are there.
const ReasonExpired = "WATCH_EXPIRED"

// Expired is the error for a token behind which not all changes are there.
func Expired() error {
	return errs.New(errs.OutOfRange, ReasonExpired,
		"the changes behind this resume token are not to be had any more; leave resume_token out to begin with a snapshot of what there is")
}

// Place is a place in the log of one service.
type Place struct {
	// Epoch names the history of the service's database in which the number was given.
	Epoch string
	// Sequence is the last change sent.
	Sequence int64
}

// Token is a place in the logs of services: what a caller gives back to go on.
type Token struct {
	// Tenant is the id of the tenant.
	Tenant string `json:"t"`
	// At is the last change sent, by service.
	At map[string]int64 `json:"s"`
	// Epochs are those of the numbers, by service. Programs from before there were epochs read a token without them.
	Epochs map[string]string `json:"e,omitempty"`
	// Version is that of this form.
	Version int `json:"v"`
}

const version = 1

// New makes a token of a tenant from the place in the log of each service.
func New(tenant string, at map[string]Place) Token {
	t := Token{Tenant: tenant, At: make(map[string]int64), Epochs: make(map[string]string), Version: version}
	for service, p := range at {
		t.At[service] = p.Sequence
		if p.Epoch != "" {
			t.Epochs[service] = p.Epoch
		}
	}
	return t
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
		return Token{}, Expired() // of another version of the platform, which sends changes differently
	}
	if t.Tenant != tenant {
		return Token{}, errs.Invalid(errs.Field("resume_token", "is of another tenant; leave it out to begin with a snapshot"))
	}
	return t, nil
}

// Of is the place in the log of one service; false when the token says nothing of it.
func (t Token) Of(service string) (Place, bool) {
	n, ok := t.At[service]
	return Place{Epoch: t.Epochs[service], Sequence: n}, ok && n >= 0
}
