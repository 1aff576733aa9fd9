package app

import (
	"context"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/watch/watchapi"
	"github.com/low-layer/platform/services/tenant/internal/api"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

// watched lists the resources whose changes the service streams.
func watched(records *store.Store, members *store.Members) []watchapi.Kind {
	render := api.Renderer{}
	tenant := func(ctx context.Context, n resourcename.Tenant) (tenancy.Tenant, error) {
		return records.Tenant(ctx, n.Tenant)
	}
	key := func(collection string) func(string) (member.Key, error) {
		return func(name string) (member.Key, error) { return member.ParseKey(name, collection) }
	}
	return []watchapi.Kind{
		watchapi.Resource[resourcename.Tenant, tenancy.Tenant]{
			Type: string(tenancy.KindTenant), Permission: "tenant.tenants.get", Parse: resourcename.ParseTenant, Get: tenant,
			Name: tenancy.Tenant.Name, Message: render.Tenant,
			List: func(ctx context.Context, id, _ string) ([]tenancy.Tenant, string, error) {
				t, err := records.Tenant(ctx, id)
				return []tenancy.Tenant{t}, "", err
			},
		}.Kind(),
		watchapi.Resource[resourcename.Organisation, tenancy.Organisation]{
			Type: string(tenancy.KindOrganisation), Permission: "tenant.organisations.get", Parse: resourcename.ParseOrganisation,
			Name: tenancy.Organisation.Name, Message: render.Organisation,
			Get: func(ctx context.Context, n resourcename.Organisation) (tenancy.Organisation, error) {
				return records.Organisation(ctx, n.Tenant, n.Organisation)
			},
			List: func(ctx context.Context, tenant, token string) ([]tenancy.Organisation, string, error) {
				page, err := records.ListOrganisations(ctx, tenant, resource.List{Size: watchapi.Page, Token: token, All: true})
				return page.Items, page.Next, err
			},
		}.Kind(),
		watchapi.Resource[member.Key, member.Member]{
			Type: "member", Permission: "tenant.members.get", Parse: key("members"), Get: members.Member,
			Name: member.Member.Name, Message: render.Member,
			List: func(ctx context.Context, tenant, _ string) ([]member.Member, string, error) {
				all, err := members.MembersIn(ctx, tenant)
				return all, "", err
			},
		}.Kind(),
		watchapi.Resource[member.Key, member.Account]{
			Type: "serviceAccount", Permission: "tenant.serviceAccounts.get", Parse: key("serviceAccounts"), Get: members.Account,
			Name: member.Account.Name, Message: render.Account,
			List: func(ctx context.Context, tenant, _ string) ([]member.Account, string, error) {
				all, err := members.AccountsIn(ctx, tenant)
				return all, "", err
			},
		}.Kind(),
	}
}
