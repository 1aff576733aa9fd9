package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/quotasets"
	"github.com/gophercloud/gophercloud/v2/openstack/common/extensions"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/roles"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/libs/openstack/glance"
	"github.com/low-layer/platform/libs/openstack/placement"
	"github.com/low-layer/platform/libs/openstack/sizes"
)

// hostsApart is how many hypervisors a DEDICATED bastion needs.
const hostsApart = 3

// needed are the extensions of Neutron that the platform's networks are made with.
var needed = []string{
	"address-scope", "external-net", "extraroute-atomic", "port-security", "quotas", "router", "security-group", "standard-attr-tag", "subnet_allocation",
}

func (d *Doctor) admin(who openstack.Identified) Finding {
	f := fine("user %s has the role admin", who.UserID)
	if !slices.Contains(who.Roles, "admin") {
		f = failed("openstack role add --user "+who.UserID+" --project "+who.ProjectID+" admin",
			"user %s has the roles %s, and the platform needs admin", who.UserID, strings.Join(who.Roles, ", "))
	}
	f.Check = "credentials"
	return f
}

func (d *Doctor) services(ctx context.Context) Finding {
	var missing []string
	for _, s := range []struct {
		name string
		open func(context.Context) (*gophercloud.ServiceClient, error)
	}{
		{"identity", d.client.Identity},
		{"network", d.client.Network},
		{"compute", d.client.Compute},
		{"placement", d.client.Placement},
		{"image", d.client.Image},
		{"block-storage", d.client.BlockStorage},
	} {
		if _, err := s.open(ctx); err != nil {
			missing = append(missing, s.name)
		}
	}
	if len(missing) > 0 {
		return failed("openstack endpoint create, for each of them", "the catalogue has no endpoint of %s", strings.Join(missing, ", "))
	}
	return fine("the catalogue has all six services")
}

func (d *Doctor) roles(ctx context.Context) Finding {
	identity, err := d.client.Identity(ctx)
	if err != nil {
		return unknown(err)
	}
	pages, err := roles.List(identity, roles.ListOpts{Name: d.role}).AllPages(ctx)
	if err != nil {
		return unknown(err)
	}
	found, err := roles.ExtractRoles(pages)
	switch {
	case err != nil:
		return unknown(err)
	case len(found) == 0:
		return failed("openstack role create "+d.role, "there is no role %s", d.role)
	}
	return fine("there is a role %s", d.role)
}

func (d *Doctor) extensions(ctx context.Context) Finding {
	network, err := d.client.Network(ctx)
	if err != nil {
		return unknown(err)
	}
	pages, err := extensions.List(network).AllPages(ctx)
	if err != nil {
		return unknown(err)
	}
	found, err := extensions.ExtractExtensions(pages)
	if err != nil {
		return unknown(err)
	}
	missing := slices.DeleteFunc(slices.Clone(needed), func(alias string) bool {
		return slices.ContainsFunc(found, func(e extensions.Extension) bool { return e.Alias == alias })
	})
	if len(missing) > 0 {
		return failed("add them to service_plugins and extension_drivers of neutron.conf", "Neutron lacks %s", strings.Join(missing, ", "))
	}
	return fine("Neutron has all %d extensions", len(needed))
}

func (d *Doctor) external(ctx context.Context) Finding {
	network, err := d.client.Network(ctx)
	if err != nil {
		return unknown(err)
	}
	found, err := openstack.List[struct {
		Name string `json:"name"`
	}](ctx, network, "networks", map[string][]string{"router:external": {"true"}}, "name")
	switch {
	case err != nil:
		return unknown(err)
	case len(found) == 0:
		f := failed("openstack network create --external NAME, with a subnet", "there is no external network: nothing is reachable from outside")
		f.Verdict = Warn
		return f
	}
	return fine("external network %s", found[0].Name)
}

func (d *Doctor) hypervisors(ctx context.Context) Finding {
	all, err := d.hosts(ctx)
	if err != nil {
		return unknown(err)
	}
	running := keep(all, func(h host) bool { return h.running })
	switch {
	case len(running) == 0:
		return failed("add a hypervisor, or enable one: openstack compute service set --enable HOST nova-compute", "no hypervisor takes servers")
	case len(running) < hostsApart:
		f := failed("add hypervisors", "%d hypervisors take servers; the three servers of a DEDICATED bastion need one each", len(running))
		f.Verdict = Warn
		return f
	}
	return fine("%d of %d hypervisors take servers", len(running), len(all))
}

