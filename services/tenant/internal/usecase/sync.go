package usecase

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
)

// unfinished is how long a begun service account may stay before Sync removes what there is of it.
const unfinished = 10 * time.Minute

// waiting bounds the deleted VPCs whose roles Follow has still to end.
const waiting = 256

// Sync makes our records agree with the directory, disables expired service accounts and records last uses.
type Sync struct {
	staff
	gone chan member.Scope // VPCs that are deleted

	mu   sync.Mutex
	read time.Time // logins before it are recorded
}

// NewSync makes the passes.
func NewSync(cfg StaffConfig) *Sync {
	return &Sync{staff: newStaff(cfg), gone: make(chan member.Scope, waiting)}
}

// Handlers note deleted VPCs for Follow.
func (s *Sync) Handlers() map[string]event.Handler {
	return map[string]event.Handler{"vpc.deleted": func(_ context.Context, _ pgx.Tx, e *eventv1.Event) error {
		scope, err := member.ParseScope(e.GetSubject())
		if err != nil || scope.Vpc == "" {
			return nil //nolint:nilerr // not the name of a VPC: no roles are there
		}
		select {
		case s.gone <- scope:
		default: // Pass ends the roles
		}
		return nil
	}}
}

// Follow ends the roles at each deleted VPC at once, until ctx ends. Pass repeats a failure.
func (s *Sync) Follow(ctx context.Context, failed func(context.Context, member.Scope, error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case scope := <-s.gone:
			if err := s.endAt(ctx, scope); err != nil && ctx.Err() == nil {
				failed(ctx, scope, err)
			}
		}
	}
}

// endAt ends the roles at a VPC that is gone. The deletion of an organisation or a tenant ends the roles below by itself.
func (s *Sync) endAt(ctx context.Context, scope member.Scope) error {
	if s.Directory == nil {
		return nil
	}
	at, err := absent(s.places.known(ctx, scope))
	if err != nil || at.TenantUID == "" {
		return err
	}
	return s.Rows.Exclusive(ctx, at.TenantUID, func(ctx context.Context) error {
		vpcs, err := s.places.present(ctx, scope)
		if err != nil {
			return err
		}
		_, err = s.follow(ctx, scope, place{at.TenantUID, vpcs[scope.Vpc]})
		return err
	})
}

// Expire disables expired accounts, removes unfinished ones and records last uses. It returns how many accounts changed.
func (s *Sync) Expire(ctx context.Context) (int, error) {
	if s.Directory == nil {
		return 0, nil
	}
	now := s.Clock.Now()
	n := 0
	each := func(accounts []member.Account, err error, do func(context.Context, member.Account) error) error {
		for _, a := range accounts {
			failed := s.Rows.Exclusive(ctx, a.TenantUID, func(ctx context.Context) error { return do(ctx, a) })
			if failed == nil {
				n++
			}
			err = errors.Join(err, failed)
		}
		return err
	}
	ended, err := s.Rows.Ended(ctx, now)
	err = each(ended, err, s.disable)
	begun, failed := s.Rows.Unfinished(ctx, now.Add(-unfinished))
	return n, errors.Join(err, each(begun, failed, s.clear), s.recordUse(ctx))
}

// disable looks again under the lock: the account may have been rotated or deleted meanwhile.
func (s *Sync) disable(ctx context.Context, found member.Account) error {
	a, err := absent(s.Rows.Account(ctx, member.Key{Scope: found.Scope, ID: found.ID}))
	if err != nil || a.UID == "" || a.ExpireTime.After(s.Clock.Now()) {
		return err
	}
	if err := s.Directory.EnableClient(ctx, a.External, false); err != nil && errs.CodeOf(err) != errs.CodeNotFound {
		return err
	}
	a.Expired, a.UpdateTime = true, s.Clock.Now()
	a.Revision++
	return s.Changes.Record(ctx, resource.Identity{}, a.Scope.Tenant, func(ctx context.Context, tx *accept.Tx) error {
		return s.Rows.FinishAccount(ctx, tx, a)
	})
}

// clear looks again under the lock: a call may have finished the account meanwhile.
func (s *Sync) clear(ctx context.Context, found member.Account) error {
	all, err := s.Rows.Accounts(ctx, found.TenantUID)
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.UID == found.UID && a.External == "" {
			return s.drop(ctx, a)
		}
	}
	return nil
}

// recordUse reads the logins since those it read before.
func (s *Sync) recordUse(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read.IsZero() {
		var err error
		if s.read, err = s.Rows.LastUse(ctx); err != nil {
			return err
		}
	}
	used, err := s.Directory.ClientLogins(ctx, s.read)
	if err != nil || len(used) == 0 {
		return err
	}
	if err := s.Rows.Used(ctx, used); err != nil {
		return err
	}
	for _, at := range used {
		if at.After(s.read) {
			s.read = at
		}
	}
	return nil
}

// Pass mirrors the directory for every tenant. It returns how many records changed.
func (s *Sync) Pass(ctx context.Context) (int, error) {
	if s.Directory == nil {
		return 0, nil
	}
	tenants, err := s.Rows.Tenants(ctx)
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

func (s *Sync) tenant(ctx context.Context, id, uid string) (n int, err error) {
	err = s.Rows.Exclusive(ctx, uid, func(ctx context.Context) error {
		seats, err := s.Directory.Seats(ctx, member.Scope{Tenant: id}.Name())
		if err != nil {
			return err
		}
		ended, err := s.endOrphans(ctx, uid, seats)
		if err != nil {
			return err
		}
		have, err := s.Rows.Members(ctx, uid)
		if err != nil {
			return err
		}
		d := member.Mirror(uid, have, member.Without(seats, ended), s.Clock.Now())
		n = d.Len()
		return s.mirror(ctx, id, d)
	})
	return n, err
}

// endOrphans ends the roles at VPCs that are gone, also where another VPC has the id now. Nothing ends while the network
// service is away or does not know the organisation.
func (s *Sync) endOrphans(ctx context.Context, tenantUID string, seats []directory.Seat) ([]member.Scope, error) {
	accounts, err := s.Rows.Accounts(ctx, tenantUID)
	if err != nil {
		return nil, err
	}
	present := map[string]map[string]string{}
	var ended []member.Scope
	for _, scope := range member.VpcScopes(seats, accounts) {
		vpcs, asked := present[scope.Organisation]
		if !asked {
			if vpcs, err = s.places.present(ctx, scope); err != nil {
				vpcs = nil
			}
			present[scope.Organisation] = vpcs
		}
		if vpcs == nil {
			continue
		}
		gone, err := s.follow(ctx, scope, place{tenantUID, vpcs[scope.Vpc]})
		if err != nil {
			return nil, err
		}
		if gone {
			ended = append(ended, scope)
		}
	}
	return ended, nil
}

// Remove ends everything of a scope and may be repeated. Without a directory it refuses where roles exist: a later resource
// of the same id would let their holders in.
func (s *Sync) Remove(ctx context.Context, tenantUID string, scope member.Scope) error {
	return s.Rows.Exclusive(ctx, tenantUID, func(ctx context.Context) error {
		if s.Directory != nil {
			return s.end(ctx, scope, tenantUID)
		}
		accounts, err := s.Rows.Accounts(ctx, tenantUID)
		if err != nil {
			return err
		}
		members, err := s.Rows.Members(ctx, tenantUID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(accounts, func(a member.Account) bool { return scope.Holds(a.Scope) }) ||
			slices.ContainsFunc(members, func(m member.Member) bool { return scope.Holds(m.Scope) }) {
			return directory.NotConfigured()
		}
		return nil
	})
}
