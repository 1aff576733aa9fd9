//go:build acceptance

package acceptance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/roles"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/users"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
	"github.com/gophercloud/gophercloud/v2/pagination"
)

// A server that is not built by then will not be, and is ordered again, so often in all.
const (
	bootPatience = 2 * time.Minute
	boots        = 3
)

// cloud is the operator's view of the real OpenStack.
type cloud struct {
	t                *testing.T
	auth             gophercloud.AuthOptions
	endpoint         gophercloud.EndpointOpts
	identity         *gophercloud.ServiceClient
	network, compute *gophercloud.ServiceClient
	image            *gophercloud.ServiceClient
}

func openCloud(t *testing.T) *cloud {
	t.Helper()
	file, name := lab(t)
	auth, endpoint, _, err := clouds.Parse(clouds.WithLocations(file), clouds.WithCloudName(name))
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{t: t, auth: auth, endpoint: endpoint}
	provider := c.login(auth)
	c.identity = client(t, provider, endpoint, openstack.NewIdentityV3)
	c.network = client(t, provider, endpoint, openstack.NewNetworkV2)
	c.compute = client(t, provider, endpoint, openstack.NewComputeV2)
	c.image = client(t, provider, endpoint, openstack.NewImageV2)
	return c
}

func (c *cloud) login(auth gophercloud.AuthOptions) *gophercloud.ProviderClient {
	c.t.Helper()
	provider, err := config.NewProviderClient(c.t.Context(), auth)
	if err != nil {
		c.t.Fatalf("log in to the cloud: %v", err)
	}
	return provider
}

func client(t *testing.T, provider *gophercloud.ProviderClient, endpoint gophercloud.EndpointOpts,
	open func(*gophercloud.ProviderClient, gophercloud.EndpointOpts) (*gophercloud.ServiceClient, error),
) *gophercloud.ServiceClient {
	t.Helper()
	c, err := open(provider, endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// must ends the test on an error of the cloud.
func must[T any](t *testing.T, doing string) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", doing, err)
		}
		return v
	}
}

// in returns a compute client whose servers belong to the project. The operator first takes a role there.
func (c *cloud) in(project string) *gophercloud.ServiceClient {
	t := c.t
	t.Helper()
	ctx := t.Context()
	user := must[[]users.User](t, "find the operator's user")(listUsers(ctx, c.identity, c.auth.Username))
	role := must[[]roles.Role](t, "find the role admin")(listRoles(ctx, c.identity, "admin"))
	err := roles.Assign(ctx, c.identity, role[0].ID, roles.AssignOpts{UserID: user[0].ID, ProjectID: project}).ExtractErr()
	if err != nil {
		t.Fatalf("take a role on project %s: %v", project, err)
	}
	auth := c.auth
	auth.TenantName, auth.TenantID, auth.Scope = "", "", &gophercloud.AuthScope{ProjectID: project}
	return client(t, c.login(auth), c.endpoint, openstack.NewComputeV2)
}

func listUsers(ctx context.Context, c *gophercloud.ServiceClient, name string) ([]users.User, error) {
	page, err := users.List(c, users.ListOpts{Name: name, DomainID: "default"}).AllPages(ctx)
	if err != nil {
		return nil, err
	}
	return users.ExtractUsers(page)
}

func listRoles(ctx context.Context, c *gophercloud.ServiceClient, name string) ([]roles.Role, error) {
	page, err := roles.List(c, roles.ListOpts{Name: name}).AllPages(ctx)
	if err != nil {
		return nil, err
	}
	return roles.ExtractRoles(page)
}

