// Package usecase holds the transaction scripts of the tenant service, one for each command: lock, decide in core, write by the
// store, accept the operation, publish the event. A transaction calls no other system: commands on tenants and organisations ask
// the network service before or after theirs. Settlements records the ends of operations, in the engine's transaction.
//
// A change of members or service accounts holds the lock of its tenant, so no two changes remove the last two owners. The lock is no transaction: a script
// reads, decides in core, changes the directory, and then writes our records in one transaction. A crash in between leaves
// either groups, which Sync mirrors, or a begun service account, which Sync removes.
package usecase

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

// StaffConfig is what changes of members and service accounts need.
type StaffConfig struct {
	Rows    *store.Members
	Changes *accept.Changes
	Tenancy *store.Store
	VPCs    VPCs
	// Directory is nil in an installation without logins.
	Directory Directory
	Clock     clock.Clock
	// MaxMembers and MaxAccounts bound the members and the service accounts of a tenant, at all levels.
	MaxMembers, MaxAccounts int
	// Member and Account make the messages of audit records.
	Member  func(member.Member) proto.Message
	Account func(member.Account) proto.Message
}

// staff is what the scripts of members, service accounts and Sync share.
type staff struct {
	StaffConfig
	places places
}

func newStaff(cfg StaffConfig) staff { return staff{cfg, places{cfg.Tenancy, cfg.VPCs}} }

func (s *staff) configured() error {
	if s.Directory == nil {
		return directory.NotConfigured()
	}
	return nil
}

func owns(ctx context.Context, scope member.Scope) bool {
	return authz.Holds(ctx, scope.Name(), authz.Owner)
}

// readable refuses a list of a scope that does not exist.
func (s *staff) readable(ctx context.Context, scope member.Scope) error {
	if err := s.configured(); err != nil {
		return err
	}
	_, err := s.places.known(ctx, scope)
	return err
}

// outcome is the end of a script: the write of its one transaction, nil for a plan, and what to undo when that fails.
type outcome struct {
	write func(context.Context, *accept.Tx) (name string, err error)
	undo  func(context.Context) error
}

// change runs a script under the tenant's lock, once per request id. The place is read again under the lock: the deletion of
// a tenant or organisation takes the same lock before it removes the groups.
func (s *staff) change(
	ctx context.Context, look look, scope member.Scope, id resource.Identity,
	replay func(ctx context.Context, name string) error, script func(context.Context, place) (outcome, error),
) error {
	if err := s.configured(); err != nil {
		return err
	}
	at, err := look(ctx, scope)
	if err != nil {
		return err
	}
	return s.Rows.Exclusive(ctx, at.TenantUID, func(ctx context.Context) error {
		earlier, err := s.replayed(ctx, id, scope.Tenant)
		if err != nil {
			return err
		}
		if earlier != "" {
			return replay(ctx, earlier)
		}
		if at, err = look(ctx, scope); err != nil {
			return err
		}
		if scope.Vpc != "" && at.VpcUID != "" && !id.ValidateOnly {
			if _, err := s.follow(ctx, scope, at); err != nil {
				return err
			}
		}
		done, err := script(ctx, at)
		if err != nil || done.write == nil {
			return err
		}
		err = s.Changes.Record(ctx, id, scope.Tenant, func(ctx context.Context, tx *accept.Tx) error {
			name, err := done.write(ctx, tx)
			if err != nil {
				return err
			}
			return tx.Keep(ctx, name)
		})
		if err != nil && done.undo != nil {
			return errors.Join(err, done.undo(context.WithoutCancel(ctx)))
		}
		return err
	})
}

// replayed is the name that an earlier call with the same request id ended with, empty when there was none.
func (s *staff) replayed(ctx context.Context, id resource.Identity, tenant string) (name string, err error) {
	if id.ID == "" {
		return "", nil
	}
	err = s.Changes.Record(ctx, id, tenant, func(ctx context.Context, tx *accept.Tx) (err error) {
		name, err = tx.Replayed(ctx)
		return err
	})
	return name, err
}

// settle makes somebody's groups at a scope those of the roles.
func (s *staff) settle(ctx context.Context, scope member.Scope, subject string, roles []member.Role) error {
	join, leave := scope.Groups(roles)
	for _, g := range join {
		if err := s.Directory.Join(ctx, subject, g); err != nil {
			return err
		}
	}
	for _, g := range leave {
		if err := s.Directory.Leave(ctx, subject, g); err != nil {
			return err
		}
	}
	return nil
}

// follow ends the roles at a VPC's id that are of another VPC, and records the VPC of the roles to come. It reports whether
// roles ended.
func (s *staff) follow(ctx context.Context, scope member.Scope, now place) (bool, error) {
	recorded, err := s.Rows.VpcUID(ctx, scope)
	if err != nil {
		return false, err
	}
	ended := member.Ended(recorded, now.VpcUID)
	if ended {
		if err := s.end(ctx, scope, now.TenantUID); err != nil {
			return false, err
		}
	}
	if recorded == now.VpcUID {
		return ended, nil
	}
	return ended, s.Rows.SetVpcUID(ctx, now.TenantUID, scope, now.VpcUID)
}

// end removes everything of a scope and below: the clients of its accounts, its groups, our records.
func (s *staff) end(ctx context.Context, scope member.Scope, tenantUID string) error {
	accounts, err := s.Rows.Accounts(ctx, tenantUID)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if scope.Holds(a.Scope) {
			if err := s.drop(ctx, a); err != nil {
				return err
			}
		}
	}
	if err := s.Directory.RemoveGroup(ctx, scope.Name()); err != nil {
		return err
	}
	members, err := s.Rows.Members(ctx, tenantUID)
	if err != nil {
		return err
	}
	gone := slices.DeleteFunc(members, func(m member.Member) bool { return !scope.Holds(m.Scope) })
	return s.mirror(ctx, scope.Tenant, member.Delta{Delete: gone})
}

// drop removes a service account. The client of one that was begun and never finished is looked up by its client id.
func (s *staff) drop(ctx context.Context, a member.Account) error {
	if a.External == "" {
		c, err := s.Directory.EnsureClient(ctx, a.ClientID, a.Name())
		if err != nil {
			return err
		}
		a.External = c.ID
	}
	if err := s.Directory.DeleteClient(ctx, a.External); err != nil {
		return err
	}
	return s.Changes.Record(ctx, resource.Identity{}, a.Scope.Tenant, func(ctx context.Context, tx *accept.Tx) error {
		return s.Rows.DeleteAccount(ctx, tx, a.UID)
	})
}

// mirror writes a delta in one transaction.
func (s *staff) mirror(ctx context.Context, tenant string, d member.Delta) error {
	if d.Len() == 0 {
		return nil
	}
	return s.Changes.Record(ctx, resource.Identity{}, tenant, func(ctx context.Context, tx *accept.Tx) error {
		for _, m := range d.Delete {
			if err := s.Rows.DeleteMember(ctx, tx, m.UID); err != nil {
				return err
			}
		}
		for _, m := range d.Put {
			if err := s.Rows.PutMember(ctx, tx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// absent turns NOT_FOUND into the zero value: a repeated call may be about a record that is deleted by now.
func absent[T any](v T, err error) (T, error) {
	if errs.CodeOf(err) == errs.CodeNotFound {
		var none T
		return none, nil
	}
	return v, err
}
