package client

import (
	"context"
	"slices"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/placement/v1/allocations"
	"github.com/gophercloud/gophercloud/v2/openstack/placement/v1/resourceproviders"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/glance"
	"github.com/low-layer/platform/libs/openstack/placement"
)

// Placement is placement.Cloud on one OpenStack.
type Placement struct{ client *openstack.Client }

var _ placement.Cloud = (*Placement)(nil)

// NewPlacement makes a Placement; the first call comes with its first use.
func NewPlacement(client *openstack.Client) *Placement { return &Placement{client: client} }

// Allocations reads what a server has, with the ratios of the hypervisor's inventories.
func (c *Placement) Allocations(ctx context.Context, serverID string) ([]placement.Allocation, error) {
	var out []placement.Allocation
	err := call(ctx, c.client.Placement, "read allocations", func(client *gophercloud.ServiceClient) error {
		found, err := allocations.Get(ctx, client, serverID).Extract()
		if err != nil {
			return err
		}
		for provider, part := range found.Allocations {
			stock, err := resourceproviders.GetInventories(ctx, client, provider).Extract()
			if err != nil {
				return err
			}
			ratios := map[string]float64{}
			for class := range part.Resources {
				ratios[class] = float64(stock.Inventories[class].AllocationRatio)
			}
			out = append(out, placement.Allocation{Provider: provider, Resources: part.Resources, Ratios: ratios})
		}
		return nil
	})
	return out, err
}

// Glance is glance.Cloud on one OpenStack.
type Glance struct{ client *openstack.Client }

var _ glance.Cloud = (*Glance)(nil)

// NewGlance makes a Glance; the first call comes with its first use.
func NewGlance(client *openstack.Client) *Glance { return &Glance{client: client} }

// Images lists the images of a name.
func (c *Glance) Images(ctx context.Context, name string) ([]glance.Image, error) {
	var out []glance.Image
	err := call(ctx, c.client.Image, "list images", func(client *gophercloud.ServiceClient) error {
		pages, err := images.List(client, images.ListOpts{Name: name}).AllPages(ctx)
		if err != nil {
			return err
		}
		found, err := images.ExtractImages(pages)
		slices.SortFunc(found, func(a, b images.Image) int { return b.CreatedAt.Compare(a.CreatedAt) })
		for _, i := range found {
			out = append(out, glance.Image{
				ID: i.ID, Name: i.Name, Status: string(i.Status), MinRAMMiB: i.MinRAMMegabytes, MinDiskGiB: i.MinDiskGigabytes,
			})
		}
		return err
	})
	return out, err
}