// boots are the flavor and image of the test's servers.
func (c *cloud) boots() (flavor, image string) {
	t := c.t
	t.Helper()
	ctx := t.Context()
	suffix := fmt.Sprint(time.Now().UnixNano())
	f := must[*flavors.Flavor](t, "create a flavor")(flavors.Create(ctx, c.compute, flavors.CreateOpts{Name: "acceptance-" + suffix, RAM: 256, VCPUs: 1, Disk: gophercloud.IntToPointer(1)}).Extract())
	visibility := images.ImageVisibilityPublic
	i := must[*images.Image](t, "create an image")(images.Create(ctx, c.image, images.CreateOpts{
		Name: "acceptance-" + suffix, DiskFormat: "raw", ContainerFormat: "bare", Visibility: &visibility,
	}).Extract())
	if err := imagedata.Upload(ctx, c.image, i.ID, strings.NewReader(strings.Repeat("\x00", 1<<16))).ExtractErr(); err != nil {
		t.Fatalf("upload the image: %v", err)
	}
	t.Cleanup(func() {
		clean := context.WithoutCancel(ctx)
		if err := flavors.Delete(clean, c.compute, f.ID).ExtractErr(); err != nil {
			t.Errorf("delete the flavor: %v", err)
		}
		if err := images.Delete(clean, c.image, i.ID).ExtractErr(); err != nil {
			t.Errorf("delete the image: %v", err)
		}
	})
	return f.ID, i.ID
}

// server is one booted server with its port.
type server struct{ name, id, port, ip string }

// place is a network that servers are booted in.
type place struct{ name, project, network, group string }

// boot boots one server in each place and waits, by listing, until all are ACTIVE. Nova loses an order now and then (a message
// to nova-compute without a reply leaves a server in BUILD for ever); such a server is ordered again, and said so.
func (c *cloud) boot(places []place) map[string]server {
	t := c.t
	t.Helper()
	ctx := t.Context()
	flavor, image := c.boots()
	made := make(map[string]server)
	t.Cleanup(func() { c.unboot(made) })
	byProject := make(map[string]*gophercloud.ServiceClient)
	for _, p := range places {
		if byProject[p.project] == nil {
			byProject[p.project] = c.in(p.project)
		}
		security := []string{p.group}
		port := must[*ports.Port](t, "create a port in "+p.name)(ports.Create(ctx, c.network, ports.CreateOpts{
			Name: "acceptance-" + p.name, NetworkID: p.network, ProjectID: p.project, SecurityGroups: &security,
		}).Extract())
		made[p.name] = server{name: p.name, port: port.ID, ip: port.FixedIPs[0].IPAddress}
	}
	for range boots {
		for _, p := range places {
			m := made[p.name]
			if m.id != "" {
				continue
			}
			s := must[*servers.Server](t, "boot a server in "+p.name)(servers.Create(ctx, byProject[p.project], servers.CreateOpts{
				Name: p.name, FlavorRef: flavor, ImageRef: image, Networks: []servers.Network{{Port: m.port}},
			}, nil).Extract())
			m.id = s.ID
			made[p.name] = m
		}
		stuck := c.waitServers(made, func(s servers.Server) bool { return s.Status == "ACTIVE" })
		if len(stuck) == 0 {
			return made
		}
		for _, s := range stuck {
			t.Logf("server %s is %s, task %q, host %q after %s: ordered again", s.Name, s.Status, s.TaskState, s.Host, bootPatience)
			c.remove(made, s.Name)
		}
	}
	t.Fatalf("the servers are not ready after %d orders", boots)
	return nil
}

// remove takes a server away and keeps its port.
func (c *cloud) remove(made map[string]server, name string) {
	c.t.Helper()
	m := made[name]
	if err := servers.ForceDelete(c.t.Context(), c.compute, m.id).ExtractErr(); err != nil {
		c.t.Fatalf("delete server %s: %v", name, err)
	}
	if left := c.waitServers(map[string]server{name: m}, nil); len(left) > 0 {
		c.t.Fatalf("server %s does not go: %+v", name, left)
	}
	m.id = ""
	made[name] = m
}

