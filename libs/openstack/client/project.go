package client

import (
	"context"
	"net/url"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/quotasets"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	netquotas "github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/quotas"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/keystone"
)

// CreateProject makes a project.
func (c *Keystone) CreateProject(ctx context.Context, p keystone.Project) (keystone.Project, error) {
	return ask(ctx, c.client.Identity, "create project "+p.Name, func(client *gophercloud.ServiceClient) (*projects.Project, error) {
		return projects.Create(ctx, client, projects.CreateOpts{
			Name: p.Name, Description: p.Description, DomainID: p.DomainID, Enabled: &p.Enabled, Tags: p.Tags,
		}).Extract()
	}, project)
}

// UpdateProject writes name, description and whether it is enabled.
func (c *Keystone) UpdateProject(ctx context.Context, p keystone.Project) (keystone.Project, error) {
	return ask(ctx, c.client.Identity, "update project "+p.Name, func(client *gophercloud.ServiceClient) (*projects.Project, error) {
		return projects.Update(ctx, client, p.ID, projects.UpdateOpts{
			Name: p.Name, Description: &p.Description, Enabled: &p.Enabled,
		}).Extract()
	}, project)
}

// DeleteProject removes a project.
func (c *Keystone) DeleteProject(ctx context.Context, id string) error {
	return absent(c.identity(ctx, "delete project", func(client *gophercloud.ServiceClient) error {
		return projects.Delete(ctx, client, id).ExtractErr()
	}))
}

// Project returns one project.
func (c *Keystone) Project(ctx context.Context, id string) (keystone.Project, error) {
	return ask(ctx, c.client.Identity, "read project", func(client *gophercloud.ServiceClient) (*projects.Project, error) {
		return projects.Get(ctx, client, id).Extract()
	}, project)
}

// ListProjects returns the projects of a name, or all with a tag.
func (c *Keystone) ListProjects(ctx context.Context, name, tag string) ([]keystone.Project, error) {
	return lists(ctx, c, "list projects", "projects", url.Values{"name": {name}, "tags": {tag}}, project)
}

// SetComputeQuota sets what Nova lets a project have.
func (c *Keystone) SetComputeQuota(ctx context.Context, projectID string, q keystone.ComputeQuota) error {
	return call(ctx, c.client.Compute, "set compute quota", func(client *gophercloud.ServiceClient) error {
		_, err := quotasets.Update(ctx, client, projectID, quotasets.UpdateOpts{
			Cores: &q.Cores, RAM: &q.RAMMiB, Instances: &q.Instances,
		}).Extract()
		return err
	})
}

// SetNetworkQuota sets what Neutron lets a project have.
func (c *Keystone) SetNetworkQuota(ctx context.Context, projectID string, q keystone.NetworkQuota) error {
	return call(ctx, c.client.Network, "set network quota", func(client *gophercloud.ServiceClient) error {
		_, err := netquotas.Update(ctx, client, projectID, netquotas.UpdateOpts{
			Network: &q.Networks, Subnet: &q.Subnets, Router: &q.Routers, Port: &q.Ports,
			SecurityGroup: &q.SecurityGroups, SecurityGroupRule: &q.SecurityGroupRules,
		}).Extract()
		return err
	})
}

// ClearProject removes the default security group and the quotas of a project: they would outlive it.
func (c *Keystone) ClearProject(ctx context.Context, projectID string) error {
	err := call(ctx, c.client.Network, "remove default security group", func(client *gophercloud.ServiceClient) error {
		// Asking for the groups of a project makes Neutron create its default group, so it is there to be removed.
		query := url.Values{"project_id": {projectID}, "name": {"default"}}
		found, err := openstack.List[struct {
			ID string `json:"id"`
		}](ctx, client, "security-groups", query, "id")
		if err != nil {
			return err
		}
		for _, g := range found {
			if err := groups.Delete(ctx, client, g.ID).ExtractErr(); err != nil {
				return err
			}
		}
		return nil
	})
	if absent(err) != nil {
		return err
	}
	err = call(ctx, c.client.Network, "remove network quota", func(client *gophercloud.ServiceClient) error {
		return netquotas.Delete(ctx, client, projectID).ExtractErr()
	})
	if absent(err) != nil {
		return err
	}
	return absent(call(ctx, c.client.Compute, "remove compute quota", func(client *gophercloud.ServiceClient) error {
		return quotasets.Delete(ctx, client, projectID).Err
	}))
}

func project(p *projects.Project) keystone.Project {
	return keystone.Project{
		ID: p.ID, Name: p.Name, Description: p.Description, DomainID: p.DomainID, Enabled: p.Enabled, Tags: p.Tags,
	}
}
