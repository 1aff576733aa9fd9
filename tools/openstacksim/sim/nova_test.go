package sim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/aggregates"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/availabilityzones"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/hypervisors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/keypairs"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/limits"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/quotasets"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servergroups"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/services"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func (l *lab) image(name string) string {
	l.t.Helper()
	im, err := images.Create(l.t.Context(), l.admin.image, images.CreateOpts{
		Name: name, DiskFormat: "raw", ContainerFormat: "bare", Visibility: p(images.ImageVisibilityPublic),
		Properties: map[string]string{"os_distro": "debian"},
	}).Extract()
	must(l.t, err)
	must(l.t, imagedata.Upload(l.t.Context(), l.admin.image, im.ID, strings.NewReader("0123456789")).ExtractErr())
	return im.ID
}

func (l *lab) flavor(name string, vcpus int, specs flavors.ExtraSpecsOpts) string {
	l.t.Helper()
	f, err := flavors.Create(l.t.Context(), l.admin.compute, flavors.CreateOpts{
		Name: name, VCPUs: vcpus, RAM: 4096, Disk: p(10),
	}).Extract()
	must(l.t, err)
	if specs != nil {
		_, err = flavors.CreateExtraSpecs(l.t.Context(), l.admin.compute, f.ID, specs).Extract()
		must(l.t, err)
	}
	return f.ID
}

func (tn *tenant) net(t testing.TB, name, cidr string) string {
	t.Helper()
	n, err := networks.Create(t.Context(), tn.network, networks.CreateOpts{Name: name}).Extract()
	must(t, err)
	_, err = subnets.Create(t.Context(), tn.network, subnets.CreateOpts{NetworkID: n.ID, CIDR: cidr, IPVersion: 4}).Extract()
	must(t, err)
	return n.ID
}

func (tn *tenant) boot(t testing.TB, name, image, flavor, group string, nets ...servers.Network) (string, error) {
	t.Helper()
	var hints servers.SchedulerHintOptsBuilder
	if group != "" {
		hints = servers.SchedulerHintOpts{Group: group}
	}
	s, err := servers.Create(t.Context(), tn.compute, servers.CreateOpts{
		Name: name, ImageRef: image, FlavorRef: flavor, Networks: nets, UserData: []byte("#cloud-config\n"),
		Metadata: map[string]string{"org": "a"}, ConfigDrive: p(true),
	}, hints).Extract()
	if err != nil {
		return "", err
	}
	return s.ID, nil
}

func (l *lab) server(id string) *servers.Server {
	l.t.Helper()
	s, err := servers.Get(l.t.Context(), l.admin.compute, id).Extract()
	must(l.t, err)
	return s
}

func TestServerLife(t *testing.T) {
	clock := newClock()
	l := start(t, sim.Options{Clock: clock, BuildDelay: 6 * time.Second})
	ctx := t.Context()
	tn := l.tenant("a")
	img, fl := l.image("node"), l.flavor("m8", 8, nil)
	netID := tn.net(t, "n", "10.64.0.0/24")
	lent, err := ports.Create(ctx, tn.network, ports.CreateOpts{NetworkID: netID, Name: "lent"}).Extract()
	must(t, err)
	_, err = keypairs.Create(ctx, tn.compute, keypairs.CreateOpts{
		Name: "k", Type: "ssh", PublicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f x",
	}).Extract()
	must(t, err)

	id, err := tn.boot(t, "one", img, fl, "", servers.Network{Port: lent.ID}, servers.Network{UUID: netID})
	must(t, err)
	s := l.server(id)
	if s.Status != "BUILD" || s.TaskState != "spawning" {
		t.Fatalf("at once: %s %s", s.Status, s.TaskState)
	}
	clock.advance(6 * time.Second)
	s = l.server(id)
	if s.Status != "ACTIVE" || s.Host == "" || s.HypervisorHostname != s.Host || len(s.Addresses["n"].([]any)) != 2 {
		t.Fatalf("after the build: %+v", s)
	}
	bound, err := ports.Get(ctx, tn.network, lent.ID).Extract()
	must(t, err)
	if bound.Status != "ACTIVE" || bound.DeviceID != id || bound.DeviceOwner != "compute:nova" {
		t.Fatalf("the lent port: %+v", bound)
	}
	_, err = tn.boot(t, "two", img, fl, "", servers.Network{Port: lent.ID})
	wantStatus(t, err, http.StatusConflict, "is still in use")

	must(t, servers.Stop(ctx, tn.compute, id).ExtractErr())
	wantStatus(t, servers.Stop(ctx, tn.compute, id).ExtractErr(), http.StatusConflict, "while it is in vm_state stopped")
	must(t, servers.Start(ctx, tn.compute, id).ExtractErr())
	must(t, servers.Reboot(ctx, tn.compute, id, servers.RebootOpts{Type: servers.SoftReboot}).ExtractErr())
	got, err := servers.Update(ctx, tn.compute, id, servers.UpdateOpts{Name: "renamed"}).Extract()
	must(t, err)
	if got.Name != "renamed" || got.Metadata["org"] != "a" {
		t.Fatalf("updated: %+v", got)
	}
	pages, err := servers.List(tn.compute, servers.ListOpts{Name: "^ren"}).AllPages(ctx)
	must(t, err)
	list, err := servers.ExtractServers(pages)
	must(t, err)
	if len(list) != 1 || list[0].ID != id {
		t.Fatalf("by name: %+v", list)
	}
	must(t, servers.Delete(ctx, tn.compute, id).ExtractErr())
	_, err = servers.Get(ctx, tn.compute, id).Extract()
	wantStatus(t, err, http.StatusNotFound, "could not be found")
	pp, err := ports.List(tn.network, ports.ListOpts{NetworkID: netID}).AllPages(ctx)
	must(t, err)
	left, err := ports.ExtractPorts(pp)
	must(t, err)
	if len(left) != 1 || left[0].ID != lent.ID || left[0].DeviceID != "" || left[0].Status != "DOWN" {
		t.Fatalf("the lent port stays, free: %+v", left)
	}
}

