// Package openstack is the network service's view of one OpenStack: the calls of libs/openstack/client, and Observe.
package openstack

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/client"
)

// pageSize is how many objects a list of Observe asks for at once.
const pageSize = "1000"

// Cloud is neutron.Cloud on one OpenStack.
type Cloud struct {
	*client.Neutron
	networking client.Networking
}

// New makes a Cloud; the first call comes with its first use.
func New(networking client.Networking) *Cloud {
	return &Cloud{Neutron: client.NewNeutron(networking), networking: networking}
}

// list reads all pages of a collection of Neutron.
func list[T any](ctx context.Context, c *Cloud, path string, fields []string) ([]T, error) {
	network, err := c.networking.Network(ctx)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, openstack.Classify(err))
	}
	items, err := openstack.List[T](ctx, network, path, url.Values{"limit": {pageSize}}, fields...)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, openstack.Classify(err))
	}
	return items, nil
}

type routeWire struct {
	Destination string `json:"destination"`
	NextHop     string `json:"nexthop"`
}

type addressWire struct {
	SubnetID string `json:"subnet_id"`
	IP       string `json:"ip_address"`
}

func mapped[A, B any](in []A, f func(A) B) []B {
	if len(in) == 0 {
		return nil
	}
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}

// prefix reads a CIDR of the cloud; the zero prefix stands for none, and for text that is no CIDR.
func prefix(s string) netip.Prefix {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

func addr(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a
}
