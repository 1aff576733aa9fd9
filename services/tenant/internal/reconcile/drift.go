// Package reconcile lists Keystone for the drift loop.
package reconcile

import (
	"context"

	"github.com/low-layer/platform/libs/drift"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Snapshot reads Keystone with three lists, whatever the number of tenants.
func Snapshot(cloud keystone.Cloud) func(context.Context) (context.Context, drift.Strangers, error) {
	return func(ctx context.Context) (context.Context, drift.Strangers, error) {
		s, err := keystone.Take(ctx, cloud, tenancy.Marker, tenancy.NamePrefix)
		if err != nil {
			return ctx, nil, err
		}
		return s.In(ctx), nil, nil
	}
}
