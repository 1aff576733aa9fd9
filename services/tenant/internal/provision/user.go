package provision

import (
	"context"

	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

func (k *organisations) makeUser(ctx context.Context, run *provision.Run) (provision.External, error) {
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return provision.External{}, err
	}
	password, err := k.Vault.Password(ctx, spec.UID)
	if err != nil {
		return provision.External{}, err
	}
	want := keystone.User{
		Name: spec.cloudName(), Description: tenancy.CloudDescription(spec.Name()), DomainID: spec.tenant.DomainID,
		Password: password, Enabled: true,
	}
	if e, ok := run.Existing(); ok {
		want.ID = e.ID
		u, err := k.Cloud.UpdateUser(ctx, want)
		return provision.External{ID: u.ID, Name: u.Name}, err
	}
	u, err := k.Cloud.CreateUser(ctx, want)
	if !taken(err) {
		return provision.External{ID: u.ID, Name: u.Name}, err
	}
	found, listErr := k.usersNamed(ctx, want.Name)
	if listErr != nil || len(found) == 0 {
		return provision.External{}, err
	}
	want.ID = found[0].ID
	u, err = k.Cloud.UpdateUser(ctx, want)
	return provision.External{ID: u.ID, Name: u.Name}, err
}

func (k *organisations) usersNamed(ctx context.Context, name string) ([]provision.External, error) {
	found, err := k.Cloud.ListUsers(ctx, name)
	if err != nil {
		return nil, err
	}
	var out []provision.External
	for _, u := range found {
		if u.Name == name {
			out = append(out, provision.External{ID: u.ID, Name: u.Name})
		}
	}
	return out, nil
}

func (k *organisations) observeUser(ctx context.Context, run *provision.Run) ([]provision.External, error) {
	return k.findUser(ctx, run, run.Step())
}

func (k *organisations) findUser(ctx context.Context, run *provision.Run, step string) ([]provision.External, error) {
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return nil, err
	}
	found, err := k.usersNamed(ctx, spec.cloudName())
	if err != nil {
		return nil, err
	}
	return withKnown(found, run, step, func(id string) error {
		_, err := k.Cloud.User(ctx, id)
		return err
	})
}

func (k *organisations) deleteUser(ctx context.Context, _ *provision.Run, e provision.External) error {
	return k.Cloud.DeleteUser(ctx, e.ID)
}

func (k *organisations) usersLeft(ctx context.Context, _ *provision.Run, gone []provision.External) ([]provision.External, error) {
	return left(gone, func(e provision.External) error {
		_, err := k.Cloud.User(ctx, e.ID)
		return err
	})
}

func (k *organisations) grantRoles(ctx context.Context, run *provision.Run) (provision.External, error) {
	project, _ := run.Object(stepProject)
	user, _ := run.Object(stepUser)
	for _, role := range k.Roles {
		if err := k.Cloud.GrantRole(ctx, project.ID, user.ID, role); err != nil {
			return provision.External{}, err
		}
	}
	return provision.External{}, nil
}
