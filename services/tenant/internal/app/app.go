// Package app wires the tenant service, top to bottom.
package app

import (
	"context"
	"errors"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/drift"
	"github.com/low-layer/platform/libs/host"
	openstackclient "github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/seal"
	"github.com/low-layer/platform/libs/watch/watchapi"
	"github.com/low-layer/platform/services/tenant/internal/api"
	"github.com/low-layer/platform/services/tenant/internal/client"
	"github.com/low-layer/platform/services/tenant/internal/cloud/keycloak"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/provision"
	"github.com/low-layer/platform/services/tenant/internal/reconcile"
	"github.com/low-layer/platform/services/tenant/internal/store"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
)

const name = "tenant"

// Program is the service's command line.
func Program() host.Command { return host.Program(name, store.Migrations, New) }

// App is the wired service.
type App struct {
	*host.Host
	Periodic *usecase.Periodic
	Drift    *drift.Loop
	Members  *usecase.Sync
}

// New wires the service.
func New(ctx context.Context, cfg Config, o host.Options) (_ *App, err error) {
	h, err := host.New(ctx, name, cfg.Config, host.Records{
		Owner: store.TenantUID, Since: store.TenantSince, Limits: cfg.Quotas(), Known: store.Known, Taken: store.Taken,
	}, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	keeper, err := seal.Open(ctx, cfg.SealURL)
	if err != nil {
		return nil, err
	}
	h.OnClose(keeper.Close)
	conn, err := h.Dial("network")
	if err != nil {
		return nil, err
	}
	identity, network, users := keystone.Recall(openstackclient.NewKeystone(h.Cloud)), client.NewNetwork(conn), userDirectory(h, cfg)
	records, members, remover := store.New(h.Pool, h.Tokens), store.NewMembers(h.Pool, h.Tokens), &lateRemover{}
	if err = h.Provision(provision.Kinds(provision.Deps{
		Records: usecase.NewSettlements(records, api.Renderer{}, h.Ledger, o.Clock), Pool: h.Pool, Render: api.Renderer{},
		Cloud: identity, Network: network, Members: remover,
		Vault: provision.NewVault(keeper, store.NewSecrets(h.Pool), o.Clock, cfg.CredentialLifetime),
		Quota: cfg.Quota(), Roles: cfg.CredentialRoles,
	})); err != nil {
		return nil, err
	}
	changes := accept.New(accept.Config{
		Service: usecase.Source, DB: h.Pool, Engine: h.Engine, Trail: h.Trail, Quota: h.Ledger, Clock: o.Clock,
		Closed: usecase.Closed(records),
	})
	use := usecase.New(usecase.Config{
		Store: records, Changes: changes, Engine: h.Engine, Network: network, Messages: api.Renderer{},
		Retention: cfg.Retention, Quota: cfg.Quota(),
	})
	staff := usecase.StaffConfig{
		Rows: members, Changes: changes, Tenancy: records, VPCs: network, Directory: users, Clock: o.Clock,
		Member: api.Renderer{}.Member, Account: api.Renderer{}.Account,
		MaxMembers: int(cfg.QuotaMembers), MaxAccounts: int(cfg.QuotaServiceAccounts),
	}
	api.Register(h.Server.Registrar(), use, usecase.NewMembers(staff), usecase.NewAccounts(staff))
	h.Serve(func(ctx context.Context, t resourcename.Tenant) error {
		_, err := records.Tenant(ctx, t.Tenant)
		return err
	}, watched(records, members)...)

	a := &App{
		Host: h, Members: usecase.NewSync(staff),
		Periodic: usecase.NewPeriodic(use, o.Clock, cfg.CredentialMargin(), cfg.CredentialRoles),
	}
	remover.Sync = a.Members
	h.Loop(host.Loop{Name: "periodic", Every: cfg.PeriodicInterval, Pass: a.Periodic.Pass})
	a.Drift = h.Drift(cfg.DriftInterval, false, drift.Config{Snapshot: reconcile.Snapshot(identity)})
	h.Loop(host.Loop{Name: "service accounts", Every: cfg.PeriodicInterval, Pass: a.Members.Expire})
	h.Loop(host.Loop{Name: "members", Every: cfg.MemberInterval, Pass: a.Members.Pass})
	h.Consume(a.Members.Handlers(), "network")
	h.Part("roles at deleted VPCs", func(ctx context.Context) error {
		a.Members.Follow(ctx, func(ctx context.Context, at member.Scope, err error) {
			h.Logger.WarnContext(ctx, "the roles at a deleted VPC could not be ended; the next pass tries again", "vpc", at.Name(), "error", err)
		})
		return nil
	})
	return a, nil
}

// lateRemover gives the kinds, which are made first, the removal of members, which is made later.
type lateRemover struct{ *usecase.Sync }

// userDirectory is the user directory of the settings, or nil.
func userDirectory(h *host.Host, cfg Config) usecase.Directory {
	if cfg.KeycloakURL == "" {
		h.Logger.Warn("no user directory is configured: members and service accounts cannot be managed", "setting", "KEYCLOAK_URL")
		return nil
	}
	d := keycloak.New(keycloak.Config{
		URL: cfg.KeycloakURL, Realm: cfg.KeycloakRealm, ClientID: cfg.KeycloakClientID, ClientSecret: cfg.KeycloakClientSecret,
		Mail: cfg.KeycloakMail, Clock: h.Clock,
	})
	h.OnClose(func() error { d.Close(); return nil })
	return d
}

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