func TestNova_otherTenants_areAbsent(t *testing.T) {
	l := start(t, sim.Options{})
	a, b := l.tenant("a"), l.tenant("b")
	img, fl := l.image("node"), l.flavor("m1", 1, nil)
	netID := a.net(t, "n", "10.64.0.0/24")
	_, err := b.boot(t, "x", img, fl, "", servers.Network{UUID: netID})
	wantStatus(t, err, http.StatusBadRequest, "could not be found")
	id, err := a.boot(t, "y", img, fl, "", servers.Network{UUID: netID})
	must(t, err)
	_, err = servers.Get(t.Context(), b.compute, id).Extract()
	wantStatus(t, err, http.StatusNotFound, "Instance "+id)
	_, err = flavors.Create(t.Context(), b.compute, flavors.CreateOpts{Name: "f", VCPUs: 1, RAM: 1, Disk: p(0)}).Extract()
	wantStatus(t, err, http.StatusForbidden, "Policy doesn't allow os_compute_api:os-flavor-manage:create")
	_, err = a.boot(t, "z", "nosuch", fl, "")
	wantStatus(t, err, http.StatusBadRequest, "Can not find requested image")
	_, err = a.boot(t, "z", img, "nosuch", "")
	wantStatus(t, err, http.StatusBadRequest, "Flavor nosuch could not be found")
}

func TestNova_capacityAndQuota_hold(t *testing.T) {
	l := start(t, sim.Options{Hosts: 2})
	ctx := t.Context()
	tn := l.tenant("a")
	img := l.image("node")
	netID := tn.net(t, "n", "10.64.0.0/24")
	agg, err := aggregates.Create(ctx, l.admin.compute, aggregates.CreateOpts{Name: "dedicated"}).Extract()
	must(t, err)
	_, err = aggregates.SetMetadata(ctx, l.admin.compute, agg.ID, aggregates.SetMetadataOpts{Metadata: map[string]any{
		"lowlayer:mode": "dedicated", "trait:CUSTOM_DEDICATED": "required",
	}}).Extract()
	must(t, err)
	for _, h := range []string{"cmp1", "cmp2"} {
		_, err = aggregates.AddHost(ctx, l.admin.compute, agg.ID, aggregates.AddHostOpts{Host: h}).Extract()
		must(t, err)
		l.dedicate(h)
	}
	fl := l.flavor("d8", 8, flavors.ExtraSpecsOpts{
		"aggregate_instance_extra_specs:lowlayer:mode": "dedicated", "trait:CUSTOM_DEDICATED": "required",
	})
	plain := l.flavor("p1", 1, nil)
	g, err := servergroups.Create(ctx, tn.compute, servergroups.CreateOpts{Name: "aa", Policy: "anti-affinity"}).Extract()
	must(t, err)
	_, err = quotasets.Update(ctx, l.admin.compute, tn.projectID, quotasets.UpdateOpts{Cores: p(200), RAM: p(400000), Instances: p(40)}).Extract()
	must(t, err)

	boot := func(flavor, group string) *servers.Server {
		id, err := tn.boot(t, "s", img, flavor, group, servers.Network{UUID: netID})
		must(t, err)
		return l.server(id)
	}
	one, two, three := boot(fl, g.ID), boot(fl, g.ID), boot(fl, g.ID)
	if one.Status != "ACTIVE" || two.Status != "ACTIVE" || one.Host == two.Host {
		t.Fatalf("apart: %s on %s, %s on %s", one.Status, one.Host, two.Status, two.Host)
	}
	if three.Status != "ERROR" || !strings.Contains(three.Fault.Message, "No valid host was found.") {
		t.Fatalf("the third of two hosts: %s %+v", three.Status, three.Fault)
	}
	if s := boot(plain, ""); s.Status != "ERROR" {
		t.Fatalf("a flavor without the trait on isolated hosts: %s", s.Status)
	}
	for i := range 6 {
		if s := boot(fl, ""); s.Status != "ACTIVE" {
			t.Fatalf("fill %d: %s", i, s.Status)
		}
	}
	if s := boot(fl, ""); s.Status != "ERROR" {
		t.Fatalf("one more than fits: %s", s.Status)
	}
	_, err = servers.Create(ctx, tn.compute, servers.CreateOpts{
		Name: "many", ImageRef: img, FlavorRef: fl, Networks: []servers.Network{{UUID: netID}}, Min: 40, Max: 40,
	}, nil).Extract()
	wantStatus(t, err, http.StatusForbidden, "Quota exceeded for cores, instances")
	lim, err := limits.Get(ctx, tn.compute, limits.GetOpts{}).Extract()
	must(t, err)
	if lim.Absolute.MaxTotalCores != 200 || lim.Absolute.TotalInstancesUsed != 11 {
		t.Fatalf("limits: %+v", lim.Absolute)
	}
	q, err := quotasets.GetDetail(ctx, tn.compute, tn.projectID).Extract()
	must(t, err)
	if q.Cores.InUse != 11*8-7 || q.Cores.Limit != 200 {
		t.Fatalf("quota detail: %+v", q.Cores)
	}
}

