package usecase

import (
	"context"
	"time"

	"github.com/low-layer/platform/services/tenant/internal/core/directory"
)

// Directory is the user directory: people, groups that are roles at a place, and accounts of programs. An installation without
// logins has a nil Directory.
//
// A repeated call does its work once and returns the same. An absent object is errs.CodeNotFound. While the directory is away every
// call fails with errs.Unavailable, DIRECTORY_UNAVAILABLE.
type Directory interface {
	// PersonByEmail finds a person, whatever the case of the letters.
	PersonByEmail(ctx context.Context, email string) (directory.Person, error)
	// CreatePerson makes a person who cannot log in yet. When another call made the person meanwhile, it returns that one, and fresh is
	// false.
	CreatePerson(ctx context.Context, p directory.Person) (made directory.Person, fresh bool, err error)
	// Abandoned reports whether a person was made some minutes ago and has nothing to log in with: the call that made them ended before
	// the invitation, so nobody knows a password of theirs.
	Abandoned(ctx context.Context, id string) (bool, error)
	// Invite lets a new person log in: by mail, or with the returned password, which must be changed at the first login.
	Invite(ctx context.Context, id string) (password string, err error)
	// DeletePerson deletes an account; an absent one is no error.
	DeletePerson(ctx context.Context, id string) error

	// Join puts somebody into a group, and makes the group and its parents where they are absent.
	Join(ctx context.Context, id, group string) error
	// Leave takes somebody out of a group; absence of either is no error.
	Leave(ctx context.Context, id, group string) error
	// Seats lists the members of a group and of every group below.
	Seats(ctx context.Context, group string) ([]directory.Seat, error)
	// RemoveGroup removes a group and every group below; an absent one is no error.
	RemoveGroup(ctx context.Context, group string) error

	// EnsureClient makes the account of a program, or returns the one of the client id.
	EnsureClient(ctx context.Context, clientID, name string) (directory.Client, error)
	// RenewSecret gives a client a new secret; the old one ends.
	RenewSecret(ctx context.Context, id string) (secret string, err error)
	// EnableClient lets a client log in, or not.
	EnableClient(ctx context.Context, id string, enabled bool) error
	// DeleteClient deletes a client and its account; an absent one is no error.
	DeleteClient(ctx context.Context, id string) error
	// ClientLogins returns the last login of each client that logged in since a time.
	ClientLogins(ctx context.Context, since time.Time) (map[string]time.Time, error)
}
