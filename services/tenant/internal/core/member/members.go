package member

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
)

// Members is what may be done to members.
type Members struct {
	store     Store
	places    Places
	directory directory.Directory
	clock     clock.Clock
	owns      Owns
}

// NewMembers makes the use cases.
func NewMembers(store Store, places Places, d directory.Directory, c clock.Clock, owns Owns) *Members {
	return &Members{store: store, places: places, directory: d, clock: c, owns: owns}
}

// configured fails when there is no directory.
func configured(d directory.Directory) error {
	if absent(d) {
		return directory.NotConfigured()
	}
	return nil
}

func absent(d directory.Directory) bool {
	return d == nil
}

// Get answers one member.
func (s *Members) Get(ctx context.Context, k Key) (Member, error) {
	if err := configured(s.directory); err != nil {
		return Member{}, err
	}
	return s.store.Member(ctx, k)
}

// List answers a page of the members of a scope.
func (s *Members) List(ctx context.Context, q List) (Page[Member], error) {
	if err := configured(s.directory); err != nil {
		return Page[Member]{}, err
	}
	if _, err := s.places.Known(ctx, q.Scope); err != nil {
		return Page[Member]{}, err
	}
	return s.store.ListMembers(ctx, q)
}

// Create asks for a member.
type Create struct {
	Scope       Scope
	Email       string
	DisplayName string
	Roles       []Role
	Request     Request
}

// Validate notes everything wrong with the input.
func (in Create) Validate() error {
	var bad errs.Fields
	if !strings.Contains(in.Email, "@") {
		bad.Add("member.email", "is %q; give the person's e-mail address", in.Email)
	}
	checkRoles("member.roles", in.Roles, &bad)
	return bad.Err()
}

func checkRoles(path string, roles []Role, bad *errs.Fields) {
	if len(sorted(roles)) == 0 {
		bad.Add(path, "is empty; give at least one of owner, admin, operator, viewer, billing")
	}
}

// check refuses to let anybody but an owner give or take the role of an owner, or touch the secret of a program that has it:
// whoever manages members would otherwise be one as soon as he likes.
func (owns Owns) check(ctx context.Context, s Scope, roles []Role) error {
	if !slices.Contains(roles, Owner) || owns(ctx, s.Name()) {
		return nil
	}
	return errs.New(errs.PermissionDenied, "OWNER_REQUIRED", "only an owner of %q gives or takes the role owner there; ask one of them", s.Name()).
		With("resource", s.Name())
}

// Create gives a person roles.
func (s *Members) Create(ctx context.Context, in Create) (Member, error) {
	if err := in.Validate(); err != nil {
		return Member{}, err
	}
	if err := s.owns.check(ctx, in.Scope, in.Roles); err != nil {
		return Member{}, err
	}
	return s.change(ctx, s.places.Open, in.Scope, in.Request, func(ctx context.Context, tx Tx, place Place) (Member, error) {
		person, made, err := s.person(ctx, in)
		if err != nil {
			return Member{}, err
		}
		fresh := made
		if !made && !person.Verified {
			if fresh, err = s.directory.Abandoned(ctx, person.ID); err != nil {
				return Member{}, err
			}
		}
		known, err := s.trusted(ctx, tx, place, in, person, fresh)
		if err != nil {
			return Member{}, err
		}
		k := Key{in.Scope, person.ID}
		switch _, err := tx.Member(ctx, k); {
		case err == nil:
			return Member{}, exists(in.Scope, in.Email)
		case errs.CodeOf(err) != errs.CodeNotFound:
			return Member{}, err
		}
		now := s.clock.Now()
		m := Member{
			UID: ids.New("mbr"), TenantUID: place.TenantUID, Scope: in.Scope, Subject: person.ID, Email: person.Email,
			DisplayName: person.Name, Roles: sorted(in.Roles), Vouched: fresh && s.owns(ctx, in.Scope.Name()),
			Revision: 1, CreateTime: now, UpdateTime: now,
		}
		if in.Request.ValidateOnly {
			m.UID = ""
			if !known { // who else's users exist is nobody's business
				m.Subject, m.Email, m.DisplayName = "", strings.ToLower(in.Email), in.DisplayName
			}
			return m, nil
		}
		if err := s.seat(ctx, tx, &m, fresh); err != nil {
			if made { // an account that nobody can log in to would be in the way of the next try
				err = errors.Join(err, s.directory.DeletePerson(context.WithoutCancel(ctx), person.ID))
			}
			return Member{}, err
		}
		return m, nil
	})
}

