package conformance

import (
	"context"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/addressscopes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/subnetpools"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
)

// The makers below act as the administrator for a tenant's project, as the control plane
// does, and take away what they made.

func (e *env) net(tn *tenant, what string) *networks.Network {
	e.t.Helper()
	n, err := networks.Create(e.ctx(), e.network, networks.CreateOpts{Name: e.name(what), ProjectID: tn.projectID}).Extract()
	e.must("create network", err)
	e.later("network", func(ctx context.Context) error { return networks.Delete(ctx, e.network, n.ID).ExtractErr() })
	return n
}

func (e *env) subnet(tn *tenant, opts subnets.CreateOpts) *subnets.Subnet {
	e.t.Helper()
	opts.ProjectID = tn.projectID
	if opts.IPVersion == 0 {
		opts.IPVersion = 4
	}
	s, err := subnets.Create(e.ctx(), e.network, opts).Extract()
	e.must("create subnet", err)
	e.later("subnet", func(ctx context.Context) error { return subnets.Delete(ctx, e.network, s.ID).ExtractErr() })
	return s
}

func (e *env) port(tn *tenant, opts ports.CreateOpts) *ports.Port {
	e.t.Helper()
	opts.ProjectID = tn.projectID
	p, err := ports.Create(e.ctx(), e.network, opts).Extract()
	e.must("create port", err)
	e.later("port", func(ctx context.Context) error { return ports.Delete(ctx, e.network, p.ID).ExtractErr() })
	return p
}

func (e *env) router(tn *tenant, what string) *routers.Router {
	e.t.Helper()
	r, err := routers.Create(e.ctx(), e.network, routers.CreateOpts{Name: e.name(what), ProjectID: tn.projectID}).Extract()
	e.must("create router", err)
	e.later("router", func(ctx context.Context) error { return routers.Delete(ctx, e.network, r.ID).ExtractErr() })
	return r
}

func (e *env) attach(routerID string, opts routers.AddInterfaceOpts) *routers.InterfaceInfo {
	e.t.Helper()
	i, err := routers.AddInterface(e.ctx(), e.network, routerID, opts).Extract()
	e.must("add router interface", err)
	e.later("router interface", func(ctx context.Context) error {
		_, err := routers.Update(ctx, e.network, routerID, routers.UpdateOpts{Routes: &[]routers.Route{}}).Extract()
		if err != nil {
			return err
		}
		_, err = routers.RemoveInterface(ctx, e.network, routerID, routers.RemoveInterfaceOpts{PortID: i.PortID}).Extract()
		return err
	})
	return i
}

func (e *env) group(tn *tenant, what string) *groups.SecGroup {
	e.t.Helper()
	g, err := groups.Create(e.ctx(), e.network, groups.CreateOpts{Name: e.name(what), ProjectID: tn.projectID}).Extract()
	e.must("create security group", err)
	e.later("security group", func(ctx context.Context) error { return groups.Delete(ctx, e.network, g.ID).ExtractErr() })
	return g
}

func (e *env) scope(tn *tenant) *addressscopes.AddressScope {
	e.t.Helper()
	s, err := addressscopes.Create(e.ctx(), e.network, addressscopes.CreateOpts{
		Name: e.name("scope"), ProjectID: tn.projectID, IPVersion: 4,
	}).Extract()
	e.must("create address scope", err)
	e.later("address scope", func(ctx context.Context) error {
		return addressscopes.Delete(ctx, e.network, s.ID).ExtractErr()
	})
	return s
}

func (e *env) pool(tn *tenant, scopeID, prefix string) *subnetpools.SubnetPool {
	e.t.Helper()
	p, err := subnetpools.Create(e.ctx(), e.network, e.poolOpts(tn, scopeID, prefix)).Extract()
	e.must("create subnet pool", err)
	e.later("subnet pool", func(ctx context.Context) error {
		return subnetpools.Delete(ctx, e.network, p.ID).ExtractErr()
	})
	return p
}

func (e *env) poolOpts(tn *tenant, scopeID, prefix string) subnetpools.CreateOpts {
	return subnetpools.CreateOpts{
		Name: e.name("pool"), ProjectID: tn.projectID, AddressScopeID: scopeID, Prefixes: []string{prefix},
		MinPrefixLen: 24, MaxPrefixLen: 28, DefaultPrefixLen: 26,
	}
}
