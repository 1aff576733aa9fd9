package client

import (
	"context"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/cinder"
)

// Cinder is cinder.Cloud on one OpenStack. It reads and removes as the platform's administrator, and makes a volume in its
// project, where the platform's user needs a role.
type Cinder struct{ client *openstack.Client }

var _ cinder.Cloud = (*Cinder)(nil)

// NewCinder makes a Cinder; the first call comes with its first use.
func NewCinder(client *openstack.Client) *Cinder { return &Cinder{client: client} }

// Volume reads one volume.
func (c *Cinder) Volume(ctx context.Context, id string) (cinder.Volume, error) {
	return ask(ctx, c.client.BlockStorage, "read volume", func(client *gophercloud.ServiceClient) (*volumes.Volume, error) {
		return volumes.Get(ctx, client, id).Extract()
	}, volume)
}

// Volumes lists volumes.
func (c *Cinder) Volumes(ctx context.Context, f cinder.Filter) ([]cinder.Volume, error) {
	var out []cinder.Volume
	err := call(ctx, c.client.BlockStorage, "list volumes", func(client *gophercloud.ServiceClient) error {
		pages, err := volumes.List(client, volumes.ListOpts{AllTenants: true, TenantID: f.ProjectID, Name: f.Name}).AllPages(ctx)
		if err != nil {
			return err
		}
		found, err := volumes.ExtractVolumes(pages)
		for i := range found {
			out = append(out, volume(&found[i]))
		}
		return err
	})
	return out, err
}

// CreateVolume asks for a volume. Cinder makes it after it has responded.
func (c *Cinder) CreateVolume(ctx context.Context, v cinder.Volume) (cinder.Volume, error) {
	return ask(ctx, in(c.client, v.ProjectID).BlockStorage, "create volume", func(client *gophercloud.ServiceClient) (*volumes.Volume, error) {
		return volumes.Create(ctx, client, volumes.CreateOpts{Name: v.Name, Size: v.SizeGiB}, nil).Extract()
	}, volume)
}

// RenameVolume sets the name.
func (c *Cinder) RenameVolume(ctx context.Context, v cinder.Volume) (cinder.Volume, error) {
	return ask(ctx, c.client.BlockStorage, "rename volume", func(client *gophercloud.ServiceClient) (*volumes.Volume, error) {
		return volumes.Update(ctx, client, v.ID, volumes.UpdateOpts{Name: &v.Name}).Extract()
	}, volume)
}

// DeleteVolume removes a volume that no server has. Cinder does so after it has responded.
func (c *Cinder) DeleteVolume(ctx context.Context, id string) error {
	return absent(call(ctx, c.client.BlockStorage, "delete volume", func(client *gophercloud.ServiceClient) error {
		return volumes.Delete(ctx, client, id, nil).ExtractErr()
	}))
}

func volume(v *volumes.Volume) cinder.Volume {
	return cinder.Volume{
		ID: v.ID, Name: v.Name, ProjectID: v.TenantID, SizeGiB: v.Size, Status: cinder.Status(v.Status),
		Servers: mapped(v.Attachments, func(a volumes.Attachment) string { return a.ServerID }),
	}
}
