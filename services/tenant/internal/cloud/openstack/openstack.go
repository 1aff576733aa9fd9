// Package openstack is core/cloud on Keystone, Nova and Neutron, spoken with gophercloud. It promises that a method makes
// the calls its name says and repeats no write. Errors are those of libs/openstack, classified from status and body; none
// holds a password or secret.
package openstack

import (
	"context"
	"fmt"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/services/tenant/internal/core/cloud"
)

// Cloud is cloud.Cloud on one OpenStack, called as the platform's administrator.
type Cloud struct{ client *openstack.Client }

var _ cloud.Cloud = (*Cloud)(nil)

// New makes a Cloud; nothing is called before its first use.
func New(client *openstack.Client) *Cloud { return &Cloud{client: client} }

// identity runs one call of Keystone and gives its error a class.
func (c *Cloud) identity(ctx context.Context, what string, call func(*gophercloud.ServiceClient) error) error {
	client, err := c.client.Identity(ctx)
	return finish(what, client, err, call)
}

func (c *Cloud) compute(ctx context.Context, what string, call func(*gophercloud.ServiceClient) error) error {
	client, err := c.client.Compute(ctx)
	return finish(what, client, err, call)
}

func (c *Cloud) network(ctx context.Context, what string, call func(*gophercloud.ServiceClient) error) error {
	client, err := c.client.Network(ctx)
	return finish(what, client, err, call)
}

func finish(what string, client *gophercloud.ServiceClient, err error, call func(*gophercloud.ServiceClient) error) error {
	if err == nil {
		err = call(client)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, openstack.Classify(err))
	}
	return nil
}

// absent makes no error of what is gone already.
func absent(err error) error {
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	return err
}
