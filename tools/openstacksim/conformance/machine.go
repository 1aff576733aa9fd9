package conformance

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servergroups"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/volumeattach"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
	"github.com/gophercloud/gophercloud/v2/openstack/placement/v1/allocations"
)

const (
	// buildTime bounds the build of one server on a slow cloud.
	buildTime = 2 * time.Minute
	// pollTime is the time between two looks at an object that changes.
	pollTime = 250 * time.Millisecond
	// tooManyCPUs is more than any hypervisor has.
	tooManyCPUs = 4096
)

// yard is what machines of one project are made with.
type yard struct {
	*env
	tn              *tenant
	compute, volume *gophercloud.ServiceClient // of the tenant
	admin           *gophercloud.ServiceClient // Nova, as the administrator
	placement       *gophercloud.ServiceClient
	flavor, image   string
	network         string
}

func (e *env) yard(what string) *yard {
	e.t.Helper()
	y := &yard{env: e, tn: e.tenant(what)}
	client := func(
		p *gophercloud.ProviderClient, open func(*gophercloud.ProviderClient, gophercloud.EndpointOpts) (*gophercloud.ServiceClient, error), version string,
	) *gophercloud.ServiceClient {
		c, err := open(p, e.target.Endpoints)
		e.must("client", err)
		c.Microversion = version
		return c
	}
	y.compute = client(y.tn.provider, openstack.NewComputeV2, "2.90")
	y.admin = client(e.target.Admin, openstack.NewComputeV2, "2.90")
	y.placement = client(e.target.Admin, openstack.NewPlacementV1, "1.39")
	if e.target.Volumes {
		y.volume = client(y.tn.provider, openstack.NewBlockStorageV3, "")
	}
	y.flavor = y.newFlavor("flavor", 1)
	y.image = y.newImage(client(e.target.Admin, openstack.NewImageV2, ""))
	n, err := networks.Create(e.ctx(), y.tn.network, networks.CreateOpts{Name: e.name("net")}).Extract()
	e.must("create network", err)
	y.network = n.ID
	e.later("network", func(ctx context.Context) error { return networks.Delete(ctx, e.network, n.ID).ExtractErr() })
	_, err = subnets.Create(e.ctx(), y.tn.network, subnets.CreateOpts{NetworkID: n.ID, CIDR: "10.99.0.0/24", IPVersion: gophercloud.IPv4}).Extract()
	e.must("create subnet", err)
	return y
}

func (y *yard) newFlavor(name string, cpus int) string {
	y.t.Helper()
	f, err := flavors.Create(y.ctx(), y.admin, flavors.CreateOpts{Name: y.name(name), VCPUs: cpus, RAM: 64, Disk: ptr(1)}).Extract()
	y.must("create flavor", err)
	y.later("flavor", func(ctx context.Context) error { return flavors.Delete(ctx, y.admin, f.ID).ExtractErr() })
	return f.ID
}

func (y *yard) newImage(glance *gophercloud.ServiceClient) string {
	y.t.Helper()
	im, err := images.Create(y.ctx(), glance, images.CreateOpts{
		Name: y.name("image"), DiskFormat: "raw", ContainerFormat: "bare", Visibility: ptr(images.ImageVisibilityPublic),
	}).Extract()
	y.must("create image", err)
	y.later("image", func(ctx context.Context) error { return images.Delete(ctx, glance, im.ID).ExtractErr() })
	y.check(im.Status == images.ImageStatusQueued, "an image without data: %+v", im)
	y.must("upload image", imagedata.Upload(y.ctx(), glance, im.ID, strings.NewReader("not much of a disk")).ExtractErr())
	pages, err := images.List(glance, images.ListOpts{Name: y.name("image")}).AllPages(y.ctx())
	y.must("list images", err)
	found, err := images.ExtractImages(pages)
	y.must("read images", err)
	y.check(len(found) == 1 && found[0].ID == im.ID && found[0].Status == images.ImageStatusActive, "images by name: %+v", found)
	return im.ID
}

func (y *yard) port(name string) string {
	y.t.Helper()
	p, err := ports.Create(y.ctx(), y.tn.network, ports.CreateOpts{NetworkID: y.network, Name: y.name(name)}).Extract()
	y.must("create port", err)
	y.later("port", func(ctx context.Context) error { return ports.Delete(ctx, y.env.network, p.ID).ExtractErr() })
	return p.ID
}

// boot asks for a server with one port, as the tenant.
func (y *yard) boot(name, flavor, port string, hint servers.SchedulerHintOptsBuilder) (string, error) {
	s, err := servers.Create(y.ctx(), y.compute, servers.CreateOpts{
		Name: y.name(name), FlavorRef: flavor, ImageRef: y.image, Networks: []servers.Network{{Port: port}},
		UserData: []byte("#cloud-config\n"), Metadata: map[string]string{"llconf": y.suffix}, ConfigDrive: ptr(true),
	}, hint).Extract()
	if err != nil {
		return "", err
	}
	y.later("server", func(ctx context.Context) error { return y.drop(ctx, s.ID) })
	return s.ID, nil
}