func TestNova_oneCall_makesSeveralServers(t *testing.T) {
	l := start(t, sim.Options{})
	tn := l.tenant("a")
	netID := tn.net(t, "n", "10.64.0.0/24")
	_, err := servers.Create(t.Context(), tn.compute, servers.CreateOpts{
		Name: "w", ImageRef: l.image("node"), FlavorRef: l.flavor("m1", 1, nil),
		Networks: []servers.Network{{UUID: netID}}, Min: 6, Max: 6,
	}, nil).Extract()
	must(t, err)
	pages, err := servers.List(tn.compute, servers.ListOpts{Name: "w", Limit: 4}).AllPages(t.Context())
	must(t, err)
	list, err := servers.ExtractServers(pages)
	must(t, err)
	names := map[string]bool{}
	for _, s := range list {
		names[s.Name] = s.Status == "ACTIVE"
	}
	for i := 1; i <= 6; i++ {
		if !names[fmt.Sprintf("w-%d", i)] {
			t.Fatalf("servers: %v", names)
		}
	}
}

func TestFlavors(t *testing.T) {
	l := start(t, sim.Options{})
	ctx, c := t.Context(), l.admin.compute
	id := l.flavor("m1", 1, flavors.ExtraSpecsOpts{"a": "1"})
	_, err := flavors.Create(ctx, c, flavors.CreateOpts{Name: "m1", VCPUs: 1, RAM: 1, Disk: p(1)}).Extract()
	wantStatus(t, err, http.StatusConflict, "Flavor with name m1 already exists.")
	_, err = flavors.UpdateExtraSpec(ctx, c, id, flavors.ExtraSpecsOpts{"a": "2"}).Extract()
	must(t, err)
	specs, err := flavors.ListExtraSpecs(ctx, c, id).Extract()
	must(t, err)
	if specs["a"] != "2" {
		t.Fatalf("specs: %v", specs)
	}
	must(t, flavors.DeleteExtraSpec(ctx, c, id, "a").ExtractErr())
	wantStatus(t, flavors.DeleteExtraSpec(ctx, c, id, "a").ExtractErr(), http.StatusNotFound, "no extra specs with key a")
	hidden, err := flavors.Create(ctx, c, flavors.CreateOpts{Name: "h", VCPUs: 1, RAM: 1, Disk: p(1), IsPublic: p(false)}).Extract()
	must(t, err)
	tn := l.tenant("a")
	_, err = flavors.Get(ctx, tn.compute, hidden.ID).Extract()
	wantStatus(t, err, http.StatusNotFound, "could not be found")
	_, err = flavors.AddAccess(ctx, c, hidden.ID, flavors.AddAccessOpts{Tenant: tn.projectID}).Extract()
	must(t, err)
	pages, err := flavors.ListDetail(tn.compute, flavors.ListOpts{AccessType: flavors.AllAccess}).AllPages(ctx)
	must(t, err)
	list, err := flavors.ExtractFlavors(pages)
	must(t, err)
	if len(list) != 2 {
		t.Fatalf("flavors of the tenant: %+v", list)
	}
	must(t, flavors.Delete(ctx, c, id).ExtractErr())
}

