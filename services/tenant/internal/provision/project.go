package provision

import (
	"context"

	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

const rulesPerGroup = 32

func projectWanted(spec organisationSpec) keystone.Project {
	return keystone.Project{
		Name: spec.cloudName(), Description: tenancy.CloudDescription(spec.Name()), DomainID: spec.tenant.DomainID,
		Enabled: !spec.Deleted(), Tags: []string{tenancy.Marker},
	}
}

func (k *organisations) makeProject(ctx context.Context, run *provision.Run) (provision.External, error) {
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return provision.External{}, err
	}
	want := projectWanted(spec)
	if e, ok := run.Existing(); ok {
		want.ID = e.ID
		p, err := k.Cloud.UpdateProject(ctx, want)
		return provision.External{ID: p.ID, Name: p.Name}, err
	}
	p, err := k.Cloud.CreateProject(ctx, want)
	if !taken(err) {
		return provision.External{ID: p.ID, Name: p.Name}, err
	}
	found, listErr := k.Cloud.ListProjects(ctx, want.Name, "")
	if listErr != nil || len(found) == 0 {
		return provision.External{}, err
	}
	want.ID = found[0].ID
	p, err = k.Cloud.UpdateProject(ctx, want)
	return provision.External{ID: p.ID, Name: p.Name}, err
}

func (k *organisations) observeProject(ctx context.Context, run *provision.Run) ([]provision.External, error) {
	return k.findProject(ctx, run, run.Step())
}

func (k *organisations) findProject(ctx context.Context, run *provision.Run, step string) ([]provision.External, error) {
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return nil, err
	}
	found, err := k.Cloud.ListProjects(ctx, spec.cloudName(), "")
	if err != nil {
		return nil, err
	}
	out := make([]provision.External, len(found))
	for i, p := range found {
		out[i] = provision.External{ID: p.ID, Name: p.Name}
	}
	return withKnown(out, run, step, func(id string) error {
		_, err := k.Cloud.Project(ctx, id)
		return err
	})
}

// deleteProject first removes what Nova and Neutron keep for the project: nobody could find it afterwards.
func (k *organisations) deleteProject(ctx context.Context, _ *provision.Run, e provision.External) error {
	if err := k.Cloud.ClearProject(ctx, e.ID); err != nil {
		return err
	}
	return k.Cloud.DeleteProject(ctx, e.ID)
}

func (k *organisations) projectsLeft(ctx context.Context, _ *provision.Run, gone []provision.External) ([]provision.External, error) {
	return left(gone, func(e provision.External) error {
		_, err := k.Cloud.Project(ctx, e.ID)
		return err
	})
}

func (k *organisations) setComputeQuota(ctx context.Context, run *provision.Run) (provision.External, error) {
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return provision.External{}, err
	}
	project, _ := run.Object(stepProject)
	q := spec.quota
	return provision.External{}, k.Cloud.SetComputeQuota(ctx, project.ID, keystone.ComputeQuota{
		Cores: int(q.Cores), RAMMiB: int(q.RAMMiB), Instances: int(q.Instances),
	})
}

// setNetworkQuota sets the quota of the project, and tells the network service, which holds orders against it.
func (k *organisations) setNetworkQuota(ctx context.Context, run *provision.Run) (provision.External, error) {
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return provision.External{}, err
	}
	project, _ := run.Object(stepProject)
	q := spec.quota
	err = k.Cloud.SetNetworkQuota(ctx, project.ID, keystone.NetworkQuota{
		Networks: int(q.Networks), Subnets: int(q.Networks), Routers: int(q.Routers), Ports: int(q.Ports),
		SecurityGroups: int(q.SecurityGroups), SecurityGroupRules: int(q.SecurityGroups) * rulesPerGroup,
	})
	if err != nil {
		return provision.External{}, err
	}
	// Told afterwards, so that no order is let in on the strength of what Neutron does not know yet.
	return provision.External{}, k.Network.SetQuota(ctx, run.Name, q)
}
