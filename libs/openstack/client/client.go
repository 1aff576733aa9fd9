// Package client implements the ports of libs/openstack/{neutron,keystone,nova,placement,glance,cinder} with gophercloud.
//
// A method makes the calls its name says, one write at most where its port says so, and repeats no write. Lists ask only
// for the fields in use and follow every page. Errors come from libs/openstack, classified by status and body; none holds
// a password or a secret.
package client

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack"
)

// opener opens the endpoint of one OpenStack service.
type opener func(context.Context) (*gophercloud.ServiceClient, error)

// call runs one call of a service and classifies its error.
func call(ctx context.Context, open opener, what string, do func(*gophercloud.ServiceClient) error) error {
	client, err := open(ctx)
	if err == nil {
		err = do(client)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, openstack.Classify(err))
	}
	return nil
}

// ask is call for a call that returns an object.
func ask[W, T any](
	ctx context.Context, open opener, what string, do func(*gophercloud.ServiceClient) (*W, error), convert func(*W) T,
) (T, error) {
	var out T
	err := call(ctx, open, what, func(client *gophercloud.ServiceClient) error {
		got, err := do(client)
		if err == nil {
			openstack.Escape(got)
			out = convert(got)
		}
		return err
	})
	return out, err
}

// absent drops the error of a removal whose object is gone already.
func absent(err error) error {
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	return err
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

// some is mapped for a field that Neutron wants as a list, an empty one too.
func some[A, B any](in []A, f func(A) B) []B { return append([]B{}, mapped(in, f)...) }

// textOf is an address for Neutron: null stands for none.
func textOf(a netip.Addr) any {
	if !a.IsValid() {
		return nil
	}
	return a.String()
}

// prefix reads a CIDR of the cloud. The zero prefix stands for none, and for text that is no CIDR.
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
