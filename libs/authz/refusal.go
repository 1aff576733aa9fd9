package authz

import (
	"fmt"
	"strings"

	"github.com/low-layer/platform/libs/errs"
)

// Reasons of a caller that may not.
const (
	// ReasonDenied: no role of the caller gives the permission.
	ReasonDenied = "PERMISSION_DENIED"
	// ReasonStepUp: a role does, but the login was not confirmed by a second factor.
	ReasonStepUp = "STEP_UP_REQUIRED"
	// ReasonUnknown: no method needs the permission that was asked about.
	ReasonUnknown = "PERMISSION_UNKNOWN"

	reasonName = "INVALID_NAME"
)

// Grant is a role and where it must be held.
type Grant struct {
	Role     Role
	Resource string
}

// String is the grant in words.
func (g Grant) String() string {
	if g.Resource == platformName {
		return "operator of the platform"
	}
	return fmt.Sprintf("%s on %s", g.Role, g.Resource)
}

// refusal is the error for a caller that may not.
func (a *Authorizer) refusal(r Resource, s situation) error {
	if s.stepUp && !s.steppedUp {
		confirmed := s
		confirmed.steppedUp = true
		if a.allows(confirmed) {
			return errs.New(errs.Unauthenticated, ReasonStepUp,
				"this cannot be undone or concerns credentials, so it needs a login with a second factor in the last 15 minutes; run `lowlayer login --mfa` and repeat it").
				With("permission", s.permission)
		}
	}
	if !s.standing.sees() && r.level != Platform {
		return errs.NotFound(r.Kind, r.Name)
	}
	grants := a.grants(r, s.permission)
	words := make([]string, len(grants))
	for i, g := range grants {
		words[i] = g.String()
	}
	return errs.New(errs.PermissionDenied, ReasonDenied, "this needs the permission %s on %s, which these roles give: %s; ask whoever manages the roles there",
		s.permission, r.Name, strings.Join(words, ", ")).
		With("permission", s.permission).With("resource", r.Name).With("roles", strings.Join(words, ", "))
}

// grants are the weakest roles that give the permission, one for each level from the resource's up; the platform's operator
// alone when no other does.
func (a *Authorizer) grants(r Resource, permission string) []Grant {
	var out []Grant
	for l := r.level; l > Platform; l-- {
		all := Roles()
		for i := len(all) - 1; i >= 0; i-- {
			s := situation{permission: permission, level: r.level}
			s.standing.at[l] = bit(all[i])
			// A role that is for somebody else is no step towards the permission while one of the line gives it.
			if a.allows(s) && (all[i] != Billing || !a.allows(a.viewer(permission, r.level, l))) {
				out = append(out, Grant{all[i], r.above[l]})
				break
			}
		}
	}
	if len(out) == 0 {
		return []Grant{{Operator, platformName}}
	}
	return out
}

func (a *Authorizer) viewer(permission string, level, at Level) situation {
	s := situation{permission: permission, level: level}
	s.standing.at[at] = bit(Viewer)
	return s
}
