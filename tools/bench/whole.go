package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/attributestags"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/extraroutes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
)

// rawConnections is how many calls at once the platform makes to one service of a cloud (libs/openstack).
const rawConnections = 64

// bounded gives raw calls the connections that the platform has.
func bounded(provider *gophercloud.ProviderClient) {
	provider.HTTPClient.Transport = &http.Transport{MaxConnsPerHost: rawConnections, MaxIdleConnsPerHost: rawConnections}
}

// whole is one VPC made by raw calls.
type whole struct {
	network, subnet, router, group, link, linkSubnet, port string
	linkCIDR, cidr, gateway, address                       string
}

// wholes makes n VPCs at once by the calls that the platform makes (services/network/README.md), and returns how long the last took. It
// removes them again.
func (r *rawCloud) wholes(ctx context.Context, n int) (took time.Duration, err error) {
	hub, err := routers.Create(ctx, r.network, routers.CreateOpts{Name: "bench-hub"}).Extract()
	if err != nil {
		return 0, fmt.Errorf("create the hub's router: %w", err)
	}
	made := make([]whole, n)
	took, err = timed(n, func(i int) error { return r.vpc(ctx, hub.ID, i, &made[i]) })
	_, undone := timed(n, func(i int) error { return r.unmake(ctx, hub.ID, &made[i]) })
	return took, errors.Join(err, undone, routers.Delete(ctx, r.network, hub.ID).ExtractErr())
}

// vpc makes one VPC. Calls that need one another follow each other, all others run side by side.
func (r *rawCloud) vpc(ctx context.Context, hub string, i int, w *whole) error {
	w.linkCIDR, w.gateway, w.address = link(i)
	w.cidr = fmt.Sprintf("10.%d.%d.0/24", 100+i/250, i%250)
	var router sync.WaitGroup
	router.Add(1)
	return together(
		func() error {
			defer router.Done()
			return r.rawRouter(ctx, w)
		},
		func() error { return r.rawGroup(ctx, w) },
		func() error { return r.rawNetwork(ctx, w, router.Wait) },
		func() error { return r.rawLink(ctx, hub, w, router.Wait) },
	)
}

func (r *rawCloud) tag(ctx context.Context, kind, id string) error {
	err := attributestags.ReplaceAll(ctx, r.network, kind, id, attributestags.ReplaceAllOpts{Tags: []string{"bench"}}).Err
	return wrap("tag "+kind, err)
}

func (r *rawCloud) rawRouter(ctx context.Context, w *whole) error {
	made, err := routers.Create(ctx, r.network, routers.CreateOpts{Name: "bench"}).Extract()
	if err != nil {
		return wrap("create router", err)
	}
	w.router = made.ID
	return nil
}

func (r *rawCloud) rawGroup(ctx context.Context, w *whole) error {
	group, err := groups.Create(ctx, r.network, groups.CreateOpts{Name: "bench"}).Extract()
	if err != nil {
		return wrap("create security group", err)
	}
	w.group = group.ID
	return together(
		func() error { return r.tag(ctx, "security-groups", group.ID) },
		func() error {
			if _, err := rules.List(r.network, rules.ListOpts{SecGroupID: group.ID}).AllPages(ctx); err != nil {
				return wrap("list rules", err)
			}
			var opts []rules.CreateOpts
			for _, source := range []string{w.cidr, w.linkCIDR} {
				opts = append(opts, rules.CreateOpts{Direction: rules.DirIngress, EtherType: rules.EtherType4, SecGroupID: group.ID, RemoteIPPrefix: source})
			}
			_, err := rules.CreateBulk(ctx, r.network, opts).Extract()
			return wrap("create rules", err)
		},
	)
}

func (r *rawCloud) rawNetwork(ctx context.Context, w *whole, router func()) error {
	network, err := networks.Create(ctx, r.network, networks.CreateOpts{Name: "bench"}).Extract()
	if err != nil {
		return wrap("create network", err)
	}
	w.network = network.ID
	return together(
		func() error { return r.tag(ctx, "networks", network.ID) },
		func() error {
			subnet, err := subnets.Create(ctx, r.network, subnets.CreateOpts{NetworkID: network.ID, CIDR: w.cidr, IPVersion: gophercloud.IPv4}).Extract()
			if err != nil {
				return wrap("create subnet", err)
			}
			w.subnet = subnet.ID
			router()
			return together(
				func() error { return r.tag(ctx, "routers", w.router) },
				func() error { return r.join(ctx, w.router, routers.AddInterfaceOpts{SubnetID: subnet.ID}) },
			)
		},
	)
}

