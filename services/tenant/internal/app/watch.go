package app

import (
	"context"

	"google.golang.org/protobuf/proto"

	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"github.com/low-layer/platform/libs/provision/operationapi"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/libs/watch/watchapi"
	"github.com/low-layer/platform/services/tenant/internal/api"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

// watchPage is how many resources are read at once when a stream begins.
const watchPage = 200

// serveWatch serves what changes: every resource as its Get method answers it.
func (a *App) serveWatch(records *store.Store, members *store.Members, operations *operationapi.Server) {
	tenant := func(ctx context.Context, name string) (proto.Message, error) {
		n, err := resourcename.ParseTenant(name)
		if err != nil {
			return nil, err
		}
		t, err := records.Tenant(ctx, n.Tenant)
		if err != nil {
			return nil, err
		}
		return api.Renderer{}.Tenant(t), nil
	}
	watchv1.RegisterWatchServiceServer(a.Server.Registrar(), watchapi.New(watchapi.Config{
		Service: name, Log: a.changes, Sees: a.guard.Sees,
		Tenants: func(ctx context.Context, t resourcename.Tenant) error {
			_, err := records.Tenant(ctx, t.Tenant)
			return err
		},
		Kinds: []watchapi.Kind{
			{
				Type: string(tenancy.KindTenant), Permission: "tenant.tenants.get", Get: tenant,
				List: func(ctx context.Context, id, _ string) ([]watchapi.Item, string, error) {
					n := resourcename.Tenant{Tenant: id}.String()
					m, err := tenant(ctx, n)
					return []watchapi.Item{{Name: n, Message: m}}, "", err
				},
			},
			watchedOrganisations(records), watchedMembers(members), watchedAccounts(members), operations.Watched(),
		},
	}))
}

func watchedOrganisations(records *store.Store) watchapi.Kind {
	return watchapi.Kind{
		Type: string(tenancy.KindOrganisation), Permission: "tenant.organisations.get",
		Get: func(ctx context.Context, name string) (proto.Message, error) {
			n, err := resourcename.ParseOrganisation(name)
			if err != nil {
				return nil, err
			}
			o, err := records.Organisation(ctx, n.Tenant, n.Organisation)
			if err != nil {
				return nil, err
			}
			return api.Renderer{}.Organisation(o), nil
		},
		List: func(ctx context.Context, tenant, token string) ([]watchapi.Item, string, error) {
			page, err := records.ListOrganisations(ctx, tenancy.List{Tenant: tenant, PageSize: watchPage, PageToken: token, ShowDeleted: true})
			if err != nil {
				return nil, "", err
			}
			return items(page.Items, tenancy.Organisation.Name, api.Renderer{}.Organisation), page.NextPageToken, nil
		},
	}
}

func watchedMembers(members *store.Members) watchapi.Kind {
	return watchapi.Kind{
		Type: "member", Permission: "tenant.members.get",
		Get: func(ctx context.Context, name string) (proto.Message, error) {
			k, err := member.ParseKey(name, "members")
			if err != nil {
				return nil, err
			}
			m, err := members.Member(ctx, k)
			if err != nil {
				return nil, err
			}
			return api.Renderer{}.Member(m), nil
		},
		List: func(ctx context.Context, tenant, _ string) ([]watchapi.Item, string, error) {
			all, err := members.MembersIn(ctx, tenant)
			return items(all, member.Member.Name, api.Renderer{}.Member), "", err
		},
	}
}

func watchedAccounts(members *store.Members) watchapi.Kind {
	return watchapi.Kind{
		Type: "serviceAccount", Permission: "tenant.serviceAccounts.get",
		Get: func(ctx context.Context, name string) (proto.Message, error) {
			k, err := member.ParseKey(name, "serviceAccounts")
			if err != nil {
				return nil, err
			}
			a, err := members.Account(ctx, k)
			if err != nil {
				return nil, err
			}
			return api.Renderer{}.Account(a), nil
		},
		List: func(ctx context.Context, tenant, _ string) ([]watchapi.Item, string, error) {
			all, err := members.AccountsIn(ctx, tenant)
			return items(all, member.Account.Name, api.Renderer{}.Account), "", err
		},
	}
}

func items[T any](list []T, name func(T) string, message func(T) proto.Message) []watchapi.Item {
	out := make([]watchapi.Item, len(list))
	for i, v := range list {
		out[i] = watchapi.Item{Name: name(v), Message: message(v)}
	}
	return out
}
