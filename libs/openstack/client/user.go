package client

import (
	"context"
	"fmt"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/roles"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/users"

	"github.com/low-layer/platform/libs/errs"
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
	var out []keystone.User
	err := c.identity(ctx, "list users", func(client *gophercloud.ServiceClient) error {
		pages, err := users.List(client, users.ListOpts{Filters: map[string]string{"name__startswith": prefix}}).AllPages(ctx)
		if err != nil {
			return err
		}
		found, err := users.ExtractUsers(pages)
		for i := range found {
			out = append(out, user(&found[i]))
		}
		return err
	})
	return out, err
}

// GrantRole gives a user a role on a project.
func (c *Keystone) GrantRole(ctx context.Context, projectID, userID, role string) error {
	return c.identity(ctx, "grant role "+role, func(client *gophercloud.ServiceClient) error {
		pages, err := roles.List(client, roles.ListOpts{Name: role}).AllPages(ctx)
		if err != nil {
			return err
		}
		found, err := roles.ExtractRoles(pages)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errs.Failed("CLOUD_ROLE_MISSING", "the cloud has no role %q; the operator must create it, or name another one", role)
		}
		if err := roles.Assign(ctx, client, found[0].ID, roles.AssignOpts{UserID: userID, ProjectID: projectID}).ExtractErr(); err != nil {
			return fmt.Errorf("assign: %w", err)
		}
		return nil
	})
}

func user(u *users.User) keystone.User {
	return keystone.User{ID: u.ID, Name: u.Name, Description: u.Description, DomainID: u.DomainID, Enabled: u.Enabled}
}
