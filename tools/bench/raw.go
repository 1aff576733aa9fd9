package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/quotas"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	"github.com/low-layer/platform/tools/stack"
)

// rawCloud makes the calls of a VPC with gophercloud and nothing around it. chains makes those of the transit link alone, each of which
// needs the one before: the lower limit of a VPC's creation. wholes makes all of them.
type rawCloud struct{ network *gophercloud.ServiceClient }

func newRawCloud(ctx context.Context, s *stack.Stack) (*rawCloud, error) {
	file, cloud := s.Clouds()
	auth, endpoint, tls, err := clouds.Parse(clouds.WithLocations(file), clouds.WithCloudName(cloud))
	if err != nil {
		return nil, fmt.Errorf("read clouds.yaml: %w", err)
	}
	provider, err := config.NewProviderClient(ctx, auth, config.WithTLSConfig(tls))
	if err != nil {
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	bounded(provider)
	network, err := openstack.NewNetworkV2(provider, endpoint)
	if err != nil {
		return nil, fmt.Errorf("find Neutron: %w", err)
	}
	raw := &rawCloud{network}
	return raw, raw.liftQuota(ctx, provider)
}

// liftQuota lets the project of the raw calls hold as much as the benchmark makes.
func (r *rawCloud) liftQuota(ctx context.Context, provider *gophercloud.ProviderClient) error {
	token, ok := provider.GetAuthResult().(tokens.CreateResult)
	if !ok {
		return errors.New("the token names no project")
	}
	project, err := token.ExtractProject()
	if err != nil {
		return fmt.Errorf("read the project of the token: %w", err)
	}
	unlimited := -1
	opts := quotas.UpdateOpts{Network: &unlimited, Subnet: &unlimited, Router: &unlimited, Port: &unlimited}
	if _, err := quotas.Update(ctx, r.network, project.ID, opts).Extract(); err != nil {
		return fmt.Errorf("lift the quota: %w", err)
	}
	return nil
}

// chain is what one chain made.
type chain struct{ network, subnet, port, router string }

// chains runs n chains at once, forward and back, and returns how long each way took.
func (r *rawCloud) chains(ctx context.Context, n int) (forward, back time.Duration, err error) {
	made := make([]chain, n)
	for i := range n { // the router is made in parallel with the rest, so it is no part of the chain
		router, err := routers.Create(ctx, r.network, routers.CreateOpts{Name: "bench"}).Extract()
		if err != nil {
			return 0, 0, fmt.Errorf("create router: %w", err)
		}
		made[i].router = router.ID
	}
	forward, err = timed(n, func(i int) error { return r.forward(ctx, &made[i], i) })
	if err != nil {
		return 0, 0, err
	}
	back, err = timed(n, func(i int) error { return r.back(ctx, made[i]) })
	if err != nil {
		return 0, 0, err
	}
	for _, c := range made {
		err = errors.Join(err, routers.Delete(ctx, r.network, c.router).ExtractErr())
	}
	return forward, back, err
}

// forward is network, subnet, port, interface, routes, and one list that shows them ready.
func (r *rawCloud) forward(ctx context.Context, c *chain, i int) error {
	network, err := networks.Create(ctx, r.network, networks.CreateOpts{Name: "bench"}).Extract()
	if err != nil {
		return fmt.Errorf("create network: %w", err)
	}
	c.network = network.ID
	cidr, gateway, address := link(i)
	subnet, err := subnets.Create(ctx, r.network, subnets.CreateOpts{NetworkID: c.network, CIDR: cidr, GatewayIP: &gateway, IPVersion: gophercloud.IPv4}).Extract()
	if err != nil {
		return fmt.Errorf("create subnet: %w", err)
	}
	c.subnet = subnet.ID
	port, err := ports.Create(ctx, r.network, ports.CreateOpts{NetworkID: c.network, FixedIPs: []ports.IP{{SubnetID: c.subnet, IPAddress: address}}}).Extract()
	if err != nil {
		return fmt.Errorf("create port: %w", err)
	}
	c.port = port.ID
	if _, err := routers.AddInterface(ctx, r.network, c.router, routers.AddInterfaceOpts{PortID: c.port}).Extract(); err != nil {
		return fmt.Errorf("add interface: %w", err)
	}
	routes := []routers.Route{{DestinationCIDR: "10.0.0.0/8", NextHop: gateway}}
	if _, err := routers.Update(ctx, r.network, c.router, routers.UpdateOpts{Routes: &routes}).Extract(); err != nil {
		return fmt.Errorf("set routes: %w", err)
	}
	if _, err := ports.List(r.network, ports.ListOpts{DeviceID: c.router}).AllPages(ctx); err != nil {
		return fmt.Errorf("list ports: %w", err)
	}
	return nil
}

// back is the same in reverse, and one list that shows them gone.
func (r *rawCloud) back(ctx context.Context, c chain) error {
	if _, err := routers.Update(ctx, r.network, c.router, routers.UpdateOpts{Routes: &[]routers.Route{}}).Extract(); err != nil {
		return fmt.Errorf("clear routes: %w", err)
	}
	if _, err := routers.RemoveInterface(ctx, r.network, c.router, routers.RemoveInterfaceOpts{PortID: c.port}).Extract(); err != nil {
		return fmt.Errorf("remove interface: %w", err)
	}
	if err := subnets.Delete(ctx, r.network, c.subnet).ExtractErr(); err != nil {
		return fmt.Errorf("delete subnet: %w", err)
	}
	if err := networks.Delete(ctx, r.network, c.network).ExtractErr(); err != nil {
		return fmt.Errorf("delete network: %w", err)
	}
	if _, err := networks.List(r.network, networks.ListOpts{ID: c.network}).AllPages(ctx); err != nil {
		return fmt.Errorf("list networks: %w", err)
	}
	return nil
}

// link is the i-th /30 and its two addresses.
func link(i int) (cidr, gateway, address string) {
	base := i * 4
	prefix := fmt.Sprintf("198.18.%d.", base>>8)
	return fmt.Sprintf("%s%d/30", prefix, base&255), fmt.Sprintf("%s%d", prefix, base&255+1), fmt.Sprintf("%s%d", prefix, base&255+2)
}