func (r *rawCloud) rawLink(ctx context.Context, hub string, w *whole, router func()) error {
	network, err := networks.Create(ctx, r.network, networks.CreateOpts{Name: "bench-link"}).Extract()
	if err != nil {
		return wrap("create link network", err)
	}
	w.link = network.ID
	return together(
		func() error { return r.tag(ctx, "networks", network.ID) },
		func() error {
			off := false
			opts := subnets.CreateOpts{NetworkID: network.ID, CIDR: w.linkCIDR, GatewayIP: &w.gateway, IPVersion: gophercloud.IPv4, EnableDHCP: &off}
			subnet, err := subnets.Create(ctx, r.network, opts).Extract()
			if err != nil {
				return wrap("create link subnet", err)
			}
			w.linkSubnet = subnet.ID
			return together(
				func() error {
					if err := r.join(ctx, hub, routers.AddInterfaceOpts{SubnetID: subnet.ID}); err != nil {
						return err
					}
					return r.route(ctx, hub, w.cidr, w.address)
				},
				func() error { return r.rawPort(ctx, w, router) },
			)
		},
	)
}

func (r *rawCloud) rawPort(ctx context.Context, w *whole, router func()) error {
	port, err := ports.Create(ctx, r.network, ports.CreateOpts{NetworkID: w.link, FixedIPs: []ports.IP{{SubnetID: w.linkSubnet, IPAddress: w.address}}}).Extract()
	if err != nil {
		return wrap("create port", err)
	}
	w.port = port.ID
	router()
	if err := r.join(ctx, w.router, routers.AddInterfaceOpts{PortID: port.ID}); err != nil {
		return err
	}
	return r.route(ctx, w.router, "10.0.0.0/8", w.gateway)
}

func (r *rawCloud) join(ctx context.Context, router string, to routers.AddInterfaceOpts) error {
	return wrap("add interface", routers.AddInterface(ctx, r.network, router, to).Err)
}

func (r *rawCloud) route(ctx context.Context, router, destination, hop string) error {
	routes := []routers.Route{{DestinationCIDR: destination, NextHop: hop}}
	return wrap("add route", extraroutes.Add(ctx, r.network, router, extraroutes.Opts{Routes: &routes}).Err)
}

// unmake removes what was made of one VPC.
func (r *rawCloud) unmake(ctx context.Context, hub string, w *whole) error {
	type removal struct {
		doing, id string
		do        func(id string) error
	}
	unroute := func(router, destination, hop string) func(string) error {
		routes := []routers.Route{{DestinationCIDR: destination, NextHop: hop}}
		return func(string) error {
			return extraroutes.Remove(ctx, r.network, router, extraroutes.Opts{Routes: &routes}).Err
		}
	}
	leave := func(router string) func(string) error {
		return func(subnet string) error {
			return routers.RemoveInterface(ctx, r.network, router, routers.RemoveInterfaceOpts{SubnetID: subnet}).Err
		}
	}
	network := func(id string) error { return networks.Delete(ctx, r.network, id).ExtractErr() }
	for _, step := range []removal{
		{"remove the hub's route", w.linkSubnet, unroute(hub, w.cidr, w.address)},
		{"remove the router's route", w.port, unroute(w.router, "10.0.0.0/8", w.gateway)},
		{"leave the link", w.linkSubnet, leave(hub)},
		{"leave the link", w.port, func(port string) error {
			return routers.RemoveInterface(ctx, r.network, w.router, routers.RemoveInterfaceOpts{PortID: port}).Err
		}},
		{"leave the subnet", w.subnet, leave(w.router)},
		{"delete the link network", w.link, network},
		{"delete the network", w.network, network},
		{"delete the router", w.router, func(id string) error { return routers.Delete(ctx, r.network, id).ExtractErr() }},
		{"delete the security group", w.group, func(id string) error { return groups.Delete(ctx, r.network, id).ExtractErr() }},
	} {
		if step.id == "" {
			continue
		}
		if err := step.do(step.id); err != nil {
			return wrap(step.doing, err)
		}
	}
	return nil
}

// together runs all at once and returns their errors.
func together(all ...func() error) error {
	_, err := timed(len(all), func(i int) error { return all[i]() })
	return err
}

func wrap(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
