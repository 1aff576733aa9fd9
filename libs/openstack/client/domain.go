package client

import (
	"context"
	"net/url"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/domains"

	"github.com/low-layer/platform/libs/openstack/keystone"
)

// CreateDomain makes a domain.
func (c *Keystone) CreateDomain(ctx context.Context, d keystone.Domain) (keystone.Domain, error) {
	return ask(ctx, c.client.Identity, "create domain "+d.Name, func(client *gophercloud.ServiceClient) (*domains.Domain, error) {
		return domains.Create(ctx, client, domains.CreateOpts{
			Name: d.Name, Description: d.Description, Enabled: &d.Enabled,
		}).Extract()
	}, domain)
}

// UpdateDomain writes name, description and whether it is enabled.
func (c *Keystone) UpdateDomain(ctx context.Context, d keystone.Domain) (keystone.Domain, error) {
	return ask(ctx, c.client.Identity, "update domain "+d.Name, func(client *gophercloud.ServiceClient) (*domains.Domain, error) {
		return domains.Update(ctx, client, d.ID, domains.UpdateOpts{
			Name: d.Name, Description: &d.Description, Enabled: &d.Enabled,
		}).Extract()
	}, domain)
}

// DeleteDomain disables a domain, which Keystone wants first, and removes it.
func (c *Keystone) DeleteDomain(ctx context.Context, id string) error {
	off := false
	return absent(c.identity(ctx, "delete domain", func(client *gophercloud.ServiceClient) error {
		if _, err := domains.Update(ctx, client, id, domains.UpdateOpts{Enabled: &off}).Extract(); err != nil {
			return err
		}
		return domains.Delete(ctx, client, id).ExtractErr()
	}))
}

// Domain returns one domain.
func (c *Keystone) Domain(ctx context.Context, id string) (keystone.Domain, error) {
	return ask(ctx, c.client.Identity, "read domain", func(client *gophercloud.ServiceClient) (*domains.Domain, error) {
		return domains.Get(ctx, client, id).Extract()
	}, domain)
}

// ListDomains returns the domains of a name, or all.
func (c *Keystone) ListDomains(ctx context.Context, name string) ([]keystone.Domain, error) {
	return lists(ctx, c, "list domains", "domains", url.Values{"name": {name}}, domain)
}

func domain(d *domains.Domain) keystone.Domain {
	return keystone.Domain{ID: d.ID, Name: d.Name, Description: d.Description, Enabled: d.Enabled}
}
