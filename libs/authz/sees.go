package authz

import "github.com/low-layer/platform/libs/identity"

// Sees is true when a role of the caller on a resource, or above it, gives a permission that needs no second factor. It is for
// handlers that show several resources, each as far as the caller may read it.
func (a *Authorizer) Sees(p *identity.Principal, permission, name string) bool {
	r, ok := ParseResource(name)
	if !ok || !a.methods.needs(permission) || a.methods.stepUp(permission) {
		return false
	}
	return a.allows(situation{permission: permission, level: r.level, standing: standingOf(p, r)})
}
