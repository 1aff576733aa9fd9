package provision

import (
	"context"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// pollResume is how often the credential of a suspended tenant's organisation looks whether the tenant is back.
const pollResume = 2 * time.Second

// makeCredential makes the credential of the wanted generation. Its secret is ours and sealed before the call, so that
// one that was made without our knowing is as good as any.
func (k *organisations) makeCredential(ctx context.Context, run *provision.Run) (provision.External, error) {
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return provision.External{}, err
	}
	if !spec.tenant.Enabled() {
		return provision.External{}, provision.NotYet(pollResume, "%s is switched off: nobody can make a credential in it", spec.tenant.Name())
	}
	secret, err := k.Vault.Credential(ctx, spec.UID, spec.CredentialGeneration)
	if err != nil {
		return provision.External{}, err
	}
	user, _ := run.Object(stepUser)
	project, _ := run.Object(stepProject)
	name := tenancy.CredentialName(spec.UID, spec.CredentialGeneration)
	if e, ok := run.Existing(); ok && e.Name == name {
		// What gives other roles than it should by now is replaced by another generation, so that nobody is without one.
		if found, err := k.credential(ctx, user.ID, name, secret.Expires); err != nil || found.ID == e.ID {
			return credentialOf(found), err
		}
	}
	password, err := k.Vault.Password(ctx, spec.UID)
	if err != nil {
		return provision.External{}, err
	}
	c, err := k.Cloud.CreateCredential(ctx, keystone.Owner{UserID: user.ID, Password: password, ProjectID: project.ID}, keystone.Credential{
		Name: name, Description: tenancy.CloudDescription(spec.Name()), Secret: secret.Value, Roles: k.Roles, ExpireTime: secret.Expires,
	})
	if taken(err) {
		return k.adopt(ctx, user.ID, name, secret.Expires, err)
	}
	made := credentialOf(c)
	made.Name = name
	return made, err
}

// attrRoles is what a credential gives, in the ledger: the settings may be others by the time it is put in use.
const attrRoles = "roles"

func credentialOf(c keystone.Credential) provision.External {
	return provision.External{ID: c.ID, Name: c.Name, Attributes: map[string]string{attrRoles: strings.Join(tenancy.Roles(c.Roles), ",")}}
}

func rolesOf(e provision.External) []string {
	if e.Attributes[attrRoles] == "" {
		return nil
	}
	return strings.Split(e.Attributes[attrRoles], ",")
}

// adopt takes over a credential of our name when it is the one we prepared. One of an earlier secret is of no use to
// anybody: it goes, and the next attempt makes the right one.
func (k *organisations) adopt(ctx context.Context, userID, name string, expires time.Time, cause error) (provision.External, error) {
	all, err := k.Cloud.ListCredentials(ctx, userID)
	if err != nil {
		return provision.External{}, err
	}
	for _, c := range all {
		if c.Name != name {
			continue
		}
		if c.ExpireTime.Equal(expires) {
			return credentialOf(c), nil
		}
		if err := k.Cloud.DeleteCredential(ctx, userID, c.ID); err != nil {
			return provision.External{}, err
		}
	}
	return provision.External{}, cause
}

// credential is the user's credential of that name and end; the zero value when there is none.
func (k *organisations) credential(ctx context.Context, userID, name string, expires time.Time) (keystone.Credential, error) {
	all, err := k.Cloud.ListCredentials(ctx, userID)
	if err != nil && errs.CodeOf(err) != errs.CodeNotFound {
		return keystone.Credential{}, err
	}
	for _, c := range all {
		if c.Name == name && c.ExpireTime.Equal(expires) {
			return c, nil
		}
	}
	return keystone.Credential{}, nil
}

// useCredential logs in with the new credential before anything relies on it.
func (k *organisations) useCredential(ctx context.Context, run *provision.Run, e provision.External) error {
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return err
	}
	if !spec.tenant.Enabled() {
		return provision.NotYet(pollResume, "%s is switched off: nobody can log in", spec.tenant.Name())
	}
	secret, err := k.Vault.Credential(ctx, spec.UID, spec.CredentialGeneration)
	if err != nil {
		return err
	}
	if err := k.Cloud.TryCredential(ctx, e.ID, secret.Value); err != nil {
		return err
	}
	return k.Vault.Use(ctx, spec.UID, spec.CredentialGeneration, e.ID, rolesOf(e))
}

// revokeOthers revokes every credential of the service user but the one in use. The user is ours alone, so whatever else
// it has was replaced, or was left by an attempt nobody recorded.
func (k *organisations) revokeOthers(ctx context.Context, run *provision.Run) (provision.External, error) {
	user, _ := run.Object(stepUser)
	current, _ := run.Object(stepCredential)
	all, err := k.Cloud.ListCredentials(ctx, user.ID)
	if err != nil {
		return provision.External{}, err
	}
	for _, c := range all {
		if c.ID == current.ID || !strings.HasPrefix(c.Name, tenancy.NamePrefix) {
			continue
		}
		if err := k.Cloud.DeleteCredential(ctx, user.ID, c.ID); err != nil {
			return provision.External{}, err
		}
	}
	return provision.External{}, nil
}

func (k *organisations) observeCredential(ctx context.Context, run *provision.Run) ([]provision.External, error) {
	return k.findCredential(ctx, run, run.Step())
}

// findCredential answers the credential of the wanted generation, else the one the ledger has.
func (k *organisations) findCredential(ctx context.Context, run *provision.Run, step string) ([]provision.External, error) {
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return nil, err
	}
	user, ok := run.Object(stepUser)
	if !ok {
		return nil, nil
	}
	all, err := k.Cloud.ListCredentials(ctx, user.ID)
	if err != nil {
		if errs.CodeOf(err) == errs.CodeNotFound {
			return nil, nil
		}
		return nil, err
	}
	known, _ := run.Object(step)
	var out []provision.External
	for _, c := range all {
		switch {
		case c.Name == tenancy.CredentialName(spec.UID, spec.CredentialGeneration):
			out = append([]provision.External{credentialOf(c)}, out...)
		case c.ID == known.ID:
			out = append(out, known)
		}
	}
	if len(out) > 1 && !run.Deleting {
		out = out[:1] // the other one is revoked by its own step, once this one is in use
	}
	return out, nil
}

func (k *organisations) deleteCredential(ctx context.Context, run *provision.Run, e provision.External) error {
	user, ok := run.Object(stepUser)
	if !ok {
		return nil // it went with its user
	}
	return k.Cloud.DeleteCredential(ctx, user.ID, e.ID)
}

func (k *organisations) credentialsLeft(ctx context.Context, run *provision.Run, gone []provision.External) ([]provision.External, error) {
	user, ok := run.Object(stepUser)
	if !ok {
		return nil, nil
	}
	all, err := k.Cloud.ListCredentials(ctx, user.ID)
	if err != nil {
		if errs.CodeOf(err) == errs.CodeNotFound {
			return nil, nil
		}
		return gone, err
	}
	var out []provision.External
	for _, e := range gone {
		for _, c := range all {
			if c.ID == e.ID {
				out = append(out, e)
			}
		}
	}
	return out, nil
}