// seat gives a person the roles and, last, the way to log in: a password is made only when its answer is about to go out.
func (s *Members) seat(ctx context.Context, tx Tx, m *Member, fresh bool) error {
	if err := settle(ctx, s.directory, m.Scope, m.Subject, m.Roles); err != nil {
		return err
	}
	if err := tx.PutMember(ctx, *m); err != nil || !fresh {
		return err
	}
	var err error
	m.InitialPassword, err = s.directory.Invite(ctx, m.Subject)
	return err
}

// trusted refuses an account that somebody else may have made for the address, to be let in by its real owner's name: its
// address was never verified, and whoever made it knows its first password. Nobody made one that is fresh. In a tenant an
// account is trusted with what those who could have made it may give: with the roles of an owner when an owner of the place
// had it made, with others when it has a role there or above already. It answers whether the tenant knows the person.
func (s *Members) trusted(ctx context.Context, tx Tx, place Place, in Create, p directory.Person, fresh bool) (known bool, err error) {
	all, err := tx.Members(ctx, place.TenantUID)
	if err != nil {
		return false, err
	}
	trust := fresh || p.Verified
	for _, m := range all {
		if p.ID == "" || m.Subject != p.ID {
			continue
		}
		known = true
		if m.Scope.holds(in.Scope) && (m.Vouched || !slices.Contains(in.Roles, Owner)) {
			trust = true
		}
	}
	if trust {
		return known, nil
	}
	return known, unverified(p.Email)
}

func unverified(email string) error {
	return errs.Failed("PERSON_UNVERIFIED", "the account of %s was made by somebody else, or a moment ago, and its address was never verified, so it may "+
		"not be theirs; they follow the mail of their account, or the operator verifies it, or removes it so that you invite them anew", email)
}

func exists(s Scope, email string) error {
	return errs.New(errs.AlreadyExists, "MEMBER_EXISTS", "%s has roles at %q already; update the member's roles instead", email, s.Name()).
		With("resource", s.Name())
}

func (s *Members) person(ctx context.Context, in Create) (p directory.Person, fresh bool, err error) {
	p, err = s.directory.PersonByEmail(ctx, in.Email)
	if errs.CodeOf(err) == errs.CodeNotFound {
		if in.Request.ValidateOnly {
			return directory.Person{Email: strings.ToLower(in.Email), Name: in.DisplayName}, true, nil
		}
		return s.directory.CreatePerson(ctx, directory.Person{Email: strings.ToLower(in.Email), Name: in.DisplayName})
	}
	return p, false, err
}

// settle makes somebody's groups at a scope those of the roles. It joins before it leaves: what fails in between leaves
// too much, never nothing, and repeating it ends right.
func settle(ctx context.Context, d directory.Directory, scope Scope, subject string, roles []Role) error {
	for _, r := range roles {
		if err := d.Join(ctx, subject, scope.group(r)); err != nil {
			return err
		}
	}
	for _, r := range Roles {
		if slices.Contains(roles, r) {
			continue
		}
		if err := d.Leave(ctx, subject, scope.group(r)); err != nil {
			return err
		}
	}
	return nil
}

// Update asks for other roles.
type Update struct {
	Key     Key
	Etag    string
	Roles   []Role
	Request Request
}

// Update replaces a member's roles.
func (s *Members) Update(ctx context.Context, in Update) (Member, error) {
	var bad errs.Fields
	checkRoles("member.roles", in.Roles, &bad)
	if err := bad.Err(); err != nil {
		return Member{}, err
	}
	return s.change(ctx, s.places.Open, in.Key.Scope, in.Request, func(ctx context.Context, tx Tx, _ Place) (Member, error) {
		m, err := s.locked(ctx, tx, in.Key, in.Etag, in.Roles)
		if err != nil {
			return Member{}, err
		}
		if err := s.worthy(ctx, m, in.Roles); err != nil {
			return Member{}, err
		}
		m.Roles = sorted(in.Roles)
		m.Revision++
		m.UpdateTime = s.clock.Now()
		if in.Request.ValidateOnly {
			return m, nil
		}
		if err := settle(ctx, s.directory, m.Scope, m.Subject, m.Roles); err != nil {
			return Member{}, err
		}
		return m, tx.PutMember(ctx, m)
	})
}

// worthy refuses to make an owner of somebody whose account may be another's: see trusted.
func (s *Members) worthy(ctx context.Context, m Member, roles []Role) error {
	if m.Vouched || !slices.Contains(roles, Owner) || slices.Contains(m.Roles, Owner) {
		return nil
	}
	p, err := s.directory.PersonByEmail(ctx, m.Email)
	if err != nil {
		return err
	}
	if p.ID != m.Subject || !p.Verified {
		return unverified(m.Email)
	}
	return nil
}

