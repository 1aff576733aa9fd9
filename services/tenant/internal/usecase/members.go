package usecase

import (
	"context"
	"errors"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
)

// Members changes and reads members.
type Members struct{ staff }

// NewMembers makes the use cases.
func NewMembers(cfg StaffConfig) *Members { return &Members{newStaff(cfg)} }

// Get reads one member.
func (s *Members) Get(ctx context.Context, k member.Key) (member.Member, error) {
	if err := s.configured(); err != nil {
		return member.Member{}, err
	}
	return s.Rows.Member(ctx, k)
}

// List reads a page of the members of a scope.
func (s *Members) List(ctx context.Context, scope member.Scope, q resource.List) (resource.Page[member.Member], error) {
	if err := s.readable(ctx, scope); err != nil {
		return resource.Page[member.Member]{}, err
	}
	return s.Rows.ListMembers(ctx, scope, q)
}

func (s *Members) change(
	ctx context.Context, look look, scope member.Scope, id resource.Identity, m *member.Member,
	script func(context.Context, place) (outcome, error),
) (member.Member, error) {
	err := s.staff.change(ctx, look, scope, id, func(ctx context.Context, name string) error {
		k, err := member.ParseKey(name, "members")
		if err != nil {
			return err
		}
		*m, err = absent(s.Rows.Member(ctx, k))
		return err
	}, script)
	if err != nil {
		return member.Member{}, err
	}
	return *m, nil
}

// write puts a member, before as it was; nil for a new one.
func (s *Members) write(m member.Member, before *member.Member) func(context.Context, *accept.Tx) (string, error) {
	return func(ctx context.Context, tx *accept.Tx) (string, error) {
		if before != nil {
			tx.Before(m.Name(), s.Member(*before))
		}
		tx.After(m.Name(), s.Member(m))
		return m.Name(), s.Rows.PutMember(ctx, tx, m)
	}
}

// Create gives a person roles.
func (s *Members) Create(ctx context.Context, in member.Create) (member.Member, error) {
	if err := in.Validate(); err != nil {
		return member.Member{}, err
	}
	if err := member.OwnerRequired(owns(ctx, in.Scope), in.Scope, in.Roles); err != nil {
		return member.Member{}, err
	}
	var m member.Member
	return s.change(ctx, s.places.open, in.Scope, in.Request, &m, func(ctx context.Context, at place) (_ outcome, err error) {
		person, fresh, err := s.find(ctx, in)
		if err != nil {
			return outcome{}, err
		}
		members, err := s.Rows.Members(ctx, at.TenantUID)
		if err != nil {
			return outcome{}, err
		}
		known, err := member.Trust(members, in, person, fresh)
		if err != nil {
			return outcome{}, err
		}
		for _, other := range members {
			if person.ID != "" && other.Scope == in.Scope && other.Subject == person.ID {
				return outcome{}, member.Exists(in.Scope, in.Email)
			}
		}
		if err := member.Room(in.Scope.Tenant, "members", len(members), s.MaxMembers, "LOWLAYER_TENANT_QUOTA_MEMBERS"); err != nil {
			return outcome{}, err
		}
		now := s.Clock.Now()
		m = member.Member{
			TenantUID: at.TenantUID, Scope: in.Scope, Subject: person.ID, Email: person.Email, DisplayName: person.Name,
			Roles: member.Sorted(in.Roles), Vouched: fresh && owns(ctx, in.Scope), Revision: 1, CreateTime: now, UpdateTime: now,
		}
		if in.Request.ValidateOnly {
			if !known { // a plan does not show the users of others
				m.Subject, m.Email, m.DisplayName = "", strings.ToLower(in.Email), in.DisplayName
			}
			return outcome{}, nil
		}
		m.UID = ids.New("mbr")
		undo, err := s.seat(ctx, &m, person, fresh)
		if err != nil {
			return outcome{}, err
		}
		return outcome{s.write(m, nil), undo}, nil
	})
}

