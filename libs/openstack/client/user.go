package client

import (
	"context"
	"fmt"
	"net/url"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/roles"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/users"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/keystone"
)

// CreateUser makes a user.
func (c *Keystone) CreateUser(ctx context.Context, u keystone.User) (keystone.User, error) {
	return ask(ctx, c.client.Identity, "create user "+u.Name, func(client *gophercloud.ServiceClient) (*users.User, error) {
		return users.Create(ctx, client, users.CreateOpts{
			Name: u.Name, Description: u.Description, DomainID: u.DomainID, Password: u.Password, Enabled: &u.Enabled,
			// A service user's password must not have to be changed by somebody who logs in.
			Options: map[users.Option]any{users.IgnoreChangePasswordUponFirstUse: true, users.IgnorePasswordExpiry: true},
		}).Extract()
	}, user)
}

// UpdateUser writes name, description, whether it is enabled, and the password when there is one.
func (c *Keystone) UpdateUser(ctx context.Context, u keystone.User) (keystone.User, error) {
	return ask(ctx, c.client.Identity, "update user "+u.Name, func(client *gophercloud.ServiceClient) (*users.User, error) {
		return users.Update(ctx, client, u.ID, users.UpdateOpts{
			Name: u.Name, Description: &u.Description, Enabled: &u.Enabled, Password: u.Password,
		}).Extract()
	}, user)
}

// DeleteUser removes a user with its application credentials.
func (c *Keystone) DeleteUser(ctx context.Context, id string) error {
	return absent(c.identity(ctx, "delete user", func(client *gophercloud.ServiceClient) error {
		return users.Delete(ctx, client, id).ExtractErr()
	}))
}

// User returns one user.
func (c *Keystone) User(ctx context.Context, id string) (keystone.User, error) {
	return ask(ctx, c.client.Identity, "read user", func(client *gophercloud.ServiceClient) (*users.User, error) {
		return users.Get(ctx, client, id).Extract()
	}, user)
}

// ListUsers returns the users whose name has the prefix.
func (c *Keystone) ListUsers(ctx context.Context, prefix string) ([]keystone.User, error) {
	return lists(ctx, c, "list users", "users", url.Values{"name__startswith": {prefix}}, user)
}

// GrantRole gives a user a role on a project.
func (c *Keystone) GrantRole(ctx context.Context, projectID, userID, role string) error {
	return c.identity(ctx, "grant role "+role, func(client *gophercloud.ServiceClient) error {
		id, err := roleID(ctx, client, role)
		if err != nil {
			return err
		}
		if err := roles.Assign(ctx, client, id, roles.AssignOpts{UserID: userID, ProjectID: projectID}).ExtractErr(); err != nil {
			return fmt.Errorf("assign: %w", err)
		}
		return nil
	})
}

func roleID(ctx context.Context, client *gophercloud.ServiceClient, role string) (string, error) {
	pages, err := roles.List(client, roles.ListOpts{Name: role}).AllPages(ctx)
	if err != nil {
		return "", err
	}
	found, err := roles.ExtractRoles(pages)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", errs.Failed("CLOUD_ROLE_MISSING", "the cloud has no role %q; the operator must create it, or name another one", role)
	}
	return found[0].ID, nil
}

// Enter gives the platform's own user a role on a project.
func (c *Keystone) Enter(ctx context.Context, projectID, role string) error {
	who, err := c.client.Whoami(ctx)
	if err != nil {
		return fmt.Errorf("enter project: %w", openstack.Classify(err))
	}
	return c.GrantRole(ctx, projectID, who.UserID, role)
}

// Leave takes the role back.
func (c *Keystone) Leave(ctx context.Context, projectID, role string) error {
	return absent(c.ofOwn(ctx, "leave project", role, func(client *gophercloud.ServiceClient, role, user string) error {
		return roles.Unassign(ctx, client, role, roles.UnassignOpts{UserID: user, ProjectID: projectID}).ExtractErr()
	}))
}

// Inside reports whether the platform's own user has the role.
func (c *Keystone) Inside(ctx context.Context, projectID, role string) (inside bool, err error) {
	err = c.ofOwn(ctx, "read roles in the project", role, func(client *gophercloud.ServiceClient, role, user string) error {
		pages, err := roles.ListAssignments(client, roles.ListAssignmentsOpts{RoleID: role, UserID: user, ScopeProjectID: projectID}).AllPages(ctx)
		if err != nil {
			return err
		}
		found, err := roles.ExtractRoleAssignments(pages)
		inside = len(found) > 0
		return err
	})
	return inside, err
}

// ofOwn runs one call about a role of the platform's own user.
func (c *Keystone) ofOwn(ctx context.Context, what, role string, do func(client *gophercloud.ServiceClient, role, user string) error) error {
	who, err := c.client.Whoami(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, openstack.Classify(err))
	}
	return c.identity(ctx, what, func(client *gophercloud.ServiceClient) error {
		id, err := roleID(ctx, client, role)
		if err != nil {
			return err
		}
		return do(client, id, who.UserID)
	})
}

func user(u *users.User) keystone.User {
	return keystone.User{ID: u.ID, Name: u.Name, Description: u.Description, DomainID: u.DomainID, Enabled: u.Enabled}
}