func (d *Doctor) flavors(ctx context.Context) Finding {
	hosts, err := d.hosts(ctx)
	if err != nil {
		return unknown(err)
	}
	missing, different, err := d.compare(ctx, recipe(hosts))
	switch {
	case err != nil:
		return unknown(err)
	case len(different) > 0:
		return failed("openstack flavor delete, for each of them; then lowlayer platform bootstrap", "the flavors %s are not as the platform makes them",
			strings.Join(different, ", "))
	case len(missing) > 0:
		names := make([]string, len(missing))
		for i, f := range missing {
			names[i] = f.Name
		}
		return failed("lowlayer platform bootstrap", "the flavors %s are missing", strings.Join(names, ", "))
	}
	return fine("all flavors are there, dedicated ones by %s", recipe(hosts))
}

func (d *Doctor) dedicated(ctx context.Context) Finding {
	hosts, err := d.hosts(ctx)
	if err != nil {
		return unknown(err)
	}
	way := recipe(hosts)
	ready := keep(hosts, func(h host) bool { return h.dedicated(way) })
	if way == sizes.Apart {
		_, all, err := d.aggregates(ctx)
		if err != nil {
			return unknown(err)
		}
		ready = keep(ready, func(h host) bool {
			for _, a := range all {
				if a.Name == sizes.Aggregate && slices.Contains(a.Hosts, h.name) {
					return true
				}
			}
			return false
		})
	}
	if len(ready) < hostsApart {
		f := failed(fmt.Sprintf("set cpu_dedicated_set in nova.conf, or lowlayer platform bootstrap --dedicated-host HOST, for at least %d hypervisors", hostsApart),
			"%d hypervisors have processors for DEDICATED machines", len(ready))
		f.Verdict = Warn // MUTUALIZED works
		return f
	}
	return fine("%s have processors for DEDICATED machines", hostNames(ready))
}

func (d *Doctor) memory(ctx context.Context) Finding {
	hosts, err := d.hosts(ctx)
	if err != nil {
		return unknown(err)
	}
	way := recipe(hosts)
	over := keep(hosts, func(h host) bool { return h.dedicated(way) && h.stock[placement.RAM].AllocationRatio != 1 })
	if len(over) > 0 {
		return failed("set initial_ram_allocation_ratio = 1.0 in nova.conf, and: openstack resource provider inventory set --amend --resource MEMORY_MB:allocation_ratio=1.0 PROVIDER",
			"%s give the memory of DEDICATED machines away more than once", hostNames(over))
	}
	return fine("no hypervisor of DEDICATED machines gives memory away twice")
}

func (d *Doctor) images(ctx context.Context) Finding {
	found, err := client.NewGlance(d.client).Images(ctx, d.image)
	if err != nil {
		return unknown(err)
	}
	if !slices.ContainsFunc(found, func(i glance.Image) bool { return i.Status == glance.Active }) {
		return failed("lowlayer platform bootstrap --image FILE", "there is no image %s that servers boot from", d.image)
	}
	return fine("image %s", d.image)
}

// quotas checks what a new project gets of Cinder, whose quotas the platform does not set.
func (d *Doctor) quotas(ctx context.Context) Finding {
	who, err := d.client.Whoami(ctx)
	if err != nil {
		return unknown(err)
	}
	volume, err := d.client.BlockStorage(ctx)
	if err != nil {
		return unknown(err)
	}
	q, err := quotasets.Get(ctx, volume, who.ProjectID).Extract()
	if err != nil {
		return unknown(err)
	}
	if q.Volumes >= 0 && q.Volumes < hostsApart {
		return failed("openstack quota set --class default --volumes 10", "a project may have %d volumes, and a DEDICATED bastion needs %d", q.Volumes, hostsApart)
	}
	return fine("a project may have %d volumes of together %d GiB", q.Volumes, q.Gigabytes)
}
