package member

import (
	"slices"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
)

// OwnerRequired refuses roles with owner to a caller who is no owner: an admin could otherwise become one. The secret of a
// service account counts as its roles.
func OwnerRequired(callerOwns bool, s Scope, roles []Role) error {
	if callerOwns || !slices.Contains(roles, Owner) {
		return nil
	}
	return errs.New(errs.PermissionDenied, "OWNER_REQUIRED", "only an owner of %q gives or takes the role owner there; ask one of them", s.Name()).
		With("resource", s.Name())
}

// Trust decides whether a person's account may get the roles of in. An account whose address was never verified may belong
// to the party that made it, who knows its first password. Such an account gets the roles its makers could give anyway: with
// a role at the scope or above it is trusted, for owner only when an owner had it made. known says whether the tenant has
// the person among its members.
func Trust(members []Member, in Create, p directory.Person, fresh bool) (known bool, err error) {
	trust := fresh || p.Verified
	for _, m := range members {
		if p.ID == "" || m.Subject != p.ID {
			continue
		}
		known = true
		if m.Scope.Holds(in.Scope) && (m.Vouched || !slices.Contains(in.Roles, Owner)) {
			trust = true
		}
	}
	if trust {
		return known, nil
	}
	return known, unverified(p.Email)
}

// NeedsTrust is true when new roles make a member an owner whose account no owner had made: see Trust.
func (m Member) NeedsTrust(roles []Role) bool {
	return !m.Vouched && slices.Contains(roles, Owner) && !slices.Contains(m.Roles, Owner)
}

// TrustOwner refuses to make an owner of a member whose account may be another party's.
func (m Member) TrustOwner(p directory.Person) error {
	if p.ID != m.Subject || !p.Verified {
		return unverified(m.Email)
	}
	return nil
}

func unverified(email string) error {
	return errs.Failed("PERSON_UNVERIFIED", "the account of %s was made by somebody else, or a moment ago, and its address was never verified, so it may "+
		"not be theirs; they follow the mail of their account, or the operator verifies it, or removes it so that you invite them anew", email)
}

// Room refuses one more member or service account than a tenant may have. setting is the one that the operator raises.
func Room(tenant, what string, have, limit int, setting string) error {
	if have < limit {
		return nil
	}
	name := Scope{Tenant: tenant}.Name()
	return errs.New(errs.ResourceExhausted, "QUOTA_EXCEEDED",
		"%q has %d of at most %d %s; delete one that is not needed, or have the operator of the platform raise %s", name, have, limit, what, setting).
		With("resource", name)
}

// Exists is the error of a person who has roles at the scope already.
func Exists(s Scope, email string) error {
	return errs.New(errs.AlreadyExists, "MEMBER_EXISTS", "%s has roles at %q already; update the member's roles instead", email, s.Name()).
		With("resource", s.Name())
}

// AccountExists is the error of a service account whose id is taken.
func AccountExists(name string) error {
	return errs.New(errs.AlreadyExists, "SERVICE_ACCOUNT_EXISTS", "service account %q exists already; choose another id, or rotate its secret", name).
		With("resource", name)
}

// Changeable decides whether a member may get other roles, none when it is deleted. owners are the seats of the owner group
// at the scope, as the directory has them now: our records follow it within minutes. A service account is no owner who could
// let anyone in again.
func (m Member) Changeable(tag string, owners []directory.Seat, callerOwns bool, roles []Role) error {
	if err := etag.Check(m.Name(), tag, m.Etag()); err != nil {
		return err
	}
	people := func(is func(subject string) bool) bool {
		return slices.ContainsFunc(owners, func(x directory.Seat) bool { return !x.Program && is(x.ID) })
	}
	owner := people(func(subject string) bool { return subject == m.Subject })
	held := slices.Concat(m.Roles, roles)
	if owner {
		held = append(held, Owner)
	}
	if err := OwnerRequired(callerOwns, m.Scope, held); err != nil {
		return err
	}
	if m.Scope.Organisation != "" || !owner || slices.Contains(roles, Owner) || people(func(subject string) bool { return subject != m.Subject }) {
		return nil
	}
	return errs.Failed("LAST_OWNER", "%s is the last owner of %q; make somebody else an owner first", m.Email, m.Scope.Name()).
		With("resource", m.Name())
}

// Changeable decides whether a service account may be rotated or deleted.
func (a Account) Changeable(tag string, callerOwns bool) error {
	if err := OwnerRequired(callerOwns, a.Scope, a.Roles); err != nil {
		return err
	}
	return etag.Check(a.Name(), tag, a.Etag())
}

// Groups are the groups to join and to leave for somebody's roles at a scope to be these. Join first: a failure in between
// leaves too many roles, never none, and a repetition ends right.
func (s Scope) Groups(roles []Role) (join, leave []string) {
	for _, r := range Roles {
		if slices.Contains(roles, r) {
			join = append(join, s.Group(r))
		} else {
			leave = append(leave, s.Group(r))
		}
	}
	return join, leave
}
