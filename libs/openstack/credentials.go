package openstack

import (
	"crypto/sha256"
	"fmt"
	"log/slog"

	"github.com/gophercloud/gophercloud/v2"
)

// Credentials are either an application credential, or a user with a password; a user is named by id, or by name and
// domain. Without a user only the scope changes.
//
// The scope of a user is a project, a domain or the system; an application credential has the scope of its project.
type Credentials struct {
	ApplicationCredentialID     string
	ApplicationCredentialSecret string

	UserID       string
	Username     string
	UserDomainID string
	Password     string

	ProjectID string
	DomainID  string
	System    bool
}

// String hides the secrets, whatever the verb.
func (c Credentials) String() string {
	return fmt.Sprintf("credentials of user %q, application credential %q, for project %q, domain %q",
		c.UserID+c.Username, c.ApplicationCredentialID, c.ProjectID, c.DomainID)
}

// GoString hides the secrets from %#v.
func (c Credentials) GoString() string { return c.String() }

// LogValue hides the secrets from slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c Credentials) options(parent gophercloud.AuthOptions) gophercloud.AuthOptions {
	auth := gophercloud.AuthOptions{IdentityEndpoint: parent.IdentityEndpoint}
	if c.ApplicationCredentialID != "" {
		auth.ApplicationCredentialID = c.ApplicationCredentialID
		auth.ApplicationCredentialSecret = c.ApplicationCredentialSecret
		return auth
	}
	switch {
	case c.UserID != "":
		auth.UserID, auth.Password = c.UserID, c.Password
	case c.Username != "":
		auth.Username, auth.DomainID, auth.Password = c.Username, c.UserDomainID, c.Password
	default:
		auth = parent
		auth.TenantID, auth.TenantName = "", ""
	}
	auth.Scope = &gophercloud.AuthScope{ProjectID: c.ProjectID, System: c.System}
	if c.ProjectID == "" {
		auth.Scope.DomainID = c.DomainID
	}
	return auth
}

// fingerprint identifies a session without a second copy of the secret.
func fingerprint(auth gophercloud.AuthOptions) [32]byte {
	scope := gophercloud.AuthScope{}
	if auth.Scope != nil {
		scope = *auth.Scope
	}
	auth.Scope = nil
	return sha256.Sum256(fmt.Appendf(nil, "%#v|%#v", auth, scope))
}
