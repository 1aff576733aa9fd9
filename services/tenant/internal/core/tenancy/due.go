package tenancy

import (
	"slices"
	"time"
)

// DueTimes are the moments that decide what is due.
type DueTimes struct {
	// Now decides what is purged.
	Now time.Time
	// A credential is replaced when it expires before CredentialsBefore, or gives other roles than CredentialRoles, which are sorted.
	CredentialsBefore time.Time
	CredentialRoles   []string
	// Limit bounds each list.
	Limit int
}

// Due is what the periodic pass must act on.
type Due struct {
	PurgeTenants       []string
	PurgeOrganisations []OrganisationKey
	RotateCredentials  []OrganisationKey
}

// Roles are names of roles as they are compared: sorted, each once.
func Roles(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// Stale reports whether a credential in use is to be replaced.
func (at DueTimes) Stale(c Credential) bool {
	return !c.ExpireTime.IsZero() && (!c.ExpireTime.After(at.CredentialsBefore) || !slices.Equal(c.Roles, at.CredentialRoles))
}
