package member

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
)

const (
	// abandoned is how long an account may be in the making before what there is of it is removed.
	abandoned = 10 * time.Minute
	// remembered is how long the ends of calls are kept for those that repeat them.
	remembered = 24 * time.Hour
)

// Sync compares our records with the directory, shuts accounts whose secret has ended and notes last uses.
type Sync struct {
	store     Store
	places    Places
	directory directory.Directory
	clock     clock.Clock
}

// NewSync makes the loops' work.
func NewSync(store Store, places Places, d directory.Directory, c clock.Clock) *Sync {
	return &Sync{store: store, places: places, directory: d, clock: c}
}

// Expire shuts accounts whose secret has ended, clears away what was never finished and notes last uses. It answers how many
// accounts it shut or removed.
func (s *Sync) Expire(ctx context.Context) (int, error) {
	if absent(s.directory) {
		return 0, nil
	}
	now := s.clock.Now()
	ended, err := s.store.Ended(ctx, now)
	n := 0
	for _, a := range ended {
		shut := s.shut(ctx, a)
		if shut == nil {
			n++
		}
		err = errors.Join(err, shut)
	}
	left, unfinished := s.store.Unfinished(ctx, now.Add(-abandoned))
	err = errors.Join(err, unfinished)
	for _, a := range left {
		gone := s.clear(ctx, a)
		if gone == nil {
			n++
		}
		err = errors.Join(err, gone)
	}
	return n, errors.Join(err, s.noteUse(ctx), s.store.Forget(ctx, now.Add(-remembered)))
}

func (s *Sync) shut(ctx context.Context, a Account) error {
	return s.store.Exclusive(ctx, a.TenantUID, func(ctx context.Context, tx Tx) error {
		a, err := tx.Account(ctx, Key{a.Scope, a.ID})
		if errs.CodeOf(err) == errs.CodeNotFound {
			return nil
		}
		if err != nil || a.ExpireTime.After(s.clock.Now()) { // rotated meanwhile
			return err
		}
		if err := s.directory.EnableClient(ctx, a.External, false); err != nil && errs.CodeOf(err) != errs.CodeNotFound {
			return err
		}
		a.Expired, a.UpdateTime = true, s.clock.Now()
		a.Revision++
		return tx.FinishAccount(ctx, a)
	})
}

// clear removes an account that was begun and never finished, with the client that may have been made for it.
func (s *Sync) clear(ctx context.Context, a Account) error {
	return s.store.Exclusive(ctx, a.TenantUID, func(ctx context.Context, tx Tx) error {
		c, err := s.directory.EnsureClient(ctx, a.ClientID, a.Name())
		if err != nil {
			return err
		}
		if err := s.directory.DeleteClient(ctx, c.ID); err != nil {
			return err
		}
		return tx.DeleteAccount(ctx, a.UID)
	})
}

func (s *Sync) noteUse(ctx context.Context) error {
	since, err := s.store.LastUse(ctx)
	if err != nil {
		return err
	}
	used, err := s.directory.ClientLogins(ctx, since)
	if err != nil || len(used) == 0 {
		return err
	}
	return s.store.Used(ctx, used)
}

