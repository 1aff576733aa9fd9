package authz

import (
	"fmt"
	"slices"
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
		s.permission, r.Name, inWords(grants)).
		With("permission", s.permission).With("resource", r.Name).With("roles", strings.Join(words, ", "))
}

// inWords is grants as one says them: `operator, admin or owner on tenants/acme/organisations/core or tenants/acme`.
func inWords(grants []Grant) string {
	if len(grants) == 1 {
		return grants[0].String()
	}
	var resources []string
	roles := make(map[string][]string)
	for _, g := range grants {
		if roles[g.Resource] == nil {
			resources = append(resources, g.Resource)
		}
		roles[g.Resource] = append(roles[g.Resource], string(g.Role))
	}
	var out []string
	for len(resources) > 0 {
		same := 1
		for same < len(resources) && slices.Equal(roles[resources[same]], roles[resources[0]]) {
			same++
		}
		out = append(out, either(roles[resources[0]])+" on "+either(resources[:same]))
		resources = resources[same:]
	}
	return strings.Join(out, "; ")
}

// either is `a`, `a or b`, `a, b or c`.
func either(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// grants are the roles that give the permission, the weakest first, for each level from the resource's up; the platform's
// operator alone when no other does.
func (a *Authorizer) grants(r Resource, permission string) []Grant {
	var out []Grant
	for l := r.level; l > Platform; l-- {
		gives := func(role Role) bool {
			s := situation{permission: permission, level: r.level}
			s.standing.at[l] = bit(role)
			return a.allows(s)
		}
		roles := []Role{Billing, Viewer, Operator, Admin, Owner}
		if gives(Viewer) {
			// The billing role is never the remedy for a viewer's permission.
			roles = []Role{Viewer, Operator, Admin, Owner, Billing}
		}
		for _, role := range roles {
			if gives(role) {
				out = append(out, Grant{role, r.above[l]})
			}
		}
	}
	if len(out) == 0 {
		return []Grant{{Operator, platformName}}
	}
	return out
}
