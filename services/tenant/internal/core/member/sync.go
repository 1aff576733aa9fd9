package member

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
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

	mu   sync.Mutex
	read time.Time // up to when logins are read
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

// clear removes an account that was begun and never finished, with the client that may have been made for it. It may have
// been finished since it was found.
func (s *Sync) clear(ctx context.Context, found Account) error {
	return s.store.Exclusive(ctx, found.TenantUID, func(ctx context.Context, tx Tx) error {
		all, err := tx.Accounts(ctx, found.TenantUID)
		if err != nil {
			return err
		}
		for _, a := range all {
			if a.UID == found.UID && a.External == "" {
				return dropAccount(ctx, tx, s.directory, a)
			}
		}
		return nil
	})
}

// dropAccount ends an account, and the client that may have been made for one that was never finished.
func dropAccount(ctx context.Context, tx Tx, d directory.Directory, a Account) error {
	if a.External == "" {
		c, err := d.EnsureClient(ctx, a.ClientID, a.Name())
		if err != nil {
			return err
		}
		a.External = c.ID
	}
	if err := d.DeleteClient(ctx, a.External); err != nil {
		return err
	}
	return tx.DeleteAccount(ctx, a.UID)
}

// noteUse reads the logins since those it read before.
func (s *Sync) noteUse(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read.IsZero() {
		var err error
		if s.read, err = s.store.LastUse(ctx); err != nil {
			return err
		}
	}
	used, err := s.directory.ClientLogins(ctx, s.read)
	if err != nil || len(used) == 0 {
		return err
	}
	if err := s.store.Used(ctx, used); err != nil {
		return err
	}
	for _, at := range used {
		if at.After(s.read) {
			s.read = at
		}
	}
	return nil
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
		if seats, err = s.withoutOrphans(ctx, tx, id, uid, seats); err != nil {
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

// withoutOrphans ends the roles and accounts of VPCs that are no more, though there be another one with the same id: nobody of
// the old one is let into it. While the network service is away, or does not know the organisation, nothing is ended.
func (s *Sync) withoutOrphans(ctx context.Context, tx Tx, tenant, tenantUID string, seats []directory.Seat) ([]directory.Seat, error) {
	accounts, err := tx.Accounts(ctx, tenantUID)
	if err != nil {
		return nil, err
	}
	scopes := map[Scope]bool{}
	for _, a := range accounts {
		scopes[a.Scope] = true
	}
	for _, x := range seats {
		if scope, _, ok := parseGroup(x.Group); ok {
			scopes[scope] = true
		}
	}
	vpcs := map[string]map[string]string{}
	ended := map[Scope]bool{}
	for scope := range scopes {
		if scope.Vpc == "" {
			continue
		}
		present, asked := vpcs[scope.Organisation]
		if !asked {
			if present, err = s.places.Vpcs(ctx, tenant, scope.Organisation); err != nil {
				present = nil
			}
			vpcs[scope.Organisation] = present
		}
		if present == nil {
			continue
		}
		if ended[scope], err = follow(ctx, tx, s.directory, scope, Place{tenantUID, present[scope.Vpc]}); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(seats, func(x directory.Seat) bool {
		scope, _, ok := parseGroup(x.Group)
		return ok && ended[scope]
	}), nil
}

// follow compares the VPC that the roles at a scope are of with the one that is there now, which an empty VpcUID says is none.
// Roles of another one end; it answers whether they did.
func follow(ctx context.Context, tx Tx, d directory.Directory, scope Scope, now Place) (ended bool, err error) {
	before, err := tx.VpcUID(ctx, scope)
	if err != nil {
		return false, err
	}
	if ended = now.VpcUID == "" || (before != "" && before != now.VpcUID); ended {
		if err := end(ctx, tx, d, scope, now.TenantUID); err != nil {
			return false, err
		}
	}
	if before == now.VpcUID {
		return ended, nil
	}
	return ended, tx.SetVpcUID(ctx, now.TenantUID, scope, now.VpcUID)
}

// renew is follow before a change at a VPC; a plan changes nothing.
func renew(ctx context.Context, tx Tx, d directory.Directory, scope Scope, now Place, plan bool) error {
	if scope.Vpc == "" || now.VpcUID == "" || plan {
		return nil
	}
	_, err := follow(ctx, tx, d, scope, now)
	return err
}

// end ends everything of a scope and below: the clients of its accounts, its groups, our records.
func end(ctx context.Context, tx Tx, d directory.Directory, scope Scope, tenantUID string) error {
	accounts, err := tx.Accounts(ctx, tenantUID)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if scope.holds(a.Scope) {
			if err := dropAccount(ctx, tx, d, a); err != nil {
				return err
			}
		}
	}
	if err := d.RemoveGroup(ctx, scope.Name()); err != nil {
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

// Remove ends everything of a scope. It may be repeated. Without a directory it does nothing where nobody has a role, and
// otherwise refuses: whoever comes by the same id later would let them in.
func (s *Sync) Remove(ctx context.Context, tenantUID string, scope Scope) error {
	return s.store.Exclusive(ctx, tenantUID, func(ctx context.Context, tx Tx) error {
		if !absent(s.directory) {
			return end(ctx, tx, s.directory, scope, tenantUID)
		}
		accounts, err := tx.Accounts(ctx, tenantUID)
		if err != nil {
			return err
		}
		members, err := tx.Members(ctx, tenantUID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(accounts, func(a Account) bool { return scope.holds(a.Scope) }) ||
			slices.ContainsFunc(members, func(m Member) bool { return scope.holds(m.Scope) }) {
			return directory.NotConfigured()
		}
		return nil
	})
}

// holds tells whether another scope is this one or below it.
func (s Scope) holds(other Scope) bool {
	return s.Tenant == other.Tenant && (s.Organisation == "" || s.Organisation == other.Organisation) &&
		(s.Vpc == "" || s.Vpc == other.Vpc)
}
