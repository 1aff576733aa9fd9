package member

import (
	"strings"
	"time"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
)

const (
	defaultLifetime = 90 * 24 * time.Hour
	minLifetime     = time.Hour
	maxLifetime     = 400 * 24 * time.Hour
)

// Create asks for a member.
type Create struct {
	Scope       Scope
	Email       string
	DisplayName string
	Roles       []Role
	Request     resource.Identity
}

// Validate collects every error of the input.
func (in Create) Validate() error {
	var bad errs.Fields
	if !strings.Contains(in.Email, "@") {
		bad.Add("member.email", "is %q; give the person's e-mail address", in.Email)
	}
	checkRoles("member.roles", in.Roles, &bad)
	return bad.Err()
}

// Update asks for other roles.
type Update struct {
	Key     Key
	Etag    string
	Roles   []Role
	Request resource.Identity
}

// Validate collects every error of the input.
func (in Update) Validate() error {
	var bad errs.Fields
	checkRoles("member.roles", in.Roles, &bad)
	return bad.Err()
}

// Delete asks for the deletion of a member or a service account.
type Delete struct {
	Key     Key
	Etag    string
	Request resource.Identity
}

// CreateAccount asks for a service account.
type CreateAccount struct {
	Key         Key
	DisplayName string
	Roles       []Role
	// Lifetime of the secret; zero takes the default.
	Lifetime time.Duration
	Request  resource.Identity
}

// Validate collects every error of the input.
func (in CreateAccount) Validate() error {
	var bad errs.Fields
	if !resourcename.ValidServiceAccountID(in.Key.ID) {
		bad.Add("service_account_id", "is %q; use 2 to 40 lower-case letters, digits and dashes, starting with a letter", in.Key.ID)
	}
	checkRoles("service_account.roles", in.Roles, &bad)
	checkLifetime(in.Lifetime, &bad)
	return bad.Err()
}

// Rotate asks for a new secret.
type Rotate struct {
	Key      Key
	Etag     string
	Lifetime time.Duration
	Request  resource.Identity
}

// Validate collects every error of the input.
func (in Rotate) Validate() error {
	var bad errs.Fields
	checkLifetime(in.Lifetime, &bad)
	return bad.Err()
}

func checkRoles(path string, roles []Role, bad *errs.Fields) {
	if len(Sorted(roles)) == 0 {
		bad.Add(path, "is empty; give at least one of owner, admin, operator, viewer, billing")
	}
}

func checkLifetime(d time.Duration, bad *errs.Fields) {
	if d != 0 && (d < minLifetime || d > maxLifetime) {
		bad.Add("lifetime", "is %s; give one from an hour to 400 days", d)
	}
}

// Expiry is when a secret of a lifetime ends.
func Expiry(now time.Time, lifetime time.Duration) time.Time {
	if lifetime == 0 {
		lifetime = defaultLifetime
	}
	return now.Add(lifetime)
}