// find looks the person up. fresh is true for a person nobody else can have made: there is no account, or a call made it that
// died before the invitation.
func (s *Members) find(ctx context.Context, in member.Create) (p directory.Person, fresh bool, err error) {
	p, err = s.Directory.PersonByEmail(ctx, in.Email)
	switch {
	case errs.CodeOf(err) == errs.CodeNotFound:
		return directory.Person{Email: strings.ToLower(in.Email), Name: in.DisplayName}, true, nil
	case err != nil || p.Verified:
		return p, false, err
	}
	fresh, err = s.Directory.Abandoned(ctx, p.ID)
	return p, fresh, err
}

// seat makes the person's account where there is none, joins the groups, and last makes the way to log in. It undoes the
// account when a later part fails: an account without a login would be in the way of the next try.
func (s *Members) seat(ctx context.Context, m *member.Member, p directory.Person, fresh bool) (undo func(context.Context) error, err error) {
	if p.ID == "" {
		made, isNew, err := s.Directory.CreatePerson(ctx, p)
		if err != nil {
			return nil, err
		}
		if !isNew && !made.Verified { // another call was faster: the next try decides about that account
			return nil, errs.Failed("PERSON_UNVERIFIED", "the account of %s was made by somebody else a moment ago; try again", p.Email)
		}
		m.Subject, m.Email, m.DisplayName = made.ID, made.Email, made.Name
		if isNew {
			undo = func(ctx context.Context) error { return s.Directory.DeletePerson(ctx, made.ID) }
		} else {
			fresh, m.Vouched = false, false
		}
	}
	err = s.settle(ctx, m.Scope, m.Subject, m.Roles)
	if err == nil && fresh {
		m.InitialPassword, err = s.Directory.Invite(ctx, m.Subject)
	}
	if err != nil && undo != nil {
		err = errors.Join(err, undo(context.WithoutCancel(ctx)))
	}
	return undo, err
}

// Update replaces a member's roles.
func (s *Members) Update(ctx context.Context, in member.Update) (member.Member, error) {
	if err := in.Validate(); err != nil {
		return member.Member{}, err
	}
	var m member.Member
	return s.change(ctx, s.places.open, in.Key.Scope, in.Request, &m, func(ctx context.Context, _ place) (outcome, error) {
		before, err := s.changeable(ctx, in.Key, in.Etag, in.Roles)
		if err != nil {
			return outcome{}, err
		}
		if before.NeedsTrust(in.Roles) {
			p, err := s.Directory.PersonByEmail(ctx, before.Email)
			if err != nil {
				return outcome{}, err
			}
			if err := before.TrustOwner(p); err != nil {
				return outcome{}, err
			}
		}
		m = before
		m.Roles, m.UpdateTime = member.Sorted(in.Roles), s.Clock.Now()
		m.Revision++
		if in.Request.ValidateOnly {
			return outcome{}, nil
		}
		return outcome{write: s.write(m, &before)}, s.settle(ctx, m.Scope, m.Subject, m.Roles)
	})
}

func (s *Members) changeable(ctx context.Context, k member.Key, tag string, roles []member.Role) (member.Member, error) {
	m, err := s.Rows.Member(ctx, k)
	if err != nil {
		return m, err
	}
	owners, err := s.Directory.Seats(ctx, m.Scope.Group(member.Owner))
	if err != nil {
		return m, err
	}
	return m, m.Changeable(tag, owners, owns(ctx, m.Scope), roles)
}

// Delete takes all roles at the scope from a person.
func (s *Members) Delete(ctx context.Context, in member.Delete) error {
	var m member.Member
	_, err := s.change(ctx, s.places.known, in.Key.Scope, in.Request, &m, func(ctx context.Context, _ place) (_ outcome, err error) {
		if m, err = s.changeable(ctx, in.Key, in.Etag, nil); err != nil || in.Request.ValidateOnly {
			return outcome{}, err
		}
		return outcome{write: func(ctx context.Context, tx *accept.Tx) (string, error) {
			tx.Before(m.Name(), s.Member(m))
			tx.After(m.Name(), nil)
			return m.Name(), s.Rows.DeleteMember(ctx, tx, m.UID)
		}}, s.settle(ctx, m.Scope, m.Subject, nil)
	})
	return err
}
