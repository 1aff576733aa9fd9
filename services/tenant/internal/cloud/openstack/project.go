package openstack

import (
	"context"
	"net/url"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/quotasets"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	netquotas "github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/quotas"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/services/tenant/internal/core/cloud"
)

// CreateProject makes a project.
func (c *Cloud) CreateProject(ctx context.Context, p cloud.Project) (cloud.Project, error) {
	var out cloud.Project
	err := c.identity(ctx, "create project "+p.Name, func(client *gophercloud.ServiceClient) error {
		made, err := projects.Create(ctx, client, projects.CreateOpts{
			Name: p.Name, Description: p.Description, DomainID: p.DomainID, Enabled: &p.Enabled, Tags: p.Tags,
		}).Extract()
		out = project(made)
		return err
	})
	return out, err
}

// UpdateProject writes name, description and whether it is enabled.
func (c *Cloud) UpdateProject(ctx context.Context, p cloud.Project) (cloud.Project, error) {
	var out cloud.Project
	err := c.identity(ctx, "update project "+p.Name, func(client *gophercloud.ServiceClient) error {
		now, err := projects.Update(ctx, client, p.ID, projects.UpdateOpts{
			Name: p.Name, Description: &p.Description, Enabled: &p.Enabled,
		}).Extract()
		out = project(now)
		return err
	})
	return out, err
}

// DeleteProject removes a project.
func (c *Cloud) DeleteProject(ctx context.Context, id string) error {
	return absent(c.identity(ctx, "delete project", func(client *gophercloud.ServiceClient) error {
		return projects.Delete(ctx, client, id).ExtractErr()
	}))
}

// Project answers one project.
func (c *Cloud) Project(ctx context.Context, id string) (cloud.Project, error) {
	var out cloud.Project
	err := c.identity(ctx, "read project", func(client *gophercloud.ServiceClient) error {
		p, err := projects.Get(ctx, client, id).Extract()
		out = project(p)
		return err
	})
	return out, err
}

// ListProjects answers the projects of a name, or all with a tag.
func (c *Cloud) ListProjects(ctx context.Context, name, tag string) ([]cloud.Project, error) {
	var out []cloud.Project
	err := c.identity(ctx, "list projects", func(client *gophercloud.ServiceClient) error {
		pages, err := projects.List(client, projects.ListOpts{Name: name, Tags: tag}).AllPages(ctx)
		if err != nil {
			return err
		}
		found, err := projects.ExtractProjects(pages)
		for i := range found {
			out = append(out, project(&found[i]))
		}
		return err
	})
	return out, err
}

// SetComputeQuota sets what Nova lets a project have.
func (c *Cloud) SetComputeQuota(ctx context.Context, projectID string, q cloud.ComputeQuota) error {
	return c.compute(ctx, "set compute quota", func(client *gophercloud.ServiceClient) error {
		_, err := quotasets.Update(ctx, client, projectID, quotasets.UpdateOpts{
			Cores: &q.Cores, RAM: &q.RAMMiB, Instances: &q.Instances,
		}).Extract()
		return err
	})
}

// SetNetworkQuota sets what Neutron lets a project have.
func (c *Cloud) SetNetworkQuota(ctx context.Context, projectID string, q cloud.NetworkQuota) error {
	return c.network(ctx, "set network quota", func(client *gophercloud.ServiceClient) error {
		_, err := netquotas.Update(ctx, client, projectID, netquotas.UpdateOpts{
			Network: &q.Networks, Subnet: &q.Subnets, Router: &q.Routers, Port: &q.Ports,
			SecurityGroup: &q.SecurityGroups, SecurityGroupRule: &q.SecurityGroupRules,
		}).Extract()
		return err
	})
}

// ClearProject removes the default security group and the quotas of a project: they would outlive it.
func (c *Cloud) ClearProject(ctx context.Context, projectID string) error {
	err := c.network(ctx, "remove default security group", func(client *gophercloud.ServiceClient) error {
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
	err = c.network(ctx, "remove network quota", func(client *gophercloud.ServiceClient) error {
		return netquotas.Delete(ctx, client, projectID).ExtractErr()
	})
	if absent(err) != nil {
		return err
	}
	return absent(c.compute(ctx, "remove compute quota", func(client *gophercloud.ServiceClient) error {
		return quotasets.Delete(ctx, client, projectID).Err
	}))
}

func project(p *projects.Project) cloud.Project {
	if p == nil {
		return cloud.Project{}
	}
	return cloud.Project{
		ID: p.ID, Name: p.Name, Description: p.Description, DomainID: p.DomainID, Enabled: p.Enabled, Tags: p.Tags,
	}
}