func TestNova_keypairsGroupsAggregates(t *testing.T) {
	l := start(t, sim.Options{})
	ctx := t.Context()
	tn := l.tenant("a")
	k, err := keypairs.Create(ctx, tn.compute, keypairs.CreateOpts{Name: "made"}).Extract()
	must(t, err)
	if !strings.HasPrefix(k.PublicKey, "ssh-ed25519 ") || k.PrivateKey == "" || strings.Count(k.Fingerprint, ":") != 15 {
		t.Fatalf("keypair: %+v", k)
	}
	_, err = keypairs.Create(ctx, tn.compute, keypairs.CreateOpts{Name: "made"}).Extract()
	wantStatus(t, err, http.StatusConflict, "Key pair 'made' already exists.")
	must(t, keypairs.Delete(ctx, tn.compute, "made", nil).ExtractErr())

	_, err = servergroups.Create(ctx, tn.compute, servergroups.CreateOpts{Name: "g", Policy: "nonsense"}).Extract()
	wantStatus(t, err, http.StatusBadRequest, "is not one of")
	g, err := servergroups.Create(ctx, tn.compute, servergroups.CreateOpts{Name: "g", Policy: "affinity"}).Extract()
	must(t, err)
	must(t, servergroups.Delete(ctx, tn.compute, g.ID).ExtractErr())

	a, err := aggregates.Create(ctx, l.admin.compute, aggregates.CreateOpts{Name: "z", AvailabilityZone: "az1"}).Extract()
	must(t, err)
	_, err = aggregates.Create(ctx, l.admin.compute, aggregates.CreateOpts{Name: "z"}).Extract()
	wantStatus(t, err, http.StatusConflict, "Aggregate z already exists.")
	_, err = aggregates.AddHost(ctx, l.admin.compute, a.ID, aggregates.AddHostOpts{Host: "nosuch"}).Extract()
	wantStatus(t, err, http.StatusNotFound, "Compute host nosuch could not be found.")
	_, err = aggregates.AddHost(ctx, l.admin.compute, a.ID, aggregates.AddHostOpts{Host: "cmp1"}).Extract()
	must(t, err)
	wantStatus(t, aggregates.Delete(ctx, l.admin.compute, a.ID).ExtractErr(), http.StatusBadRequest, "not empty")
	_, err = aggregates.RemoveHost(ctx, l.admin.compute, a.ID, aggregates.RemoveHostOpts{Host: "cmp1"}).Extract()
	must(t, err)
	zp, err := availabilityzones.List(tn.compute).AllPages(ctx)
	must(t, err)
	zones, err := availabilityzones.ExtractAvailabilityZones(zp)
	must(t, err)
	if len(zones) != 2 {
		t.Fatalf("zones: %+v", zones)
	}
	must(t, aggregates.Delete(ctx, l.admin.compute, a.ID).ExtractErr())
}

func TestHypervisorsAndServices(t *testing.T) {
	l := start(t, sim.Options{})
	ctx, c := t.Context(), l.admin.compute
	hp, err := hypervisors.List(c, nil).AllPages(ctx)
	must(t, err)
	hs, err := hypervisors.ExtractHypervisors(hp)
	must(t, err)
	if len(hs) != 4 || hs[0].HypervisorHostname != "cmp1" || hs[0].VCPUs != 32 || hs[0].MemoryMB != 131072 {
		t.Fatalf("hypervisors: %+v", hs)
	}
	sp, err := services.List(c, services.ListOpts{Binary: "nova-compute", Host: "cmp2"}).AllPages(ctx)
	must(t, err)
	ss, err := services.ExtractServices(sp)
	must(t, err)
	if len(ss) != 1 || ss[0].State != "up" {
		t.Fatalf("services: %+v", ss)
	}
	got, err := services.Update(ctx, c, ss[0].ID, services.UpdateOpts{Status: services.ServiceDisabled, DisabledReason: "work"}).Extract()
	must(t, err)
	if got.Status != "disabled" || got.DisabledReason != "work" {
		t.Fatalf("disabled: %+v", got)
	}
	stats, err := hypervisors.GetStatistics(ctx, c).Extract()
	must(t, err)
	if stats.Count != 4 || stats.VCPUs != 128 {
		t.Fatalf("statistics: %+v", stats)
	}
}
