// Package openstack is core/fabric on Neutron, spoken with gophercloud. It promises one writing call per method and never
// repeats one by itself; lists ask for the fields that are used and no others, and follow every page. Errors are those of
// libs/openstack, classified from status and body.
package openstack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/services/network/internal/core/fabric"
)

// pageSize is how many objects a list asks for at once; Neutron's own limit may be lower, which the next link tells.
const pageSize = 1000

// idsPerList bounds the ids in one URL: 37 characters each, and servers take 8 KiB.
const idsPerList = 100

// Client gives access to Neutron as the platform's administrator.
type Client interface {
	Network(ctx context.Context) (*gophercloud.ServiceClient, error)
}

// Cloud is fabric.Cloud on one OpenStack.
type Cloud struct{ client Client }

var _ fabric.Cloud = (*Cloud)(nil)

// New makes a Cloud; nothing is called before its first use.
func New(client Client) *Cloud { return &Cloud{client: client} }

// do runs one call and gives its error a class.
func (c *Cloud) do(ctx context.Context, what string, call func(*gophercloud.ServiceClient) error) error {
	client, err := c.client.Network(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := call(client); err != nil {
		return fmt.Errorf("%s: %w", what, classify(err))
	}
	return nil
}

// drop is do for a call after which something is gone: that it was gone before is no error.
func (c *Cloud) drop(ctx context.Context, what string, call func(*gophercloud.ServiceClient) error) error {
	err := c.do(ctx, what, call)
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	return err
}

func classify(err error) error {
	if e, ok := errs.As(err); ok {
		return e
	}
	return openstack.Classify(err)
}

// list reads all pages of a collection that pass the filter.
func list[T any](ctx context.Context, c *Cloud, path, collection string, fields []string, f fabric.Filter) ([]T, error) {
	var out []T
	for _, ids := range chunks(f.IDs) {
		q := query(fields, f, ids)
		err := c.do(ctx, "list "+path, func(client *gophercloud.ServiceClient) error {
			items, err := pages[T](ctx, client, client.ServiceURL(path)+"?"+q.Encode(), collection)
			out = append(out, items...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func pages[T any](ctx context.Context, client *gophercloud.ServiceClient, next, collection string) ([]T, error) {
	var out []T
	for next != "" {
		var body map[string]json.RawMessage
		resp, err := client.Get(ctx, next, &body, &gophercloud.RequestOpts{OkCodes: []int{http.StatusOK}}) //nolint:bodyclose // gophercloud closes what it decodes
		if _, _, err = gophercloud.ParseResponse(resp, err); err != nil {
			return nil, err
		}
		var items []T
		if err := json.Unmarshal(body[collection], &items); err != nil {
			return nil, fmt.Errorf("read %s: %w", collection, err)
		}
		out = append(out, items...)
		if next, err = nextLink(body[collection+"_links"]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func nextLink(raw json.RawMessage) (string, error) {
	if len(raw) == 0 {
		return "", nil
	}
	var links []gophercloud.Link
	if err := json.Unmarshal(raw, &links); err != nil {
		return "", fmt.Errorf("read links of a page: %w", err)
	}
	for _, l := range links {
		if l.Rel == "next" {
			return l.Href, nil
		}
	}
	return "", nil
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

func query(fields []string, f fabric.Filter, ids []string) url.Values {
	q := url.Values{"limit": {strconv.Itoa(pageSize)}, "fields": fields}
	set := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	if len(ids) > 0 {
		q["id"] = ids
	}
	set("name", f.Name)
	set("project_id", f.ProjectID)
	set("network_id", f.NetworkID)
	set("device_id", f.DeviceID)
	set("security_group_id", f.GroupID)
	set("tags", f.Tag)
	return q
}