// Pass makes our records of every tenant what the directory says. It answers how many records it changed.
func (s *Sync) Pass(ctx context.Context) (int, error) {
	if absent(s.directory) {
		return 0, nil
	}
	tenants, err := s.store.Tenants(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for id, uid := range tenants {
		changed, failed := s.tenant(ctx, id, uid)
		n += changed
		err = errors.Join(err, failed)
		if errs.ReasonOf(failed) == directory.ReasonUnavailable {
			break // the others would meet the same
		}
	}
	return n, err
}

func (s *Sync) tenant(ctx context.Context, id, uid string) (int, error) {
	n := 0
	err := s.store.Exclusive(ctx, uid, func(ctx context.Context, tx Tx) error {
		seats, err := s.directory.Seats(ctx, Scope{Tenant: id}.Name())
		if err != nil {
			return err
		}
		gone := s.orphans(ctx, id)
		if seats, err = s.withoutOrphans(ctx, seats, gone); err != nil {
			return err
		}
		if err := s.endOrphans(ctx, tx, uid, gone); err != nil {
			return err
		}
		have, err := tx.Members(ctx, uid)
		if err != nil {
			return err
		}
		n, err = s.mirror(ctx, tx, uid, have, seats)
		return err
	})
	return n, err
}

// orphans tells which scopes are VPCs that are no more. While the network service is away none is.
func (s *Sync) orphans(ctx context.Context, tenant string) func(Scope) bool {
	type answer struct {
		vpcs []string
		err  error
	}
	known := map[string]answer{}
	return func(scope Scope) bool {
		if scope.Vpc == "" {
			return false
		}
		a, asked := known[scope.Organisation]
		if !asked {
			a.vpcs, a.err = s.places.Vpcs(ctx, tenant, scope.Organisation)
			known[scope.Organisation] = a
		}
		return a.err == nil && !slices.Contains(a.vpcs, scope.Vpc)
	}
}

// withoutOrphans ends the groups of VPCs that are no more: one made later with the same id must not let old members in.
func (s *Sync) withoutOrphans(ctx context.Context, seats []directory.Seat, gone func(Scope) bool) ([]directory.Seat, error) {
	var out []directory.Seat
	for _, x := range seats {
		scope, _, ok := parseGroup(x.Group)
		if !ok || !gone(scope) {
			out = append(out, x)
			continue
		}
		if err := s.directory.RemoveGroup(ctx, scope.Name()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// endOrphans ends the service accounts of VPCs that are no more.
func (s *Sync) endOrphans(ctx context.Context, tx Tx, tenantUID string, gone func(Scope) bool) error {
	accounts, err := tx.Accounts(ctx, tenantUID)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if a.External == "" || !gone(a.Scope) {
			continue
		}
		if err := s.directory.DeleteClient(ctx, a.External); err != nil {
			return err
		}
		if err := tx.DeleteAccount(ctx, a.UID); err != nil {
			return err
		}
	}
	return nil
}

// parseGroup reads tenants/acme/owner.
func parseGroup(path string) (Scope, Role, bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return Scope{}, "", false
	}
	scope, err := ParseScope(path[:i])
	role := Role(path[i+1:])
	return scope, role, err == nil && slices.Contains(Roles, role)
}

// mirror writes what differs.
func (s *Sync) mirror(ctx context.Context, tx Tx, tenantUID string, have []Member, seats []directory.Seat) (int, error) {
	now := s.clock.Now()
	want := map[Key]*Member{}
	for _, x := range seats {
		scope, role, ok := parseGroup(x.Group)
		if !ok || x.Program {
			continue
		}
		k := Key{scope, x.ID}
		if want[k] == nil {
			want[k] = &Member{Scope: scope, Subject: x.ID, Email: x.Email, DisplayName: x.Name}
		}
		want[k].Roles = append(want[k].Roles, role)
	}
	n := 0
	for _, m := range have {
		k := Key{m.Scope, m.Subject}
		w := want[k]
		delete(want, k)
		switch {
		case w == nil:
			n++
			if err := tx.DeleteMember(ctx, m.UID); err != nil {
				return n, err
			}
		case !slices.Equal(sorted(w.Roles), m.Roles) || w.Email != m.Email || w.DisplayName != m.DisplayName:
			n++
			m.Roles, m.Email, m.DisplayName, m.UpdateTime = sorted(w.Roles), w.Email, w.DisplayName, now
			m.Revision++
			if err := tx.PutMember(ctx, m); err != nil {
				return n, err
			}
		}
	}
	for _, w := range want {
		n++
		w.UID, w.TenantUID, w.Roles, w.Revision, w.CreateTime, w.UpdateTime = ids.New("mbr"), tenantUID, sorted(w.Roles), 1, now, now
		if err := tx.PutMember(ctx, *w); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Remove ends everything of a scope: the clients of its accounts, its groups with all below, our records. It may be
// repeated, and does nothing where there is no directory.
func (s *Sync) Remove(ctx context.Context, tenantUID string, scope Scope) error {
	if absent(s.directory) {
		return nil
	}
	return s.store.Exclusive(ctx, tenantUID, func(ctx context.Context, tx Tx) error {
		accounts, err := tx.Accounts(ctx, tenantUID)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			if !scope.holds(a.Scope) {
				continue
			}
			if a.External != "" {
				err = s.directory.DeleteClient(ctx, a.External)
			}
			if err = errors.Join(err, tx.DeleteAccount(ctx, a.UID)); err != nil {
				return err
			}
		}
		if err := s.directory.RemoveGroup(ctx, scope.Name()); err != nil {
			return err
		}
		members, err := tx.Members(ctx, tenantUID)
		if err != nil {
			return err
		}
		for _, m := range members {
			if scope.holds(m.Scope) {
				if err := tx.DeleteMember(ctx, m.UID); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// holds tells whether another scope is this one or below it.
func (s Scope) holds(other Scope) bool {
	return s.Tenant == other.Tenant && (s.Organisation == "" || s.Organisation == other.Organisation) &&
		(s.Vpc == "" || s.Vpc == other.Vpc)
}
