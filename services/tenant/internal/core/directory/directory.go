// Package directory holds the values of the user directory: people, seats in groups, and accounts of programs.
package directory

import "github.com/low-layer/platform/libs/errs"

// ReasonUnavailable is the reason of every error of a directory that is away.
const ReasonUnavailable = "DIRECTORY_UNAVAILABLE"

// Person is a user.
type Person struct {
	// ID is the subject of its tokens.
	ID, Email, Name string
	// Verified is true once the person has proved the address, by following a mail.
	Verified bool
}

// Seat is the membership of a person or program in a group.
type Seat struct {
	Person
	// Group is the path of the group, without a leading slash: tenants/acme/owner.
	Group string
	// Program is true for the account of a program.
	Program bool
}

// Client is the account of a program.
type Client struct {
	// ID is the id in the directory.
	ID string
	// ClientID is the name that the program logs in with.
	ClientID string
	// Subject is that of its tokens.
	Subject string
	Enabled bool
}

// NotConfigured is the error of an installation without a directory.
func NotConfigured() error {
	return errs.Failed("DIRECTORY_NOT_CONFIGURED", "this installation runs without logins, so it has no members and service accounts; "+
		"its operator gives the tenant service a user directory to have them")
}
