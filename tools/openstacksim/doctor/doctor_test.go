// Package doctor_test examines and prepares the simulator with libs/openstack/doctor: libs cannot import it.
package doctor_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/services"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/libs/openstack/doctor"
	"github.com/low-layer/platform/libs/openstack/nova"
	"github.com/low-layer/platform/libs/openstack/sizes"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func cloud(t *testing.T, o sim.Options) *openstack.Client {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	server, err := sim.Start(ctx, o)
	must(t, err)
	t.Cleanup(func() { must(t, server.Close(ctx)) })
	path := filepath.Join(t.TempDir(), "clouds.yaml")
	must(t, os.WriteFile(path, fmt.Appendf(nil, `clouds:
  sim:
    region_name: RegionOne
    auth: {auth_url: %q, username: admin, password: labpass, project_name: admin, user_domain_name: Default, project_domain_name: Default}
`, server.AuthURL), 0o600))
	c, err := openstack.New(openstack.Config{CloudsFile: path, Cloud: "sim", Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

func examine(t *testing.T, d *doctor.Doctor) map[string]doctor.Finding {
	t.Helper()
	all, err := d.Examine(t.Context())
	must(t, err)
	out := map[string]doctor.Finding{}
	for _, f := range all {
		if (f.Fix == "") != (f.Verdict == doctor.OK) {
			t.Errorf("%s: the fix of %s is %q", f.Check, f.Verdict, f.Fix)
		}
		out[f.Check] = f
	}
	return out
}

func bootstrap(t *testing.T, d *doctor.Doctor, p doctor.Preparation) []string {
	t.Helper()
	var made []string
	must(t, d.Bootstrap(t.Context(), p, func(what string) { made = append(made, what) }))
	return made
}

func TestDoctor_emptyCloud_namesEachFix(t *testing.T) {
	t.Parallel()
	d := doctor.New(cloud(t, sim.Options{}), doctor.Image, "member")
	got := examine(t, d)
	for check, fix := range map[string]string{
		"flavors": "platform bootstrap", "image": "bootstrap --image", "dedicated capacity": "--dedicated-host", "external network": "--external",
	} {
		if got[check].Verdict == doctor.OK || !strings.Contains(got[check].Fix, fix) {
			t.Errorf("%s: %+v", check, got[check])
		}
	}
	for _, check := range []string{"credentials", "services", "role", "network extensions", "hypervisors", "memory ratio", "quotas"} {
		if got[check].Verdict != doctor.OK {
			t.Errorf("%s: %+v", check, got[check])
		}
	}
}

func TestBootstrap_repeated_makesEverythingOnce(t *testing.T) {
	t.Parallel()
	c := cloud(t, sim.Options{})
	d := doctor.New(c, doctor.Image, "member")
	p := doctor.Preparation{Image: strings.NewReader("disk"), DiskFormat: "raw", DedicatedHosts: []string{"cmp1", "cmp2", "cmp3"}}
	made := bootstrap(t, d, p)
	if len(made) == 0 {
		t.Fatal("made nothing")
	}
	p.Image = strings.NewReader("disk")
	if again := bootstrap(t, d, p); len(again) > 0 {
		t.Errorf("the second time made %v", again)
	}
	for check, f := range examine(t, d) {
		if f.Verdict != doctor.OK && check != "external network" {
			t.Errorf("%s: %+v", check, f)
		}
	}
	all, err := client.NewNova(c).Flavors(t.Context())
	must(t, err)
	if len(all) != 2*len(sizes.All()) {
		t.Errorf("flavors: %+v", all)
	}
}

// TestDedicatedFlavor_boots_onDedicatedHypervisorsOnly boots by the recipe of an aggregate: shared machines stay off it.
func TestDedicatedFlavor_boots_onDedicatedHypervisorsOnly(t *testing.T) {
	t.Parallel()
	c := cloud(t, sim.Options{Hosts: 2, HostVCPUs: 4})
	d := doctor.New(c, doctor.Image, "member")
	bootstrap(t, d, doctor.Preparation{Image: strings.NewReader("disk"), DiskFormat: "raw", DedicatedHosts: []string{"cmp2"}})
	compute := client.NewNova(c)
	who, err := c.Whoami(t.Context())
	must(t, err)
	image, err := client.NewGlance(c).Images(t.Context(), doctor.Image)
	must(t, err)
	all, err := compute.Flavors(t.Context())
	must(t, err)
	boot := func(mode resource.Mode, size string) nova.Server {
		for _, f := range all {
			if f.Name == sizes.Flavor(mode, size) {
				s, err := compute.CreateServer(t.Context(), nova.Server{Name: "s", ProjectID: who.ProjectID, Flavor: f.ID, Image: image[0].ID})
				must(t, err)
				s, err = compute.Server(t.Context(), s.ID)
				must(t, err)
				return s
			}
		}
		t.Fatalf("no flavor %s", sizes.Flavor(mode, size))
		return nova.Server{}
	}
	first := boot(resource.Dedicated, sizes.Medium)
	held, err := client.NewPlacement(c).Allocations(t.Context(), first.ID)
	must(t, err)
	if first.Status != nova.Active || len(held) != 1 || held[0].Resources["VCPU"] != 4 || held[0].Ratios["VCPU"] != 1 || held[0].Ratios["MEMORY_MB"] != 1 {
		t.Errorf("dedicated: %s with %+v", first.Status, held)
	}
	if s := boot(resource.Dedicated, sizes.Small); s.Status != nova.Error || !strings.Contains(s.Fault.Message, "No valid host") {
		t.Errorf("a fifth processor of four: %+v", s)
	}
	shared := boot(resource.Mutualized, sizes.Medium)
	elsewhere, err := client.NewPlacement(c).Allocations(t.Context(), shared.ID)
	must(t, err)
	if shared.Status != nova.Active || elsewhere[0].Provider == held[0].Provider || elsewhere[0].Ratios["VCPU"] <= 1 {
		t.Errorf("mutualized: %s with %+v", shared.Status, elsewhere)
	}
}

func TestDoctor_changedFlavor_isToldAndLeftAlone(t *testing.T) {
	t.Parallel()
	c := cloud(t, sim.Options{})
	d := doctor.New(c, doctor.Image, "member")
	bootstrap(t, d, doctor.Preparation{})
	compute, err := c.Compute(t.Context())
	must(t, err)
	all, err := client.NewNova(c).Flavors(t.Context())
	must(t, err)
	for _, f := range all {
		if f.Name == sizes.Flavor(resource.Dedicated, sizes.Small) {
			_, err := flavors.CreateExtraSpecs(t.Context(), compute, f.ID, flavors.ExtraSpecsOpts{"hw:mem_page_size": "large"}).Extract()
			must(t, err)
		}
	}
	if made := bootstrap(t, d, doctor.Preparation{}); len(made) > 0 {
		t.Errorf("made %v", made)
	}
	if f := examine(t, d)["flavors"]; f.Verdict != doctor.Fail || !strings.Contains(f.Detail, "lowlayer.dedicated.small") || !strings.Contains(f.Fix, "flavor delete") {
		t.Errorf("finding: %+v", f)
	}
}

func TestDoctor_noHypervisorEnabled_fails(t *testing.T) {
	t.Parallel()
	c := cloud(t, sim.Options{Hosts: 1})
	compute, err := c.Compute(t.Context())
	must(t, err)
	pages, err := services.List(compute, services.ListOpts{}).AllPages(t.Context())
	must(t, err)
	found, err := services.ExtractServices(pages)
	must(t, err)
	for _, s := range found {
		_, err := services.Update(t.Context(), compute, s.ID, services.UpdateOpts{Status: services.ServiceDisabled}).Extract()
		must(t, err)
	}
	d := doctor.New(c, doctor.Image, "no-such-role")
	got := examine(t, d)
	for _, check := range []string{"hypervisors", "role"} {
		if got[check].Verdict != doctor.Fail {
			t.Errorf("%s: %+v", check, got[check])
		}
	}
}

func TestBootstrap_unknownHypervisor_namesThoseThereAre(t *testing.T) {
	t.Parallel()
	d := doctor.New(cloud(t, sim.Options{Hosts: 2}), doctor.Image, "member")
	err := d.Bootstrap(t.Context(), doctor.Preparation{DedicatedHosts: []string{"cmp9"}}, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "cmp1, cmp2") {
		t.Error(err)
	}
}
