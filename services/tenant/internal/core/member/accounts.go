package member

import (
	"context"
	"regexp"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
)

const (
	defaultLifetime = 90 * 24 * time.Hour
	minLifetime     = time.Hour
	maxLifetime     = 400 * 24 * time.Hour
)

var accountID = regexp.MustCompile(`^[a-z][a-z0-9-]{0,38}[a-z0-9]$`)

// Accounts is what may be done to the accounts of programs.
type Accounts struct {
	store     Store
	places    Places
	directory directory.Directory
	clock     clock.Clock
	owns      Owns
}

// NewAccounts makes the use cases.
func NewAccounts(store Store, places Places, d directory.Directory, c clock.Clock, owns Owns) *Accounts {
	return &Accounts{store: store, places: places, directory: d, clock: c, owns: owns}
}

// Get answers one account.
func (s *Accounts) Get(ctx context.Context, k Key) (Account, error) {
	if err := configured(s.directory); err != nil {
		return Account{}, err
	}
	return s.store.Account(ctx, k)
}

// List answers a page of the accounts of a scope.
func (s *Accounts) List(ctx context.Context, q List) (Page[Account], error) {
	if err := configured(s.directory); err != nil {
		return Page[Account]{}, err
	}
	if _, err := s.places.Known(ctx, q.Scope); err != nil {
		return Page[Account]{}, err
	}
	return s.store.ListAccounts(ctx, q)
}

// CreateAccount asks for an account.
type CreateAccount struct {
	Key         Key
	DisplayName string
	Roles       []Role
	// Lifetime of the secret; zero takes the default.
	Lifetime time.Duration
	Request  Request
}

// Validate notes everything wrong with the input.
func (in CreateAccount) Validate() error {
	var bad errs.Fields
	if !accountID.MatchString(in.Key.ID) {
		bad.Add("service_account_id", "is %q; use 2 to 40 lower-case letters, digits and dashes, starting with a letter", in.Key.ID)
	}
	checkRoles("service_account.roles", in.Roles, &bad)
	checkLifetime(in.Lifetime, &bad)
	return bad.Err()
}

func checkLifetime(d time.Duration, bad *errs.Fields) {
	if d != 0 && (d < minLifetime || d > maxLifetime) {
		bad.Add("lifetime", "is %s; give one from an hour to 400 days", d)
	}
}

func (s *Accounts) end(lifetime time.Duration) time.Time {
	if lifetime == 0 {
		lifetime = defaultLifetime
	}
	return s.clock.Now().Add(lifetime)
}

// Create makes an account. What is wanted is committed before the directory hears of it, so that a crash leaves no client
// that nobody knows.
func (s *Accounts) Create(ctx context.Context, in CreateAccount) (Account, error) {
	if err := in.Validate(); err != nil {
		return Account{}, err
	}
	if err := s.owns.check(ctx, in.Key.Scope, in.Roles); err != nil {
		return Account{}, err
	}
	if err := configured(s.directory); err != nil {
		return Account{}, err
	}
	place, err := s.places.Open(ctx, in.Key.Scope)
	if err != nil {
		return Account{}, err
	}
	now := s.clock.Now()
	uid := ids.New("sac")
	want := Account{
		UID: uid, TenantUID: place.TenantUID, Scope: in.Key.Scope, ID: in.Key.ID, DisplayName: in.DisplayName, Roles: sorted(in.Roles),
		ClientID: "ll-" + uid, ExpireTime: s.end(in.Lifetime), Revision: 1, CreateTime: now, UpdateTime: now,
	}
	return s.change(ctx, s.places.Open, in.Key, in.Request, func(ctx context.Context, tx Tx) (Account, error) {
		if in.Request.ValidateOnly {
			return s.foretold(ctx, tx, want)
		}
		a, err := s.store.BeginAccount(ctx, want)
		if err != nil {
			return Account{}, err
		}
		want.UID, want.ClientID = a.UID, a.ClientID
		c, err := s.directory.EnsureClient(ctx, want.ClientID, want.Name())
		if err != nil {
			return Account{}, err
		}
		want.External, want.Subject = c.ID, c.Subject
		if err := settle(ctx, s.directory, want.Scope, want.Subject, want.Roles); err != nil {
			return Account{}, err
		}
		if want.Secret, err = s.directory.RenewSecret(ctx, c.ID); err != nil {
			return Account{}, err
		}
		return want, tx.FinishAccount(ctx, want)
	})
}