// drop removes a server and waits until it is gone.
func (y *yard) drop(ctx context.Context, id string) error {
	if err := servers.Delete(ctx, y.admin, id).ExtractErr(); err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		_, err := servers.Get(ctx, y.admin, id).Extract()
		if gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
			return true, nil
		}
		return false, err
	})
}

// built waits for the end of a build.
func (y *yard) built(id string) *servers.Server {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(y.ctx(), buildTime)
	defer cancel()
	var s *servers.Server
	y.must("wait for server "+id, until(ctx, func() (ended bool, err error) {
		s, err = servers.Get(ctx, y.admin, id).Extract()
		return err == nil && s.Status != "BUILD", err
	}))
	return s
}

// until looks until the condition holds.
func until(ctx context.Context, holds func() (bool, error)) error {
	tick := time.NewTicker(pollTime)
	defer tick.Stop()
	for {
		if ok, err := holds(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (y *yard) allocated(id string) map[string]int {
	y.t.Helper()
	a, err := allocations.Get(y.ctx(), y.placement, id).Extract()
	y.must("read allocations", err)
	total := map[string]int{}
	for _, part := range a.Allocations {
		for class, n := range part.Resources {
			total[class] += n
		}
	}
	return total
}

// freed waits until Placement has nothing for a server: Nova gives that back after the server is gone.
func (y *yard) freed(id string) {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(y.ctx(), cleanupTime)
	defer cancel()
	y.must("wait until the allocations of server "+id+" are gone", until(ctx, func() (bool, error) { return len(y.allocated(id)) == 0, nil }))
}

func checkServer(_ *testing.T, e *env) {
	y := e.yard("server")
	port := y.port("port")
	id, err := y.boot("one", y.flavor, port, nil)
	e.must("boot", err)
	s := y.built(id)
	e.check(s.Status == "ACTIVE" && s.TenantID == y.tn.projectID && s.Metadata["llconf"] == e.suffix, "server: %+v", s)
	e.check(s.Flavor["original_name"] == e.name("flavor"), "flavor of the server: %v", s.Flavor)
	p, err := ports.Get(e.ctx(), e.network, port).Extract()
	e.must("read port", err)
	e.check(p.DeviceID == id && strings.HasPrefix(p.DeviceOwner, "compute:"), "port of the server: %+v", p)
	_, err = y.boot("two", y.flavor, port, nil)
	e.wants("a second server on the port", err, http.StatusConflict, "in use")
	pages, err := servers.List(y.admin, servers.ListOpts{AllTenants: true, TenantID: y.tn.projectID, Name: "^" + e.name("one") + "$"}).AllPages(e.ctx())
	e.must("list servers", err)
	found, err := servers.ExtractServers(pages)
	e.must("read servers", err)
	e.check(len(found) == 1 && found[0].ID == id, "servers by name and project: %+v", found)
	got := y.allocated(id)
	e.check(got["VCPU"] == 1 && got["MEMORY_MB"] == 64, "allocated: %v", got)
	e.must("delete server", y.drop(e.ctx(), id))
	y.freed(id)
	p, err = ports.Get(e.ctx(), e.network, port).Extract()
	e.must("read the port that was lent", err)
	e.check(p.DeviceID == "", "a port that was lent is free again: %+v", p)
	e.wants("delete it again", servers.Delete(e.ctx(), y.admin, id).ExtractErr(), http.StatusNotFound, "could not be found")
}

func checkFailedServer(_ *testing.T, e *env) {
	y := e.yard("failed")
	e.must("raise quota", y.raiseQuota())
	port := y.port("port")
	id, err := y.boot("huge", y.newFlavor("huge", tooManyCPUs), port, nil)
	e.must("boot", err)
	s := y.built(id)
	e.check(s.Status == "ERROR" && strings.Contains(s.Fault.Message, "No valid host was found"), "a server without a host: %+v", s)
	y.freed(id)
	e.must("delete server", y.drop(e.ctx(), id))
	p, err := ports.Get(e.ctx(), e.network, port).Extract()
	e.must("read the port that was lent", err)
	e.check(p.DeviceID == "", "the port of a failed server: %+v", p)
}

func (y *yard) raiseQuota() error {
	body := map[string]any{"quota_set": map[string]any{"cores": -1, "ram": -1}}
	return closed(y.admin.Put(y.ctx(), y.admin.ServiceURL("os-quota-sets", y.tn.projectID), body, nil, &gophercloud.RequestOpts{OkCodes: []int{http.StatusOK}}))
}

func checkServerGroup(_ *testing.T, e *env) {
	y := e.yard("group")
	g, err := servergroups.Create(e.ctx(), y.compute, servergroups.CreateOpts{Name: e.name("group"), Policy: "anti-affinity"}).Extract()
	e.must("create server group", err)
	e.later("server group", func(ctx context.Context) error { return servergroups.Delete(ctx, y.admin, g.ID).ExtractErr() })
	var hosts []string
	for _, name := range []string{"a", "b"} {
		id, err := y.boot(name, y.flavor, y.port(name), servers.SchedulerHintOpts{Group: g.ID})
		e.must("boot", err)
		s := y.built(id)
		e.check(s.Status == "ACTIVE", "server of the group: %+v", s)
		hosts = append(hosts, s.Host)
	}
	e.check(hosts[0] != hosts[1], "two servers of an anti-affinity group are on %s", hosts[0])
	pages, err := servergroups.List(y.admin, servergroups.ListOpts{AllProjects: true}).AllPages(e.ctx())
	e.must("list server groups", err)
	found, err := servergroups.ExtractServerGroups(pages)
	e.must("read server groups", err)
	there := false
	for _, f := range found {
		there = there || f.ID == g.ID && f.ProjectID == y.tn.projectID && f.Name == e.name("group")
	}
	e.check(there, "server groups of all projects: %+v", found)
}

func checkUserData(_ *testing.T, e *env) {
	y := e.yard("userdata")
	_, err := servers.Create(e.ctx(), y.compute, servers.CreateOpts{
		Name: e.name("fat"), FlavorRef: y.flavor, ImageRef: y.image, Networks: []servers.Network{{Port: y.port("port")}},
		UserData: []byte("#cloud-config\n" + strings.Repeat("#", 48<<10)),
	}, nil).Extract()
	e.wants("user data that has more than 64 KiB in base64", err, http.StatusBadRequest, "ser")
}

func (y *yard) volumeIs(id, status string) {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(y.ctx(), cleanupTime)
	defer cancel()
	y.must("wait until the volume is "+status, until(ctx, func() (bool, error) {
		v, err := volumes.Get(ctx, y.volume, id).Extract()
		return err == nil && v.Status == status, err
	}))
}

// checkVolume shows that a volume outlives the server that has it.
func checkVolume(_ *testing.T, e *env) {
	if !e.target.Volumes {
		e.t.Log("the cloud has no Cinder")
		return
	}
	y := e.yard("volume")
	v, err := volumes.Create(e.ctx(), y.volume, volumes.CreateOpts{Name: e.name("data"), Size: 1}, nil).Extract()
	e.must("create volume", err)
	e.later("volume", func(ctx context.Context) error { return volumes.Delete(ctx, y.volume, v.ID, nil).ExtractErr() })
	y.volumeIs(v.ID, "available")
	for _, name := range []string{"first", "second"} {
		id, err := y.boot(name, y.flavor, y.port(name), nil)
		e.must("boot", err)
		e.check(y.built(id).Status == "ACTIVE", "server %s is not active", name)
		_, err = volumeattach.Create(e.ctx(), y.compute, id, volumeattach.CreateOpts{VolumeID: v.ID}).Extract()
		e.must("attach volume", err)
		y.volumeIs(v.ID, "in-use")
		e.wants("delete an attached volume", volumes.Delete(e.ctx(), y.volume, v.ID, nil).ExtractErr(), http.StatusBadRequest, "status must be")
		got, err := volumes.Get(e.ctx(), y.volume, v.ID).Extract()
		e.must("read volume", err)
		e.check(len(got.Attachments) == 1 && got.Attachments[0].ServerID == id, "attachments: %+v", got.Attachments)
		if name == "first" {
			e.must("delete server", y.drop(e.ctx(), id))
		} else {
			e.must("detach volume", volumeattach.Delete(e.ctx(), y.compute, id, v.ID).ExtractErr())
		}
		y.volumeIs(v.ID, "available")
	}
	pages, err := volumes.List(y.volume, volumes.ListOpts{Name: e.name("data")}).AllPages(e.ctx())
	e.must("list volumes", err)
	found, err := volumes.ExtractVolumes(pages)
	e.must("read volumes", err)
	e.check(len(found) == 1 && found[0].ID == v.ID && found[0].TenantID == y.tn.projectID, "volumes by name: %+v", found)
	e.must("delete volume", volumes.Delete(e.ctx(), y.volume, v.ID, nil).ExtractErr())
	ctx, cancel := context.WithTimeout(e.ctx(), cleanupTime)
	defer cancel()
	e.must("wait until the volume is gone", until(ctx, func() (bool, error) {
		_, err := volumes.Get(ctx, y.volume, v.ID).Extract()
		if gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
			return true, nil
		}
		return false, err
	}))
}
