package authz

import (
	"slices"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
)

// Explanation is a decision and what would change it.
type Explanation struct {
	// Allowed is true when the caller may.
	Allowed bool
	// StepUp is true when a second factor is needed that the caller's login was not confirmed by.
	StepUp bool
	// Grants are the roles that would give the permission, the weakest first; none when the caller has it.
	Grants []Grant
}

// Explain returns what the caller lacks for a permission on a resource; an empty name is the platform. A resource he may
// not see is NOT_FOUND.
func (a *Authorizer) Explain(p *identity.Principal, permission, name string) (Explanation, error) {
	if !a.methods.needs(permission) {
		return Explanation{}, errs.InvalidAs(ReasonUnknown, errs.Field("permission",
			"%q is not a permission that a method needs; take it from the error that refused the call", permission))
	}
	r := platform
	if name != "" {
		var ok bool
		if r, ok = ParseResource(name); !ok {
			return Explanation{}, errs.InvalidAs(reasonName, errs.Field("resource", "is not the name of a resource such as tenants/{tenant}"))
		}
	}
	s := situation{permission: permission, level: r.level, standing: standingOf(p, r)}
	if !s.standing.sees() && r.level != Platform {
		return Explanation{}, errs.NotFound(r.Kind, r.Name)
	}
	if !a.allows(s) && (!a.methods.narrowed(permission) || len(a.places(p, r, s).Names) == 0) {
		return Explanation{Grants: a.grants(r, permission)}, nil
	}
	missing := a.methods.stepUp(permission) && !p.SteppedUp(time.Now())
	return Explanation{Allowed: !missing, StepUp: missing}, nil
}

// Holders are the roles that give a permission on a resource of a level when they are held on it, the strongest first.
func (a *Authorizer) Holders(permission string, l Level) []Role {
	return slices.DeleteFunc(Roles(), func(r Role) bool {
		s := situation{permission: permission, level: l}
		s.standing.at[l] = bit(r)
		return !a.allows(s)
	})
}
