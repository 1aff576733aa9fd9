// Package doctor checks whether an operator's OpenStack has what the platform needs, and prepares what it may.
//
// Examine changes nothing; every check that fails names its fix. Bootstrap makes flavors, an image and the aggregate of
// dedicated hypervisors where they are missing. It never changes a flavor or removes anything, and may be repeated.
package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/aggregates"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/hypervisors"
	"github.com/gophercloud/gophercloud/v2/openstack/placement/v1/resourceproviders"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/libs/openstack/nova"
	"github.com/low-layer/platform/libs/openstack/placement"
	"github.com/low-layer/platform/libs/openstack/sizes"
	"github.com/low-layer/platform/libs/resource"
)

// Image is the image that the platform's machines boot from, unless the operator names another one.
const Image = "lowlayer-machine"

// Verdict is the result of a check.
type Verdict string

// The verdicts.
const (
	OK   Verdict = "OK"
	Warn Verdict = "WARN" // the platform works without it
	Fail Verdict = "FAIL"
)

// Finding is one check with its result.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail"`
	// Fix is what to do about it; empty for OK.
	Fix string `json:"fix,omitempty"`
}

// Doctor examines one cloud.
type Doctor struct {
	client *openstack.Client
	image  string
	role   string
}

// New makes a Doctor. Role is the role the platform takes in an organisation's project.
func New(c *openstack.Client, image, role string) *Doctor {
	return &Doctor{client: c, image: image, role: role}
}

// Examine runs every check. Its error is that of credentials which are not good; a check that cannot be made fails.
func (d *Doctor) Examine(ctx context.Context) ([]Finding, error) {
	who, err := d.client.Whoami(ctx)
	if err != nil {
		return nil, fmt.Errorf("log in to the cloud: %w", openstack.Classify(err))
	}
	out := []Finding{d.admin(who)}
	for _, check := range []struct {
		name string
		run  func(context.Context) Finding
	}{
		{"services", d.services},
		{"role", d.roles},
		{"network extensions", d.extensions},
		{"external network", d.external},
		{"hypervisors", d.hypervisors},
		{"flavors", d.flavors},
		{"dedicated capacity", d.dedicated},
		{"memory ratio", d.memory},
		{"image", d.images},
		{"quotas", d.quotas},
	} {
		f := check.run(ctx)
		f.Check = check.name
		out = append(out, f)
	}
	return out, nil
}

// Healthy reports whether no check fails.
func Healthy(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(f Finding) bool { return f.Verdict == Fail })
}

func fine(format string, args ...any) Finding {
	return Finding{Verdict: OK, Detail: fmt.Sprintf(format, args...)}
}

func failed(fix, format string, args ...any) Finding {
	return Finding{Verdict: Fail, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

// unknown is a check whose question failed.
func unknown(err error) Finding {
	return failed("see what the cloud says, then run the doctor again", "the check could not be made: %v", openstack.Classify(err))
}

// host is a hypervisor with its resource provider.
type host struct {
	name, provider string
	running        bool
	generation     int
	stock          map[string]resourceproviders.Inventory
	traits         []string
}

// dedicated reports whether a host is prepared for the recipe.
func (h host) dedicated(recipe sizes.Recipe) bool {
	if recipe == sizes.Pinned {
		return h.stock[placement.PCPU].Total > 0
	}
	return slices.Contains(h.traits, sizes.Trait) && h.stock[placement.VCPU].AllocationRatio == 1
}

// hosts reads the hypervisors with what Placement has of them.
func (d *Doctor) hosts(ctx context.Context) ([]host, error) {
	compute, err := d.client.Compute(ctx)
	if err != nil {
		return nil, err
	}
	pages, err := hypervisors.List(compute, hypervisors.ListOpts{}).AllPages(ctx)
	if err != nil {
		return nil, err
	}
	found, err := hypervisors.ExtractHypervisors(pages)
	if err != nil {
		return nil, err
	}
	place, err := d.client.Placement(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]host, len(found))
	for i, h := range found {
		out[i] = host{name: h.HypervisorHostname, provider: h.ID, running: h.State == "up" && h.Status == "enabled"}
		stock, err := resourceproviders.GetInventories(ctx, place, h.ID).Extract()
		if err != nil {
			return nil, err
		}
		traits, err := resourceproviders.GetTraits(ctx, place, h.ID).Extract()
		if err != nil {
			return nil, err
		}
		out[i].stock, out[i].generation, out[i].traits = stock.Inventories, stock.ResourceProviderGeneration, traits.Traits
	}
	slices.SortFunc(out, func(a, b host) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// recipe is the way to dedicated processors that the hypervisors allow.
func recipe(hosts []host) sizes.Recipe {
	if slices.ContainsFunc(hosts, func(h host) bool { return h.stock[placement.PCPU].Total > 0 }) {
		return sizes.Pinned
	}
	return sizes.Apart
}

func hostNames(of []host) string {
	names := make([]string, len(of))
	for i, h := range of {
		names[i] = h.name
	}
	return strings.Join(names, ", ")
}

func keep(of []host, which func(host) bool) []host {
	return slices.DeleteFunc(slices.Clone(of), func(h host) bool { return !which(h) })
}

// wanted are the flavors of the platform.
func wanted(recipe sizes.Recipe) []nova.Flavor {
	var out []nova.Flavor
	for _, mode := range []resource.Mode{resource.Mutualized, resource.Dedicated} {
		for _, s := range sizes.All() {
			out = append(out, nova.Flavor{
				Name: sizes.Flavor(mode, s.Name), VCPUs: s.VCPUs, RAMMiB: s.RAMMiB, Disk: s.DiskGiB, Specs: sizes.Specs(mode, recipe),
			})
		}
	}
	return out
}

// compare returns the wanted flavors that are missing, and the names of those that differ.
func (d *Doctor) compare(ctx context.Context, recipe sizes.Recipe) (missing []nova.Flavor, different []string, err error) {
	have, err := client.NewNova(d.client).Flavors(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, want := range wanted(recipe) {
		i := slices.IndexFunc(have, func(f nova.Flavor) bool { return f.Name == want.Name })
		switch {
		case i < 0:
			missing = append(missing, want)
		case have[i].VCPUs != want.VCPUs || have[i].RAMMiB != want.RAMMiB || have[i].Disk != want.Disk || !maps.Equal(have[i].Specs, want.Specs):
			different = append(different, want.Name)
		}
	}
	return missing, different, nil
}

func (d *Doctor) aggregates(ctx context.Context) (*gophercloud.ServiceClient, []aggregates.Aggregate, error) {
	compute, err := d.client.Compute(ctx)
	if err != nil {
		return nil, nil, err
	}
	pages, err := aggregates.List(compute).AllPages(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, err := aggregates.ExtractAggregates(pages)
	return compute, found, err
}
