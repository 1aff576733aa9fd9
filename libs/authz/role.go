package authz

import (
	"strings"

	"github.com/low-layer/platform/libs/identity"
)

// Role is a caller's part on a resource.
type Role string

// The roles. On the platform there are operators only.
const (
	Owner    Role = "owner"
	Admin    Role = "admin"
	Operator Role = "operator"
	Viewer   Role = "viewer"
	Billing  Role = "billing"
)

// Roles are all of them, the strongest first.
func Roles() []Role { return []Role{Owner, Admin, Operator, Viewer, Billing} }

// roleSet is a set of roles.
type roleSet uint8

func bit(r Role) roleSet {
	switch r {
	case Owner:
		return 1
	case Admin:
		return 2
	case Operator:
		return 4
	case Viewer:
		return 8
	case Billing:
		return 16
	default:
		return 0
	}
}

func (s roleSet) has(r Role) bool { return s&bit(r) != 0 }

// standing is what a caller is to a resource.
type standing struct {
	// at are the roles on each level above the resource and on its own.
	at [levels]roleSet
	// below is true when a role is held somewhere below the resource's level.
	below bool
}

// sees is true when the resource is no secret to the caller.
func (s standing) sees() bool { return s.below || s.at != [levels]roleSet{} }

// split reads a group's path, `/tenants/acme/operator`, as the name of a resource and a role on it.
func split(group string) (name string, role roleSet) {
	i := strings.LastIndexByte(group, '/')
	if i < 1 || group[0] != '/' {
		return "", 0
	}
	name = group[1:i]
	role = bit(Role(group[i+1:]))
	if name == platformName && role != bit(Operator) {
		return "", 0
	}
	return name, role
}

// standingOf compares the caller's groups with the names above the resource. Groups that are no roles have no effect.
func standingOf(p *identity.Principal, r Resource) standing {
	var s standing
	for _, group := range p.Groups {
		name, role := split(group)
		if role == 0 {
			continue
		}
		if name == platformName {
			s.at[Platform] |= role
			continue
		}
		for l := Tenant; l <= r.level; l++ {
			if name == r.above[l] {
				s.at[l] |= role
			}
		}
		s.below = s.below || isBelow(name, r)
	}
	return s
}

// isBelow is true for names of tenants, organisations and VPCs that lie in the resource, or beside it on its own level.
func isBelow(name string, r Resource) bool {
	if r.level != Platform {
		if rest, ok := strings.CutPrefix(name, r.At()); !ok || rest == "" || rest[0] != '/' {
			return false
		}
	}
	place, ok := ParseResource(name)
	return ok && place.Name == place.At()
}

// Tenants are the ids of the tenants in which a caller holds a role, at whatever level; all for operators of the platform.
func Tenants(p *identity.Principal) (ids []string, all bool) {
	for _, group := range p.Groups {
		name, role := split(group)
		if role == 0 {
			continue
		}
		if name == platformName {
			return nil, true
		}
		if rest, ok := strings.CutPrefix(name, "tenants/"); ok {
			id, _, _ := strings.Cut(rest, "/")
			if _, ok := ParseResource("tenants/" + id); ok { // nothing that means more in a list of ids
				ids = append(ids, id)
			}
		}
	}
	return ids, false
}
