package client

import (
	"context"
	"maps"
	"net/url"

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

// lists reads all pages of a collection of Keystone; a filter without a value does not narrow it.
func lists[W, T any](
	ctx context.Context, c *Keystone, what, path string, query url.Values, convert func(*W) T,
) (out []T, err error) {
	maps.DeleteFunc(query, func(_ string, v []string) bool { return v[0] == "" })
	err = c.identity(ctx, what, func(client *gophercloud.ServiceClient) error {
		found, err := openstack.List[W](ctx, client, path, query)
		for i := range found {
			out = append(out, convert(&found[i]))
		}
		return err
	})
	return out, err
}
