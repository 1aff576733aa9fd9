package doctor

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/aggregates"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/placement/v1/resourceproviders"
	"github.com/gophercloud/gophercloud/v2/openstack/placement/v1/traits"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/nova"
	"github.com/low-layer/platform/libs/openstack/placement"
	"github.com/low-layer/platform/libs/openstack/sizes"
)

// Preparation is what Bootstrap is given.
type Preparation struct {
	// Image is the disk that machines boot from, DiskFormat its form, such as qcow2. Nil makes no image.
	Image      io.Reader
	DiskFormat string
	// DedicatedHosts are the hypervisors to keep for DEDICATED machines, where none has PCPU.
	DedicatedHosts []string
}

// Bootstrap makes what is missing, and calls done for each thing it made.
func (d *Doctor) Bootstrap(ctx context.Context, p Preparation, done func(what string)) error {
	hosts, err := d.hosts(ctx)
	if err != nil {
		return fmt.Errorf("read hypervisors: %w", openstack.Classify(err))
	}
	for _, name := range p.DedicatedHosts {
		i := slices.IndexFunc(hosts, func(h host) bool { return h.name == name })
		if i < 0 {
			return fmt.Errorf("keep %s for dedicated machines: the cloud has no such hypervisor; it has %s", name, hostNames(hosts))
		}
		if err := d.reserve(ctx, hosts[i], done); err != nil {
			return fmt.Errorf("keep %s for dedicated machines: %w", name, openstack.Classify(err))
		}
	}
	missing, _, err := d.compare(ctx, recipe(hosts))
	if err != nil {
		return err
	}
	for _, f := range missing {
		if err := d.flavor(ctx, f); err != nil {
			return fmt.Errorf("make flavor %s: %w", f.Name, openstack.Classify(err))
		}
		done("flavor " + f.Name)
	}
	if p.Image == nil || d.images(ctx).Verdict == OK {
		return nil
	}
	if err := d.upload(ctx, p); err != nil {
		return fmt.Errorf("make image %s: %w", d.image, openstack.Classify(err))
	}
	done("image " + d.image)
	return nil
}

func (d *Doctor) flavor(ctx context.Context, f nova.Flavor) error {
	compute, err := d.client.Compute(ctx)
	if err != nil {
		return err
	}
	made, err := flavors.Create(ctx, compute, flavors.CreateOpts{Name: f.Name, VCPUs: f.VCPUs, RAM: f.RAMMiB, Disk: &f.Disk}).Extract()
	if err != nil || len(f.Specs) == 0 {
		return err
	}
	if _, err := flavors.CreateExtraSpecs(ctx, compute, made.ID, flavors.ExtraSpecsOpts(f.Specs)).Extract(); err != nil {
		// Without its specs it would be another flavor under the name.
		if undo := flavors.Delete(ctx, compute, made.ID).ExtractErr(); undo != nil {
			return fmt.Errorf("%w; flavor %s must be deleted by hand: %w", err, made.ID, undo)
		}
		return err
	}
	return nil
}

func (d *Doctor) upload(ctx context.Context, p Preparation) error {
	service, err := d.client.Image(ctx)
	if err != nil {
		return err
	}
	public := images.ImageVisibilityPublic
	made, err := images.Create(ctx, service, images.CreateOpts{
		Name: d.image, DiskFormat: p.DiskFormat, ContainerFormat: "bare", Visibility: &public,
	}).Extract()
	if err != nil {
		return err
	}
	if err := imagedata.Upload(ctx, service, made.ID, p.Image).ExtractErr(); err != nil {
		if undo := images.Delete(ctx, service, made.ID).ExtractErr(); undo != nil {
			return fmt.Errorf("%w; image %s must be deleted by hand: %w", err, made.ID, undo)
		}
		return err
	}
	return nil
}

// reserve keeps a hypervisor for dedicated machines: each of its processors is given away once, and only to them. The ratios
// come first, so that no shared server is on it when dedicated ones arrive.
func (d *Doctor) reserve(ctx context.Context, h host, done func(string)) error {
	place, err := d.client.Placement(ctx)
	if err != nil {
		return err
	}
	generation := h.generation
	for _, class := range []string{placement.VCPU, placement.RAM} {
		stock := h.stock[class]
		if stock.AllocationRatio == 1 {
			continue
		}
		ratio := float32(1)
		updated, err := resourceproviders.UpdateInventory(ctx, place, h.provider, class, resourceproviders.UpdateInventoryOpts{
			ResourceProviderGeneration: generation, Inventory: resourceproviders.Inventory{
				Total: stock.Total, Reserved: stock.Reserved, MinUnit: stock.MinUnit, MaxUnit: stock.MaxUnit, StepSize: stock.StepSize, AllocationRatio: ratio,
			},
		}).Extract()
		if err != nil {
			return err
		}
		generation = updated.ResourceProviderGeneration
		done(fmt.Sprintf("ratio 1.0 of %s on %s", class, h.name))
	}
	if !slices.Contains(h.traits, sizes.Trait) {
		if err := traits.Create(ctx, place, sizes.Trait).ExtractErr(); err != nil {
			return err
		}
		// The traits it has must be sent too, or they are lost.
		_, err := resourceproviders.UpdateTraits(ctx, place, h.provider, resourceproviders.UpdateTraitsOpts{
			ResourceProviderGeneration: generation, Traits: append(slices.Clone(h.traits), sizes.Trait),
		}).Extract()
		if err != nil {
			return err
		}
		done("trait " + sizes.Trait + " on " + h.name)
	}
	return d.aggregate(ctx, h, done)
}

// aggregate puts a hypervisor into the aggregate of dedicated machines.
func (d *Doctor) aggregate(ctx context.Context, h host, done func(string)) error {
	compute, all, err := d.aggregates(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(a aggregates.Aggregate) bool { return a.Name == sizes.Aggregate })
	if i < 0 {
		made, err := aggregates.Create(ctx, compute, aggregates.CreateOpts{Name: sizes.Aggregate}).Extract()
		if err != nil {
			return err
		}
		all, i = append(all, *made), len(all)
		done("aggregate " + sizes.Aggregate)
	}
	has := all[i]
	lacks := map[string]any{}
	for key, value := range sizes.AggregateMetadata() {
		if has.Metadata[key] != value {
			lacks[key] = value
		}
	}
	if len(lacks) > 0 {
		if _, err := aggregates.SetMetadata(ctx, compute, has.ID, aggregates.SetMetadataOpts{Metadata: lacks}).Extract(); err != nil {
			return err
		}
		done(fmt.Sprintf("metadata %v of aggregate %s", slices.Sorted(maps.Keys(lacks)), has.Name))
	}
	if slices.Contains(has.Hosts, h.name) {
		return nil
	}
	_, err = aggregates.AddHost(ctx, compute, has.ID, aggregates.AddHostOpts{Host: h.name}).Extract()
	if err == nil || gophercloud.ResponseCodeIs(err, http.StatusConflict) {
		done("hypervisor " + h.name + " in aggregate " + sizes.Aggregate)
		return nil
	}
	return err
}
