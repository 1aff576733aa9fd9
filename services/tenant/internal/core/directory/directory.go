// Package directory is the port to the user directory: people, groups that are roles at a place, and accounts of programs.
//
// An installation without one has a nil Directory.
//
// It promises of every implementation: what is asked for twice is done once and answered alike; what is not there is
// errs.CodeNotFound; while the directory cannot be reached every call fails with errs.Unavailable, DIRECTORY_UNAVAILABLE.
package directory

import (
	"context"
	"time"

	"github.com/low-layer/platform/libs/errs"
)

// ReasonUnavailable is the reason of every error of a directory that is away.
const ReasonUnavailable = "DIRECTORY_UNAVAILABLE"

// Person is a user.
type Person struct {
	// ID is the subject of its tokens.
	ID, Email, Name string
	// Verified is true when the directory knows that the address is theirs. One that is made here is not, until they follow a mail.
	Verified bool
}

// Seat is somebody's place in a group.
type Seat struct {
	Person
	// Group is the path of the group, without a leading slash: tenants/acme/owner.
	Group string
	// Program is true for the account of a program.
	Program bool
}

// Client is the account of a program: what it logs in with, and as whom.
type Client struct {
	// ID is the directory's own.
	ID string
	// ClientID is what the program calls itself.
	ClientID string
	// Subject is that of its tokens.
	Subject string
	Enabled bool
}

// Directory is the user directory.
type Directory interface {
	// PersonByEmail finds a person, whatever the case of the letters.
	PersonByEmail(ctx context.Context, email string) (Person, error)
	// CreatePerson makes a person who cannot log in yet. One that another call made meanwhile is answered instead, and made is false.
	CreatePerson(ctx context.Context, p Person) (made Person, fresh bool, err error)
	// Abandoned is true for a person who was made minutes ago or before and has nothing to log in with: a call that made them
	// died before it invited them, so nobody knows a password of theirs.
	Abandoned(ctx context.Context, id string) (bool, error)
	// Invite lets a new person log in: by mail when the installation sends any, and then the password is empty, else with a
	// password to be changed at the first login.
	Invite(ctx context.Context, id string) (password string, err error)
	// DeletePerson ends an account; an absent one is no error.
	DeletePerson(ctx context.Context, id string) error

	// Join puts somebody into a group, which is made with those above it when it is not there.
	Join(ctx context.Context, id, group string) error
	// Leave takes somebody out of a group; it is no error when they or it are not there.
	Leave(ctx context.Context, id, group string) error
	// Seats answers who is in a group and in every group below.
	Seats(ctx context.Context, group string) ([]Seat, error)
	// RemoveGroup ends a group with everything below it; an absent one is no error.
	RemoveGroup(ctx context.Context, group string) error

	// EnsureClient makes the account of a program, or answers the one of the client id.
	EnsureClient(ctx context.Context, clientID, name string) (Client, error)
	// RenewSecret gives a client a new secret; the one before is of no use from then on.
	RenewSecret(ctx context.Context, id string) (secret string, err error)
	// EnableClient lets a client log in, or not.
	EnableClient(ctx context.Context, id string, enabled bool) error
	// DeleteClient ends a client and its account; an absent one is no error.
	DeleteClient(ctx context.Context, id string) error
	// ClientLogins answers when which client logged in last, since a time.
	ClientLogins(ctx context.Context, since time.Time) (map[string]time.Time, error)
}

// NotConfigured is the error of an installation without a directory.
func NotConfigured() error {
	return errs.Failed("DIRECTORY_NOT_CONFIGURED", "this installation runs without logins, so it has no members and service accounts; "+
		"its operator gives the tenant service a user directory to have them")
}
