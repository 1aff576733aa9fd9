package kit

import (
	"context"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/provision"
)

// attrRoles has the roles a credential gives, in the ledger: the settings may be others by the time it is put in use.
const attrRoles = "roles"

// Credentials are the application credentials of the user that another step makes. A credential cannot be changed: other
// inputs have another name and make another one, and the earlier stays until Revoke.
type Credentials struct {
	cloud keystone.Cloud
	user  string
}

// NewCredentials are the credentials of the user of a step.
func NewCredentials(cloud keystone.Cloud, user string) Credentials {
	return Credentials{cloud: cloud, user: user}
}

// Prepare returns the credential to make, with a secret that is stored already, and the user's password. It returns the
// same secret every time, so a credential that was made without an answer is as good as any.
type Prepare func(context.Context) (password string, c keystone.Credential, err error)

// Make is the step that makes a credential for the project of another step.
func (t Credentials) Make(s provision.Step, project, name string, prepare Prepare) provision.Step {
	s.Object = keystone.TypeCredential
	s.Find = func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		return t.find(ctx, run, name)
	}
	s.Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
		user, err := run.Made(t.user)
		if err != nil {
			return provision.External{}, err
		}
		password, want, err := prepare(ctx)
		if err != nil {
			return provision.External{}, err
		}
		want.Name = name
		if e, ok := run.Existing(); ok && e.Name == name {
			// Another name replaces a credential that gives other roles than it should, so that its user is never without one.
			if found, err := t.prepared(ctx, user, want); err != nil || found.ID == e.ID {
				return credentialExternal(found), err
			}
		}
		projectID, err := run.Made(project)
		if err != nil {
			return provision.External{}, err
		}
		c, err := t.cloud.CreateCredential(ctx, keystone.Owner{UserID: user, Password: password, ProjectID: projectID}, want)
		if errs.ReasonOf(err) == "CLOUD_CONFLICT" {
			return t.adopt(ctx, user, want, err)
		}
		c.Name = name
		return credentialExternal(c), err
	}
	return s
}

// find returns the credential of the name, else the one the ledger has.
func (t Credentials) find(ctx context.Context, run *provision.Run, name string) ([]provision.External, error) {
	all, err := t.list(ctx, run)
	if err != nil {
		return nil, err
	}
	known, _ := run.Object(run.Step())
	var out []provision.External
	for _, c := range all {
		switch {
		case c.Name == name:
			out = append([]provision.External{credentialExternal(c)}, out...)
		case c.ID == known.ID:
			out = append(out, known)
		}
	}
	if len(out) > 1 && !run.Deleting {
		out = out[:1] // Revoke removes the other one once this one is in use
	}
	return out, nil
}

// list has the credentials of the user; none when the user is gone.
func (t Credentials) list(ctx context.Context, run *provision.Run) ([]keystone.Credential, error) {
	user, ok := run.Object(t.user)
	if !ok {
		return nil, nil
	}
	all, err := t.cloud.ListCredentials(ctx, user.ID)
	return all, provision.AbsentIsNone(err)
}

// prepared is the user's credential of the wanted name and end; the zero value when there is none.
func (t Credentials) prepared(ctx context.Context, user string, want keystone.Credential) (keystone.Credential, error) {
	all, err := t.cloud.ListCredentials(ctx, user)
	i := slices.IndexFunc(all, func(c keystone.Credential) bool { return c.Name == want.Name && c.ExpireTime.Equal(want.ExpireTime) })
	if i < 0 {
		return keystone.Credential{}, provision.AbsentIsNone(err)
	}
	return all[i], err
}

// adopt takes over a credential of our name when it is the prepared one. One of an earlier secret is of no use: it goes,
// and the next attempt makes the right one.
func (t Credentials) adopt(ctx context.Context, user string, want keystone.Credential, refusal error) (provision.External, error) {
	all, err := t.cloud.ListCredentials(ctx, user)
	if err != nil {
		return provision.External{}, err
	}
	for _, c := range all {
		if c.Name != want.Name {
			continue
		}
		if c.ExpireTime.Equal(want.ExpireTime) {
			return credentialExternal(c), nil
		}
		if err := t.cloud.DeleteCredential(ctx, user, c.ID); err != nil {
			return provision.External{}, err
		}
	}
	return provision.External{}, refusal
}

// Revoke is the step that removes every credential of the user whose name has the prefix, but for that of another step.
func (t Credentials) Revoke(s provision.Step, current, prefix string) provision.Step {
	s.Needs = []string{current}
	return provision.Set(s, func(ctx context.Context, run *provision.Run) error {
		user, err := run.Made(t.user)
		if err != nil {
			return err
		}
		keep, err := run.Made(current)
		if err != nil {
			return err
		}
		all, err := t.cloud.ListCredentials(ctx, user)
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.ID == keep || !strings.HasPrefix(c.Name, prefix) {
				continue
			}
			if err := t.cloud.DeleteCredential(ctx, user, c.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// Object is the end of credentials. They go with their user at the latest.
func (t Credentials) Object() provision.Object {
	return provision.Object{
		Type: keystone.TypeCredential,
		Delete: func(ctx context.Context, run *provision.Run, o provision.External) error {
			user, ok := run.Object(t.user)
			if !ok {
				return nil
			}
			return t.cloud.DeleteCredential(ctx, user.ID, o.ID)
		},
		Gone: func(ctx context.Context, run *provision.Run, of []provision.External) ([]provision.External, error) {
			all, err := t.list(ctx, run)
			there := make([]provision.External, len(all))
			for i, c := range all {
				there[i] = credentialExternal(c)
			}
			return provision.Still(of, there), err
		},
	}
}

func credentialExternal(c keystone.Credential) provision.External {
	roles := slices.Compact(slices.Sorted(slices.Values(c.Roles)))
	return provision.External{ID: c.ID, Name: c.Name, Attributes: map[string]string{attrRoles: strings.Join(roles, ",")}}
}

// RolesOf are the roles that a credential of the ledger gives.
func RolesOf(o provision.External) []string {
	if o.Attributes[attrRoles] == "" {
		return nil
	}
	return strings.Split(o.Attributes[attrRoles], ",")
}
