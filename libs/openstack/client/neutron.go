package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/neutron"
)

// pageSize is how many objects a list asks for at once; Neutron's own limit may be lower.
const pageSize = 1000

// idsPerList bounds the ids in one URL: 37 characters each, and servers take 8 KiB.
const idsPerList = 100

// Networking gives access to Neutron as the platform's administrator.
type Networking interface {
	Network(ctx context.Context) (*gophercloud.ServiceClient, error)
}

// Neutron is neutron.Cloud on one OpenStack.
type Neutron struct{ open opener }

var _ neutron.Cloud = (*Neutron)(nil)

// NewNeutron makes a Neutron; the first call comes with its first use.
func NewNeutron(client Networking) *Neutron { return &Neutron{open: client.Network} }

// do runs one call.
func (c *Neutron) do(ctx context.Context, what string, do func(*gophercloud.ServiceClient) error) error {
	return call(ctx, c.open, what, do)
}

// drop is do for a removal: an object that is gone already is no error.
func (c *Neutron) drop(ctx context.Context, what string, do func(*gophercloud.ServiceClient) error) error {
	return absent(c.do(ctx, what, do))
}

// one runs a call that returns an object under a label.
func one[W, T any](
	ctx context.Context, c *Neutron, what, label string, convert func(W) T, do func(*gophercloud.ServiceClient) gophercloud.Result,
) (out T, err error) {
	err = c.do(ctx, what, func(client *gophercloud.ServiceClient) error {
		var wire W
		if err := do(client).ExtractIntoStructPtr(&wire, label); err != nil {
			return err
		}
		openstack.Escape(&wire)
		out = convert(wire)
		return nil
	})
	return out, err
}

// update writes the named attributes of an object, or all of them.
func update[W, T any](
	ctx context.Context, c *Neutron, label, path, id string, convert func(W) T, names []string, all map[string]any,
) (T, error) {
	body := all
	if len(names) > 0 {
		body = make(map[string]any, len(names))
		for _, name := range names {
			body[name] = all[name]
		}
	}
	return one(ctx, c, "update "+label, label, convert, func(client *gophercloud.ServiceClient) (r gophercloud.Result) {
		resp, err := client.Put(ctx, client.ServiceURL(path, id), map[string]any{label: body}, &r.Body, //nolint:bodyclose // gophercloud has read and closed it
			&gophercloud.RequestOpts{OkCodes: []int{http.StatusOK}})
		_, r.Header, r.Err = gophercloud.ParseResponse(resp, err)
		return r
	})
}

// list reads all pages of a collection that pass the filter.
func list[T any](ctx context.Context, c *Neutron, path string, fields []string, f neutron.Filter) ([]T, error) {
	var out []T
	for _, ids := range chunks(f.IDs) {
		client, err := c.open(ctx)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", path, openstack.Classify(err))
		}
		items, err := openstack.List[T](ctx, client, path, query(f, ids), fields...)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", path, openstack.Classify(err))
		}
		out = append(out, items...)
	}
	return out, nil
}

// chunks splits ids so that each list stays in one URL. No ids at all is one list of everything.
func chunks(ids []string) [][]string {
	if len(ids) == 0 {
		return [][]string{nil}
	}
	var out [][]string
	for len(ids) > idsPerList {
		out, ids = append(out, ids[:idsPerList]), ids[idsPerList:]
	}
	return append(out, ids)
}

func query(f neutron.Filter, ids []string) url.Values {
	q := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if len(ids) > 0 {
		q["id"] = ids
	}
	for key, value := range map[string]string{
		"name": f.Name, "project_id": f.ProjectID, "network_id": f.NetworkID, "device_id": f.DeviceID,
		"security_group_id": f.GroupID, "tags": f.Tag,
	} {
		if value != "" {
			q.Set(key, value)
		}
	}
	return q
}
