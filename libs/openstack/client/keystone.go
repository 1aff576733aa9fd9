package client

import (
	"context"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/keystone"
)

// Keystone is keystone.Cloud on one OpenStack, called as the platform's administrator. Quotas of a project are calls of
// Nova and Neutron.
type Keystone struct{ client *openstack.Client }

var _ keystone.Cloud = (*Keystone)(nil)

// NewKeystone makes a Keystone; the first call comes with its first use.
func NewKeystone(client *openstack.Client) *Keystone { return &Keystone{client: client} }

// identity runs one call of Keystone.
func (c *Keystone) identity(ctx context.Context, what string, do func(*gophercloud.ServiceClient) error) error {
	return call(ctx, c.client.Identity, what, do)
}
