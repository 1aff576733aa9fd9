package openstack

import (
	"context"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/domains"

	"github.com/low-layer/platform/services/tenant/internal/core/cloud"
)

// CreateDomain makes a domain.
func (c *Cloud) CreateDomain(ctx context.Context, d cloud.Domain) (cloud.Domain, error) {
	var out cloud.Domain
	err := c.identity(ctx, "create domain "+d.Name, func(client *gophercloud.ServiceClient) error {
		made, err := domains.Create(ctx, client, domains.CreateOpts{
			Name: d.Name, Description: d.Description, Enabled: &d.Enabled,
		}).Extract()
		out = domain(made)
		return err
	})
	return out, err
}

// UpdateDomain writes name, description and whether it is enabled.
func (c *Cloud) UpdateDomain(ctx context.Context, d cloud.Domain) (cloud.Domain, error) {
	var out cloud.Domain
	err := c.identity(ctx, "update domain "+d.Name, func(client *gophercloud.ServiceClient) error {
		now, err := domains.Update(ctx, client, d.ID, domains.UpdateOpts{
			Name: d.Name, Description: &d.Description, Enabled: &d.Enabled,
		}).Extract()
		out = domain(now)
		return err
	})
	return out, err
}

// DeleteDomain disables a domain, which Keystone wants first, and removes it.
func (c *Cloud) DeleteDomain(ctx context.Context, id string) error {
	off := false
	return absent(c.identity(ctx, "delete domain", func(client *gophercloud.ServiceClient) error {
		if _, err := domains.Update(ctx, client, id, domains.UpdateOpts{Enabled: &off}).Extract(); err != nil {
			return err
		}
		return domains.Delete(ctx, client, id).ExtractErr()
	}))
}

// Domain answers one domain.
func (c *Cloud) Domain(ctx context.Context, id string) (cloud.Domain, error) {
	var out cloud.Domain
	err := c.identity(ctx, "read domain", func(client *gophercloud.ServiceClient) error {
		d, err := domains.Get(ctx, client, id).Extract()
		out = domain(d)
		return err
	})
	return out, err
}

// ListDomains answers the domains of a name, or all.
func (c *Cloud) ListDomains(ctx context.Context, name string) ([]cloud.Domain, error) {
	var out []cloud.Domain
	err := c.identity(ctx, "list domains", func(client *gophercloud.ServiceClient) error {
		pages, err := domains.List(client, domains.ListOpts{Name: name}).AllPages(ctx)
		if err != nil {
			return err
		}
		found, err := domains.ExtractDomains(pages)
		for i := range found {
			out = append(out, domain(&found[i]))
		}
		return err
	})
	return out, err
}

func domain(d *domains.Domain) cloud.Domain {
	if d == nil {
		return cloud.Domain{}
	}
	return cloud.Domain{ID: d.ID, Name: d.Name, Description: d.Description, Enabled: d.Enabled}
}
