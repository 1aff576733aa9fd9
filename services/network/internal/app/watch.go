package app

import (
	"context"

	"google.golang.org/protobuf/proto"

	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"github.com/low-layer/platform/libs/provision/operationapi"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/libs/watch/watchapi"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
	"github.com/low-layer/platform/services/network/internal/store"
)

// watchPage is how many resources are read at once when a stream begins.
const watchPage = 200

// serveWatch serves what changes: every resource as its Get method answers it.
func (a *App) serveWatch(records *store.Store, operations *operationapi.Server) {
	watchv1.RegisterWatchServiceServer(a.Server.Registrar(), watchapi.New(watchapi.Config{
		Service: name, Log: a.changes, Sees: a.guard.Sees,
		Kinds: []watchapi.Kind{
			{
				Type: hub.Kind, Permission: "network.hubs.get", Get: get(resourcename.ParseHub, records.GetHub, hubMessage),
				List: func(ctx context.Context, tenant, _ string) ([]watchapi.Item, string, error) {
					hubs, err := records.HubsOf(ctx, tenant)
					return items(hubs, func(h hub.Hub) string { return h.Name.String() }, hubMessage), "", err
				},
			},
			{
				Type: vpc.Kind, Permission: "network.vpcs.get", Get: get(resourcename.ParseVpc, records.GetVpc, vpcMessage),
				List: func(ctx context.Context, tenant, token string) ([]watchapi.Item, string, error) {
					all := resourcename.Organisation{Tenant: tenant, Organisation: resourcename.Wildcard}
					page, err := records.ListVpcs(ctx, all, watchList(tenant, token))
					return items(page.Items, func(v vpc.Vpc) string { return v.Name.String() }, vpcMessage), page.Next, err
				},
			},
			{
				Type: peering.Kind, Permission: "network.peerings.get", Get: get(resourcename.ParsePeering, records.GetPeering, peeringMessage),
				List: func(ctx context.Context, tenant, token string) ([]watchapi.Item, string, error) {
					page, err := records.ListPeerings(ctx, resourcename.Tenant{Tenant: tenant}, watchList(tenant, token))
					return items(page.Items, func(p peering.Peering) string { return p.Name.String() }, peeringMessage), page.Next, err
				},
			},
			operations.Watched(),
		},
	}))
}

func watchList(tenant, token string) resource.List {
	return resource.List{Method: "WatchTenant", Parent: tenant, Size: watchPage, Token: token}
}

// get reads a resource by its name.
func get[N, T any](
	parse func(string) (N, error), read func(context.Context, N) (T, error), message func(T) proto.Message,
) func(context.Context, string) (proto.Message, error) {
	return func(ctx context.Context, name string) (proto.Message, error) {
		parsed, err := parse(name)
		if err != nil {
			return nil, err
		}
		found, err := read(ctx, parsed)
		if err != nil {
			return nil, err
		}
		return message(found), nil
	}
}

func items[T any](list []T, name func(T) string, message func(T) proto.Message) []watchapi.Item {
	out := make([]watchapi.Item, len(list))
	for i, v := range list {
		out[i] = watchapi.Item{Name: name(v), Message: message(v)}
	}
	return out
}
