package member

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
)

// ParseGroup reads the path of a group such as tenants/acme/owner.
func ParseGroup(path string) (Scope, Role, bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return Scope{}, "", false
	}
	scope, err := ParseScope(path[:i])
	role := Role(path[i+1:])
	return scope, role, err == nil && slices.Contains(Roles, role)
}

// Delta is what to write so that our records of a tenant agree with the directory.
type Delta struct {
	Put    []Member
	Delete []Member
}

// Len is how many records change.
func (d Delta) Len() int { return len(d.Put) + len(d.Delete) }

// Mirror compares our records of a tenant with the seats of the directory. Seats of programs and of other groups are left out.
func Mirror(tenantUID string, have []Member, seats []directory.Seat, now time.Time) Delta {
	want := map[Key]*Member{}
	for _, x := range seats {
		scope, role, ok := ParseGroup(x.Group)
		if !ok || x.Program {
			continue
		}
		k := Key{scope, x.ID}
		if want[k] == nil {
			want[k] = &Member{TenantUID: tenantUID, Scope: scope, Subject: x.ID, Email: x.Email, DisplayName: x.Name, CreateTime: now, UpdateTime: now}
		}
		want[k].Roles = append(want[k].Roles, role)
	}
	var d Delta
	for _, m := range have {
		k := Key{m.Scope, m.Subject}
		w := want[k]
		delete(want, k)
		switch {
		case w == nil:
			d.Delete = append(d.Delete, m)
		case !slices.Equal(Sorted(w.Roles), m.Roles) || w.Email != m.Email || w.DisplayName != m.DisplayName:
			m.Roles, m.Email, m.DisplayName, m.UpdateTime = Sorted(w.Roles), w.Email, w.DisplayName, now
			m.Revision++
			d.Put = append(d.Put, m)
		}
	}
	for _, w := range want {
		w.UID, w.Roles, w.Revision = ids.New("mbr"), Sorted(w.Roles), 1
		d.Put = append(d.Put, *w)
	}
	slices.SortFunc(d.Put, func(a, b Member) int { return cmp.Compare(a.Name(), b.Name()) })
	return d
}

// VpcScopes are the VPCs that seats and accounts have roles at.
func VpcScopes(seats []directory.Seat, accounts []Account) []Scope {
	var out []Scope
	add := func(s Scope) {
		if s.Vpc != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, a := range accounts {
		add(a.Scope)
	}
	for _, x := range seats {
		if s, _, ok := ParseGroup(x.Group); ok {
			add(s)
		}
	}
	return out
}

// Ended decides whether roles at a VPC end: its id is free, or another VPC has it. recorded is the unique id of the VPC that
// the roles are at, empty when that was never recorded; now is that of the VPC there is, empty for none.
func Ended(recorded, now string) bool {
	return now == "" || (recorded != "" && recorded != now)
}

// Without are the seats outside of the scopes.
func Without(seats []directory.Seat, scopes []Scope) []directory.Seat {
	return slices.DeleteFunc(slices.Clone(seats), func(x directory.Seat) bool {
		s, _, ok := ParseGroup(x.Group)
		return ok && slices.Contains(scopes, s)
	})
}

// Holds is true when another scope is this one or lies below it.
func (s Scope) Holds(other Scope) bool {
	return s.Tenant == other.Tenant && (s.Organisation == "" || s.Organisation == other.Organisation) &&
		(s.Vpc == "" || s.Vpc == other.Vpc)
}