// waitServers waits, by listing, until every server is as it should be, or is gone when no state is asked for, and returns
// those that are not in time. A server in ERROR ends the test.
func (c *cloud) waitServers(made map[string]server, ready func(servers.Server) bool) (late []servers.Server) {
	t := c.t
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), bootPatience)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		all, err := c.servers(ctx)
		switch {
		case err != nil && ctx.Err() != nil && len(late) > 0: // the time ended while Nova was asked
			return late
		case err != nil:
			t.Fatalf("list servers: %v", err)
		}
		ours := slices.DeleteFunc(all, func(s servers.Server) bool { return made[s.Name].id != s.ID })
		present := len(ours)
		late = slices.DeleteFunc(ours, func(s servers.Server) bool { return ready != nil && ready(s) })
		if len(late) == 0 && (ready == nil || present == len(made)) {
			return nil
		}
		for _, s := range late {
			if s.Status == "ERROR" && ready != nil {
				t.Fatalf("server %s: %s", s.Name, s.Fault.Message)
			}
		}
		select {
		case <-ctx.Done():
			if len(late) == 0 {
				t.Fatalf("of %d servers Nova lists %d", len(made), present)
			}
			return late
		case <-tick.C:
		}
	}
}

func (c *cloud) servers(ctx context.Context) ([]servers.Server, error) {
	page, err := servers.List(c.compute, servers.ListOpts{AllTenants: true}).AllPages(ctx)
	if err != nil {
		return nil, err
	}
	return servers.ExtractServers(page)
}

// unboot removes the servers and their ports.
func (c *cloud) unboot(made map[string]server) {
	ctx := context.WithoutCancel(c.t.Context())
	for _, s := range made {
		if s.id == "" {
			continue
		}
		if err := servers.Delete(ctx, c.compute, s.id).ExtractErr(); err != nil {
			c.t.Errorf("delete server %s: %v", s.name, err)
		}
	}
	if left := c.waitServers(made, nil); len(left) > 0 {
		c.t.Errorf("servers do not go: %+v", left)
	}
	for _, s := range made {
		err := ports.Delete(ctx, c.network, s.port).ExtractErr()
		if err != nil && !gophercloud.ResponseCodeIs(err, 404) {
			c.t.Errorf("delete the port of %s: %v", s.name, err)
		}
	}
}

// holds counts what Neutron holds that carries the word in its name, by type, with the ports of such networks and routers.
func (c *cloud) holds(word string) map[string]int {
	t := c.t
	t.Helper()
	counts, ours := make(map[string]int), make(map[string]bool)
	count := func(kind, name, id string) {
		if strings.Contains(name, word) {
			counts[kind]++
			ours[id] = true
		}
	}
	for _, n := range list(t, networks.List(c.network, networks.ListOpts{}), networks.ExtractNetworks) {
		count("network", n.Name, n.ID)
	}
	for _, s := range list(t, subnets.List(c.network, subnets.ListOpts{}), subnets.ExtractSubnets) {
		count("subnet", s.Name, s.ID)
	}
	for _, r := range list(t, routers.List(c.network, routers.ListOpts{}), routers.ExtractRouters) {
		count("router", r.Name, r.ID)
	}
	for _, g := range list(t, groups.List(c.network, groups.ListOpts{}), groups.ExtractGroups) {
		count("security_group", g.Name, g.ID)
	}
	for _, p := range list(t, ports.List(c.network, ports.ListOpts{}), ports.ExtractPorts) {
		if strings.Contains(p.Name, word) || ours[p.NetworkID] || ours[p.DeviceID] {
			counts["port"]++
		}
	}
	return counts
}

// routes counts the routes of all routers.
func (c *cloud) routes() int {
	c.t.Helper()
	n := 0
	for _, r := range list(c.t, routers.List(c.network, routers.ListOpts{}), routers.ExtractRouters) {
		n += len(r.Routes)
	}
	return n
}

func list[T any](t *testing.T, pager pagination.Pager, extract func(pagination.Page) ([]T, error)) []T {
	t.Helper()
	page, err := pager.AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := extract(page)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
