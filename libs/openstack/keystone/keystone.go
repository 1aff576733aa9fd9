// Package keystone has the ports to Keystone: its objects, and the quotas that Nova and Neutron keep for a project.
//
// An implementation promises that a method makes at most the writes its name says and repeats none, that deleting what
// is absent is no error, and that every error is an errs.Error with a CLOUD_ reason. Lists may lag behind writes.
package keystone

import (
	"context"
	"time"
)

// Domain is a Keystone domain.
type Domain struct {
	ID, Name, Description string
	Enabled               bool
}

// Project is a Keystone project.
type Project struct {
	ID, Name, Description, DomainID string
	Enabled                         bool
	Tags                            []string
}

// User is a Keystone user. Password is only ever written.
type User struct {
	ID, Name, Description, DomainID string
	Password                        string
	Enabled                         bool
}

// Credential is an application credential. Secret is only ever written.
type Credential struct {
	ID, Name, Description string
	Secret                string
	Roles                 []string
	ExpireTime            time.Time
}

// Owner is the user an application credential acts for, with what it takes to make one: nobody can do that for another.
type Owner struct {
	UserID, Password, ProjectID string
}

// ComputeQuota are the limits Nova keeps for a project.
type ComputeQuota struct{ Cores, RAMMiB, Instances int }

// NetworkQuota are the limits Neutron keeps for a project.
type NetworkQuota struct{ Networks, Subnets, Routers, Ports, SecurityGroups, SecurityGroupRules int }

// Domains are Keystone's domains.
type Domains interface {
	CreateDomain(ctx context.Context, d Domain) (Domain, error)
	// UpdateDomain writes name, description and whether it is enabled.
	UpdateDomain(ctx context.Context, d Domain) (Domain, error)
	// DeleteDomain disables a domain and removes it with all that is in it.
	DeleteDomain(ctx context.Context, id string) error
	Domain(ctx context.Context, id string) (Domain, error)
	// ListDomains returns those of a name, or all when name is empty.
	ListDomains(ctx context.Context, name string) ([]Domain, error)
}

// Projects are Keystone's projects and what Nova and Neutron keep for them.
type Projects interface {
	CreateProject(ctx context.Context, p Project) (Project, error)
	// UpdateProject writes name, description and whether it is enabled.
	UpdateProject(ctx context.Context, p Project) (Project, error)
	DeleteProject(ctx context.Context, id string) error
	Project(ctx context.Context, id string) (Project, error)
	// ListProjects returns those of a name, or all with a tag.
	ListProjects(ctx context.Context, name, tag string) ([]Project, error)
	SetComputeQuota(ctx context.Context, projectID string, q ComputeQuota) error
	SetNetworkQuota(ctx context.Context, projectID string, q NetworkQuota) error
	// ClearProject removes what Nova and Neutron keep for a project by themselves: its quotas and its default security group.
	ClearProject(ctx context.Context, projectID string) error
}

// Users are Keystone's users, their roles and application credentials.
type Users interface {
	CreateUser(ctx context.Context, u User) (User, error)
	// UpdateUser writes name, description, whether it is enabled, and the password when there is one.
	UpdateUser(ctx context.Context, u User) (User, error)
	DeleteUser(ctx context.Context, id string) error
	User(ctx context.Context, id string) (User, error)
	// ListUsers returns those whose name has the prefix.
	ListUsers(ctx context.Context, prefix string) ([]User, error)
	// GrantRole gives a user a role, by its name, on a project. Giving it again is no error.
	GrantRole(ctx context.Context, projectID, userID, role string) error
}

// Credentials are the application credentials of a user.
type Credentials interface {
	// CreateCredential makes one as its owner.
	CreateCredential(ctx context.Context, o Owner, c Credential) (Credential, error)
	DeleteCredential(ctx context.Context, userID, id string) error
	ListCredentials(ctx context.Context, userID string) ([]Credential, error)
	// TryCredential logs in with a credential.
	TryCredential(ctx context.Context, id, secret string) error
}

// Access is the platform's own role in a project: Nova and Cinder make an object in the project of the token.
type Access interface {
	// Enter gives the platform's user a role, by its name, on a project. Giving it again is no error.
	Enter(ctx context.Context, projectID, role string) error
	// Leave takes the role back. Taking back what is gone is no error.
	Leave(ctx context.Context, projectID, role string) error
	// Inside reports whether the platform's user has the role.
	Inside(ctx context.Context, projectID, role string) (bool, error)
}

// Cloud is all of it.
type Cloud interface {
	Domains
	Projects
	Users
	Credentials
}