// AccountExists is the error of an account whose id is taken.
func AccountExists(name string) error {
	return errs.New(errs.AlreadyExists, "SERVICE_ACCOUNT_EXISTS", "service account %q exists already; choose another id, or rotate its secret", name).
		With("resource", name)
}

// foretold is the account that would be made, without what comes into being with it.
func (s *Accounts) foretold(ctx context.Context, tx Tx, want Account) (Account, error) {
	switch a, err := tx.Account(ctx, Key{want.Scope, want.ID}); {
	case err == nil && a.External != "": // else one that was begun and never finished, which a call would finish
		return Account{}, AccountExists(want.Name())
	case err == nil:
	case errs.CodeOf(err) != errs.CodeNotFound:
		return Account{}, err
	}
	want.UID, want.ClientID = "", ""
	return want, nil
}

// Rotate asks for a new secret.
type Rotate struct {
	Key      Key
	Etag     string
	Lifetime time.Duration
	Request  Request
}

// Rotate gives an account a new secret and lets it log in again, should it have ended.
func (s *Accounts) Rotate(ctx context.Context, in Rotate) (Account, error) {
	var bad errs.Fields
	checkLifetime(in.Lifetime, &bad)
	if err := bad.Err(); err != nil {
		return Account{}, err
	}
	return s.change(ctx, s.places.Open, in.Key, in.Request, func(ctx context.Context, tx Tx) (Account, error) {
		a, err := s.locked(ctx, tx, in.Key, in.Etag)
		if err != nil {
			return Account{}, err
		}
		a.Expired, a.ExpireTime, a.UpdateTime = false, s.end(in.Lifetime), s.clock.Now()
		a.Revision++
		if in.Request.ValidateOnly {
			return a, nil
		}
		if a.Secret, err = s.directory.RenewSecret(ctx, a.External); err != nil {
			return Account{}, err
		}
		if err := s.directory.EnableClient(ctx, a.External, true); err != nil {
			return Account{}, err
		}
		return a, tx.FinishAccount(ctx, a)
	})
}

// Delete ends an account.
func (s *Accounts) Delete(ctx context.Context, in Delete) error {
	_, err := s.change(ctx, s.places.Known, in.Key, in.Request, func(ctx context.Context, tx Tx) (Account, error) {
		a, err := s.locked(ctx, tx, in.Key, in.Etag)
		if err != nil || in.Request.ValidateOnly {
			return a, err
		}
		if err := s.directory.DeleteClient(ctx, a.External); err != nil {
			return Account{}, err
		}
		return a, tx.DeleteAccount(ctx, a.UID)
	})
	return err
}

func (s *Accounts) locked(ctx context.Context, tx Tx, k Key, tag string) (Account, error) {
	a, err := tx.Account(ctx, k)
	if err != nil {
		return Account{}, err
	}
	if err := s.owns.check(ctx, k.Scope, a.Roles); err != nil {
		return Account{}, err
	}
	return a, etag.Check(a.Name(), tag, a.Etag())
}

func (s *Accounts) change(ctx context.Context, look look, k Key, r Request, do func(context.Context, Tx) (Account, error)) (Account, error) {
	var a Account
	err := guarded(ctx, s.store, look, s.directory, k.Scope, r,
		func(ctx context.Context, tx Tx, name string) error {
			again, err := ParseKey(name, "serviceAccounts")
			if err != nil {
				return err
			}
			a, err = tx.Account(ctx, again)
			if errs.CodeOf(err) == errs.CodeNotFound { // the repeated call deleted it, or a later one did
				err = nil
			}
			return err
		},
		func(ctx context.Context, tx Tx, _ Place) (string, error) {
			var err error
			a, err = do(ctx, tx)
			return a.Name(), err
		})
	if err != nil {
		return Account{}, err
	}
	return a, nil
}
