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
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/seal"
	"github.com/low-layer/platform/services/tenant/internal/api"
	"github.com/low-layer/platform/services/tenant/internal/client"
	"github.com/low-layer/platform/services/tenant/internal/cloud/keycloak"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
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
	a.Drift = h.Drift(cfg.DriftInterval, false, drift.Config{Snapshot: reconcile.Snapshot(identity)})
	a.background(cfg)
	return a, nil
}

// background adds the loops, and the events of other services.
func (a *App) background(cfg Config) {
	a.Loop(host.Loop{Name: "periodic", Every: cfg.PeriodicInterval, Pass: a.Periodic.Pass})
	a.Loop(host.Loop{Name: "service accounts", Every: cfg.PeriodicInterval, Pass: a.Members.Expire})
	a.Loop(host.Loop{Name: "members", Every: cfg.MemberInterval, Pass: a.Members.Pass})
	a.Consume(a.Members.Handlers(), "network")
	a.Part("roles at deleted VPCs", func(ctx context.Context) error {
		a.Members.Follow(ctx, func(ctx context.Context, at member.Scope, err error) {
			a.Logger.WarnContext(ctx, "the roles at a deleted VPC could not be ended; the next pass tries again", "vpc", at.Name(), "error", err)
		})
		return nil
	})
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
