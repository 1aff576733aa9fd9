package client

import (
	"context"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/applicationcredentials"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/keystone"
)

// CreateCredential makes an application credential as its owner.
func (c *Keystone) CreateCredential(ctx context.Context, o keystone.Owner, in keystone.Credential) (keystone.Credential, error) {
	owner := &Keystone{client: c.client.With(openstack.Credentials{UserID: o.UserID, Password: o.Password, ProjectID: o.ProjectID})}
	granted := make([]applicationcredentials.Role, len(in.Roles))
	for i, name := range in.Roles {
		granted[i] = applicationcredentials.Role{Name: name}
	}
	var out keystone.Credential
	err := owner.identity(ctx, "create application credential "+in.Name, func(client *gophercloud.ServiceClient) error {
		made, err := applicationcredentials.Create(ctx, client, o.UserID, applicationcredentials.CreateOpts{
			Name: in.Name, Description: in.Description, Secret: in.Secret, Roles: granted, ExpiresAt: &in.ExpireTime,
		}).Extract()
		out = credential(made)
		return err
	})
	return out, err
}

// DeleteCredential revokes an application credential.
func (c *Keystone) DeleteCredential(ctx context.Context, userID, id string) error {
	return absent(c.identity(ctx, "delete application credential", func(client *gophercloud.ServiceClient) error {
		return applicationcredentials.Delete(ctx, client, userID, id).ExtractErr()
	}))
}

// ListCredentials returns the application credentials of a user.
func (c *Keystone) ListCredentials(ctx context.Context, userID string) ([]keystone.Credential, error) {
	return lists(ctx, c, "list application credentials", "users/"+userID+"/application_credentials", nil, credential)
}

// TryCredential logs in with an application credential.
func (c *Keystone) TryCredential(ctx context.Context, id, secret string) error {
	as := c.client.With(openstack.Credentials{ApplicationCredentialID: id, ApplicationCredentialSecret: secret})
	return (&Keystone{client: as}).identity(ctx, "use application credential", func(client *gophercloud.ServiceClient) error {
		// A token may be older than the end of what it was got with; only a call that Keystone checks can tell.
		resp, err := client.Get(ctx, client.ServiceURL("auth", "projects"), &struct{}{}, nil) //nolint:bodyclose // gophercloud has read and closed it
		_, _, err = gophercloud.ParseResponse(resp, err)
		return err
	})
}

// credential leaves the secret out: only its maker has a use for it, and has it already.
func credential(a *applicationcredentials.ApplicationCredential) keystone.Credential {
	if a == nil {
		return keystone.Credential{}
	}
	out := keystone.Credential{ID: a.ID, Name: a.Name, Description: a.Description, ExpireTime: a.ExpiresAt.UTC()}
	for _, r := range a.Roles {
		out.Roles = append(out.Roles, r.Name)
	}
	return out
}
