package client

import (
	"context"
	"net/netip"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/addressscopes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/subnetpools"

	"github.com/low-layer/platform/libs/openstack/neutron"
)

const ipv4 = 4

type scopeWire struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	ProjectID string `json:"project_id"`
	Shared    bool   `json:"shared"`
}

func (w scopeWire) scope() neutron.Scope { return neutron.Scope(w) }

type poolWire struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	ProjectID      string   `json:"project_id"`
	AddressScopeID string   `json:"address_scope_id"`
	Prefixes       []string `json:"prefixes"`
	Shared         bool     `json:"shared"`
}

// Scopes lists address scopes.
func (c *Neutron) Scopes(ctx context.Context, f neutron.Filter) ([]neutron.Scope, error) {
	wires, err := list[scopeWire](ctx, c, "address-scopes", []string{"id", "name", "project_id", "shared"}, f)
	return mapped(wires, scopeWire.scope), err
}

// CreateScope makes an address scope of the platform's own project.
func (c *Neutron) CreateScope(ctx context.Context, s neutron.Scope) (neutron.Scope, error) {
	return one(ctx, c, "create address scope", "address_scope", scopeWire.scope, func(client *gophercloud.ServiceClient) gophercloud.Result {
		return addressscopes.Create(ctx, client, addressscopes.CreateOpts{Name: s.Name, IPVersion: ipv4}).Result
	})
}

// UpdateScope writes attributes of an address scope.
func (c *Neutron) UpdateScope(ctx context.Context, s neutron.Scope, attributes ...string) (neutron.Scope, error) {
	return update(ctx, c, "address_scope", "address-scopes", s.ID, scopeWire.scope, attributes, map[string]any{
		"name": s.Name, "shared": s.Shared,
	})
}

// DeleteScope removes an address scope.
func (c *Neutron) DeleteScope(ctx context.Context, id string) error {
	return c.drop(ctx, "delete address scope", func(client *gophercloud.ServiceClient) error {
		return addressscopes.Delete(ctx, client, id).ExtractErr()
	})
}

// Pools lists subnet pools.
func (c *Neutron) Pools(ctx context.Context, f neutron.Filter) ([]neutron.Pool, error) {
	wires, err := list[poolWire](ctx, c, "subnetpools", []string{"id", "name", "project_id", "address_scope_id", "prefixes", "shared"}, f)
	return mapped(wires, poolWire.pool), err
}

func (w poolWire) pool() neutron.Pool {
	return neutron.Pool{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, ScopeID: w.AddressScopeID, Prefixes: mapped(w.Prefixes, prefix), Shared: w.Shared,
	}
}

// CreatePool makes a subnet pool of the platform's own project.
func (c *Neutron) CreatePool(ctx context.Context, p neutron.Pool) (neutron.Pool, error) {
	opts := subnetpools.CreateOpts{Name: p.Name, AddressScopeID: p.ScopeID}
	for _, x := range p.Prefixes {
		opts.Prefixes = append(opts.Prefixes, x.String())
		// Neutron's own bounds are /8 to /32; what is asked for by CIDR must lie in them.
		opts.MinPrefixLen, opts.MaxPrefixLen = x.Bits(), x.Addr().BitLen()
	}
	opts.DefaultPrefixLen = opts.MinPrefixLen
	return one(ctx, c, "create subnet pool", "subnetpool", poolWire.pool, func(client *gophercloud.ServiceClient) gophercloud.Result {
		return subnetpools.Create(ctx, client, opts).Result
	})
}

// UpdatePool writes attributes of a subnet pool. Neutron lets prefixes be added and none be removed.
func (c *Neutron) UpdatePool(ctx context.Context, p neutron.Pool, attributes ...string) (neutron.Pool, error) {
	return update(ctx, c, "subnetpool", "subnetpools", p.ID, poolWire.pool, attributes, map[string]any{
		"name": p.Name, "address_scope_id": p.ScopeID, "prefixes": some(p.Prefixes, netip.Prefix.String),
	})
}

// DeletePool removes a subnet pool.
func (c *Neutron) DeletePool(ctx context.Context, id string) error {
	return c.drop(ctx, "delete subnet pool", func(client *gophercloud.ServiceClient) error {
		return subnetpools.Delete(ctx, client, id).ExtractErr()
	})
}
