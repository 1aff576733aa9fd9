package openstack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/attributestags"
)

const (
	pageSize = 500
	maxPages = 2_000
)

// Pages reads a collection of Neutron or Keystone in pages, at most maxPages, and gives each page to fn, which ends the reading by
// returning an error. Control characters in texts are escaped. Resource is the path, for example `security-groups`. Filters go in query. With fields, only those are asked for, which
// spares Neutron the joins for the others; gophercloud's own lists cannot ask so.
func Pages[T any](ctx context.Context, client *gophercloud.ServiceClient, resource string, query url.Values, fields []string, fn func([]T) error) error {
	key := strings.ReplaceAll(resource[strings.LastIndexByte(resource, '/')+1:], "-", "_")
	own := maps.Clone(query)
	if own == nil {
		own = url.Values{}
	}
	if own.Get("limit") == "" && client.Type != serviceIdentity.name {
		own.Set("limit", strconv.Itoa(pageSize))
	}
	if len(fields) > 0 {
		own["fields"] = fields
		if !slices.Contains(fields, "id") {
			own["fields"] = append([]string{"id"}, fields...) // without it Neutron cannot make the link to the next page
		}
	}
	seen := map[string]bool{}
	for range maxPages {
		page, next, err := readPage[T](ctx, client, resource, key, own)
		if err != nil {
			return fmt.Errorf("list %s: %w", resource, err)
		}
		if len(page) > 0 {
			if err := fn(page); err != nil {
				return err
			}
		}
		if next == nil || len(page) == 0 {
			return nil
		}
		if seen[next.Encode()] {
			return fmt.Errorf("list %s: the cloud's pages go round in a circle at marker %q", resource, next.Get("marker"))
		}
		seen[next.Encode()] = true
		own = next
	}
	return fmt.Errorf("list %s: more than %d pages", resource, maxPages)
}

// List is everything Pages reads.
func List[T any](ctx context.Context, client *gophercloud.ServiceClient, resource string, query url.Values, fields ...string) ([]T, error) {
	var all []T
	err := Pages(ctx, client, resource, query, fields, func(page []T) error {
		all = append(all, page...)
		return nil
	})
	return all, err
}

func readPage[T any](ctx context.Context, client *gophercloud.ServiceClient, resource, key string, query url.Values) ([]T, url.Values, error) {
	var body map[string]json.RawMessage
	if _, err := client.Get(ctx, client.ServiceURL(resource)+"?"+query.Encode(), &body, nil); err != nil { //nolint:bodyclose // gophercloud has read and closed it
		return nil, nil, err
	}
	raw, ok := body[key]
	if !ok {
		return nil, nil, fmt.Errorf("the answer has no member %q", key)
	}
	var page []T
	if err := json.Unmarshal(raw, &page); err != nil {
		return nil, nil, fmt.Errorf("read %q: %w", key, err)
	}
	Escape(&page)
	next, err := nextQuery(body[key+"_links"], body["links"])
	return page, next, err
}

// nextQuery is the query of the link to the next page, nil without one: Neutron has a list of links, Keystone an object. Of the
// link only the query is used: behind a proxy that ends TLS its scheme and host are often wrong.
func nextQuery(raw, keystone json.RawMessage) (url.Values, error) {
	var links []gophercloud.Link
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &links); err != nil {
			return nil, fmt.Errorf("read the links: %w", err)
		}
	}
	var object struct{ Next string }
	if len(keystone) > 0 && json.Unmarshal(keystone, &object) == nil && object.Next != "" {
		links = append(links, gophercloud.Link{Rel: "next", Href: object.Next})
	}
	for _, link := range links {
		if link.Rel != "next" {
			continue
		}
		next, err := url.Parse(link.Href)
		if err != nil {
			return nil, fmt.Errorf("read the link to the next page: %w", err)
		}
		return next.Query(), nil
	}
	return nil, nil
}

// ReplaceTags sets the tags of a Neutron object to exactly these, in one call. Resource is the path of its collection,
// for example `networks` or `security-groups`. Repeating it does no harm.
func ReplaceTags(ctx context.Context, network *gophercloud.ServiceClient, resource, id string, tags ...string) error {
	sorted := slices.Compact(slices.Sorted(slices.Values(tags)))
	if sorted == nil {
		sorted = []string{}
	}
	_, err := attributestags.ReplaceAll(ctx, network, resource, id, attributestags.ReplaceAllOpts{Tags: sorted}).Extract()
	if err != nil {
		return fmt.Errorf("tag %s %s: %w", resource, id, err)
	}
	return nil
}