// locked answers the member that a change is about, when nothing speaks against the roles it would have after.
func (s *Members) locked(ctx context.Context, tx Tx, k Key, tag string, roles []Role) (Member, error) {
	m, err := tx.Member(ctx, k)
	if err != nil {
		return Member{}, err
	}
	if err := etag.Check(m.Name(), tag, m.Etag()); err != nil {
		return Member{}, err
	}
	// The directory is asked, not our records, which follow it within minutes: somebody may have been made an owner there, or
	// been taken out. A program is no owner that could let anybody in again.
	seats, err := s.directory.Seats(ctx, m.Scope.group(Owner))
	if err != nil {
		return Member{}, err
	}
	people := func(is func(subject string) bool) bool {
		return slices.ContainsFunc(seats, func(x directory.Seat) bool { return !x.Program && is(x.ID) })
	}
	owner := people(func(subject string) bool { return subject == m.Subject })
	held := m.Roles
	if owner {
		held = append(slices.Clone(held), Owner)
	}
	if err := s.owns.check(ctx, k.Scope, slices.Concat(held, roles)); err != nil {
		return Member{}, err
	}
	if k.Organisation != "" || !owner || slices.Contains(roles, Owner) || people(func(subject string) bool { return subject != m.Subject }) {
		return m, nil
	}
	return m, errs.Failed("LAST_OWNER", "%s is the last owner of %q; make somebody else an owner first", m.Email, m.Scope.Name()).
		With("resource", m.Name())
}

// Delete asks for the end of somebody's roles.
type Delete struct {
	Key     Key
	Etag    string
	Request Request
}

// Delete takes all roles at the scope from a person.
func (s *Members) Delete(ctx context.Context, in Delete) error {
	_, err := s.change(ctx, s.places.Known, in.Key.Scope, in.Request, func(ctx context.Context, tx Tx, _ Place) (Member, error) {
		m, err := s.locked(ctx, tx, in.Key, in.Etag, nil)
		if err != nil || in.Request.ValidateOnly {
			return m, err
		}
		if err := settle(ctx, s.directory, m.Scope, m.Subject, nil); err != nil {
			return Member{}, err
		}
		return m, tx.DeleteMember(ctx, m.UID)
	})
	return err
}

// change is the one path of a change: look at the scope, take the lock, look again, replay or do, remember.
func (s *Members) change(
	ctx context.Context, look look, scope Scope, r Request, do func(context.Context, Tx, Place) (Member, error),
) (Member, error) {
	var m Member
	err := guarded(ctx, s.store, look, s.directory, scope, r,
		func(ctx context.Context, tx Tx, name string) error {
			k, err := ParseKey(name, "members")
			if err != nil {
				return err
			}
			m, err = tx.Member(ctx, k)
			if errs.CodeOf(err) == errs.CodeNotFound { // the repeated call deleted it, or a later one did
				err = nil
			}
			return err
		},
		func(ctx context.Context, tx Tx, place Place) (string, error) {
			var err error
			m, err = do(ctx, tx, place)
			return m.Name(), err
		})
	if err != nil {
		return Member{}, err
	}
	return m, nil
}

// look finds the place of a change: Places.Open for what gives, Places.Known for what takes away, which must be possible when
// a tenant is suspended or the network service is away.
type look func(context.Context, Scope) (Place, error)

// guarded runs a change under the tenant's lock, once per request id. The scope is looked at again under the lock: the end
// of a tenant or organisation takes the same lock before it removes the groups.
func guarded(
	ctx context.Context, store Store, look look, d directory.Directory, scope Scope, r Request,
	replay func(ctx context.Context, tx Tx, name string) error, do func(context.Context, Tx, Place) (string, error),
) error {
	if err := configured(d); err != nil {
		return err
	}
	place, err := look(ctx, scope)
	if err != nil {
		return err
	}
	return store.Exclusive(ctx, place.TenantUID, func(ctx context.Context, tx Tx) error {
		if name, err := tx.Replayed(ctx, place.TenantUID, r); err != nil {
			return err
		} else if name != "" {
			return replay(ctx, tx, name)
		}
		place, err := look(ctx, scope)
		if err != nil {
			return err
		}
		if err := renew(ctx, tx, d, scope, place, r.ValidateOnly); err != nil {
			return err
		}
		name, err := do(ctx, tx, place)
		if err != nil {
			return err
		}
		return tx.Remember(ctx, place.TenantUID, r, name)
	})
}
