package openstack

import (
	"context"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/addressscopes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/subnetpools"

	"github.com/low-layer/platform/services/network/internal/core/fabric"
)

const ipv4 = 4

type scopeWire struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	ProjectID string `json:"project_id"`
}

type poolWire struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	ProjectID      string   `json:"project_id"`
	AddressScopeID string   `json:"address_scope_id"`
	Prefixes       []string `json:"prefixes"`
}

// Scopes lists address scopes.
func (c *Cloud) Scopes(ctx context.Context, f fabric.Filter) ([]fabric.Scope, error) {
	wires, err := list[scopeWire](ctx, c, "address-scopes", "address_scopes", []string{"id", "name", "project_id"}, f)
	return mapped(wires, func(w scopeWire) fabric.Scope { return fabric.Scope(w) }), err
}

// CreateScope makes an address scope of the platform's own project.
func (c *Cloud) CreateScope(ctx context.Context, s fabric.Scope) (fabric.Scope, error) {
	var made *addressscopes.AddressScope
	err := c.do(ctx, "create address scope", func(client *gophercloud.ServiceClient) (err error) {
		made, err = addressscopes.Create(ctx, client, addressscopes.CreateOpts{Name: s.Name, IPVersion: ipv4}).Extract()
		return err
	})
	if err != nil {
		return fabric.Scope{}, err
	}
	return fabric.Scope{ID: made.ID, Name: made.Name, ProjectID: made.ProjectID}, nil
}

// DeleteScope removes an address scope.
func (c *Cloud) DeleteScope(ctx context.Context, id string) error {
	return c.drop(ctx, "delete address scope", func(client *gophercloud.ServiceClient) error {
		return addressscopes.Delete(ctx, client, id).ExtractErr()
	})
}

// Pools lists subnet pools.
func (c *Cloud) Pools(ctx context.Context, f fabric.Filter) ([]fabric.Pool, error) {
	wires, err := list[poolWire](ctx, c, "subnetpools", "subnetpools", []string{"id", "name", "project_id", "address_scope_id", "prefixes"}, f)
	return mapped(wires, poolWire.pool), err
}

func (w poolWire) pool() fabric.Pool {
	return fabric.Pool{ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, ScopeID: w.AddressScopeID, Prefixes: mapped(w.Prefixes, prefix)}
}

// CreatePool makes a subnet pool of the platform's own project.
func (c *Cloud) CreatePool(ctx context.Context, p fabric.Pool) (fabric.Pool, error) {
	opts := subnetpools.CreateOpts{Name: p.Name, AddressScopeID: p.ScopeID}
	for _, x := range p.Prefixes {
		opts.Prefixes = append(opts.Prefixes, x.String())
		// Neutron's own bounds are /8 to /32; what is asked for by CIDR must lie in them.
		opts.MinPrefixLen, opts.MaxPrefixLen = x.Bits(), x.Addr().BitLen()
	}
	opts.DefaultPrefixLen = opts.MinPrefixLen
	var made *subnetpools.SubnetPool
	err := c.do(ctx, "create subnet pool", func(client *gophercloud.ServiceClient) (err error) {
		made, err = subnetpools.Create(ctx, client, opts).Extract()
		return err
	})
	if err != nil {
		return fabric.Pool{}, err
	}
	p.ID = made.ID
	return p, nil
}

// DeletePool removes a subnet pool.
func (c *Cloud) DeletePool(ctx context.Context, id string) error {
	return c.drop(ctx, "delete subnet pool", func(client *gophercloud.ServiceClient) error {
		return subnetpools.Delete(ctx, client, id).ExtractErr()
	})
}
