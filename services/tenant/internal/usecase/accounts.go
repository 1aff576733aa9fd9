package usecase

import (
	"context"
	"slices"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
)

// Accounts changes and reads service accounts.
type Accounts struct{ staff }

// NewAccounts makes the use cases.
func NewAccounts(cfg StaffConfig) *Accounts { return &Accounts{newStaff(cfg)} }

// Get reads one account.
func (s *Accounts) Get(ctx context.Context, k member.Key) (member.Account, error) {
	if err := s.configured(); err != nil {
		return member.Account{}, err
	}
	return s.Rows.Account(ctx, k)
}

// List reads a page of the accounts of a scope.
func (s *Accounts) List(ctx context.Context, scope member.Scope, q resource.List) (resource.Page[member.Account], error) {
	if err := s.readable(ctx, scope); err != nil {
		return resource.Page[member.Account]{}, err
	}
	return s.Rows.ListAccounts(ctx, scope, q)
}

func (s *Accounts) change(
	ctx context.Context, look look, k member.Key, id resource.Identity, a *member.Account,
	script func(context.Context, place) (outcome, error),
) (member.Account, error) {
	err := s.staff.change(ctx, look, k.Scope, id, func(ctx context.Context, name string) error {
		k, err := member.ParseKey(name, "serviceAccounts")
		if err != nil {
			return err
		}
		*a, err = absent(s.Rows.Account(ctx, k))
		return err
	}, script)
	if err != nil {
		return member.Account{}, err
	}
	return *a, nil
}

func (s *Accounts) write(a member.Account, before *member.Account) func(context.Context, *accept.Tx) (string, error) {
	return func(ctx context.Context, tx *accept.Tx) (string, error) {
		if before != nil {
			tx.Before(a.Name(), s.Account(*before))
		}
		tx.After(a.Name(), s.Account(a))
		return a.Name(), s.Rows.FinishAccount(ctx, tx, a)
	}
}

// Create makes an account. Its intent is committed before the directory makes the client, so every client is known.
func (s *Accounts) Create(ctx context.Context, in member.CreateAccount) (member.Account, error) {
	if err := in.Validate(); err != nil {
		return member.Account{}, err
	}
	if err := member.OwnerRequired(owns(ctx, in.Key.Scope), in.Key.Scope, in.Roles); err != nil {
		return member.Account{}, err
	}
	var a member.Account
	return s.change(ctx, s.places.open, in.Key, in.Request, &a, func(ctx context.Context, at place) (outcome, error) {
		now := s.Clock.Now()
		a = member.Account{
			TenantUID: at.TenantUID, Scope: in.Key.Scope, ID: in.Key.ID, DisplayName: in.DisplayName, Roles: member.Sorted(in.Roles),
			ExpireTime: member.Expiry(now, in.Lifetime), Revision: 1, CreateTime: now, UpdateTime: now,
		}
		if err := s.room(ctx, at, in.Key); err != nil {
			return outcome{}, err
		}
		if in.Request.ValidateOnly {
			_, err := s.Rows.Account(ctx, in.Key) // an account that was begun and never finished is NOT_FOUND, and a call finishes it
			switch {
			case err == nil:
				err = member.AccountExists(a.Name())
			case errs.CodeOf(err) == errs.CodeNotFound:
				err = nil
			}
			return outcome{}, err
		}
		a.UID = ids.New("sac")
		a.ClientID = "ll-" + a.UID
		begun, err := s.Rows.BeginAccount(ctx, a)
		if err != nil {
			return outcome{}, err
		}
		a.UID, a.ClientID = begun.UID, begun.ClientID
		c, err := s.Directory.EnsureClient(ctx, a.ClientID, a.Name())
		if err != nil {
			return outcome{}, err
		}
		a.External, a.Subject = c.ID, c.Subject
		if err := s.settle(ctx, a.Scope, a.Subject, a.Roles); err != nil {
			return outcome{}, err
		}
		a.Secret, err = s.Directory.RenewSecret(ctx, c.ID)
		return outcome{write: s.write(a, nil)}, err
	})
}

// room refuses one more account than the tenant may have. An account that is there is no new one.
func (s *Accounts) room(ctx context.Context, at place, k member.Key) error {
	accounts, err := s.Rows.Accounts(ctx, at.TenantUID)
	if err != nil || slices.ContainsFunc(accounts, func(a member.Account) bool { return a.Scope == k.Scope && a.ID == k.ID }) {
		return err
	}
	return member.Room(k.Tenant, "service accounts", len(accounts), s.MaxAccounts, "LOWLAYER_TENANT_QUOTA_SERVICE_ACCOUNTS")
}

// Rotate gives an account a new secret and lets it log in again, also when it had expired.
func (s *Accounts) Rotate(ctx context.Context, in member.Rotate) (member.Account, error) {
	if err := in.Validate(); err != nil {
		return member.Account{}, err
	}
	var a member.Account
	return s.change(ctx, s.places.open, in.Key, in.Request, &a, func(ctx context.Context, _ place) (outcome, error) {
		before, err := s.changeable(ctx, in.Key, in.Etag)
		if err != nil {
			return outcome{}, err
		}
		now := s.Clock.Now()
		a = before
		a.Expired, a.ExpireTime, a.UpdateTime = false, member.Expiry(now, in.Lifetime), now
		a.Revision++
		if in.Request.ValidateOnly {
			return outcome{}, nil
		}
		if a.Secret, err = s.Directory.RenewSecret(ctx, a.External); err != nil {
			return outcome{}, err
		}
		return outcome{write: s.write(a, &before)}, s.Directory.EnableClient(ctx, a.External, true)
	})
}

func (s *Accounts) changeable(ctx context.Context, k member.Key, tag string) (member.Account, error) {
	a, err := s.Rows.Account(ctx, k)
	if err != nil {
		return a, err
	}
	return a, a.Changeable(tag, owns(ctx, k.Scope))
}

// Delete removes an account and its client.
func (s *Accounts) Delete(ctx context.Context, in member.Delete) error {
	var a member.Account
	_, err := s.change(ctx, s.places.known, in.Key, in.Request, &a, func(ctx context.Context, _ place) (_ outcome, err error) {
		if a, err = s.changeable(ctx, in.Key, in.Etag); err != nil || in.Request.ValidateOnly {
			return outcome{}, err
		}
		return outcome{write: func(ctx context.Context, tx *accept.Tx) (string, error) {
			tx.Before(a.Name(), s.Account(a))
			tx.After(a.Name(), nil)
			return a.Name(), s.Rows.DeleteAccount(ctx, tx, a.UID)
		}}, s.Directory.DeleteClient(ctx, a.External)
	})
	return err
}
