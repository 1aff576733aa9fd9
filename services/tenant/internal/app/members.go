package app

import (
	"context"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/services/tenant/internal/api"
	"github.com/low-layer/platform/services/tenant/internal/client"
	"github.com/low-layer/platform/services/tenant/internal/cloud/keycloak"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/provision"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

// directory is the user directory of the settings, or none.
func (a *App) directory() directory.Directory {
	if a.cfg.KeycloakURL == "" {
		a.logger.Warn("no user directory is configured: members and service accounts cannot be managed", "setting", Prefix+"KEYCLOAK_URL")
		return nil
	}
	d := keycloak.New(keycloak.Config{
		URL: a.cfg.KeycloakURL, Realm: a.cfg.KeycloakRealm, ClientID: a.cfg.KeycloakClientID, ClientSecret: a.cfg.KeycloakClientSecret,
		Mail: a.cfg.KeycloakMail, Clock: a.clock,
	})
	a.onClose(func() error { d.Close(); return nil })
	return d
}

// members puts together what manages members, and registers it; it answers their records, too.
func (a *App) members(tokens *paging.Token, tenancy member.Tenancy, network *client.Network, d directory.Directory) (*member.Sync, *store.Members) {
	records := store.NewMembers(a.pool, tokens, a.trail, store.MemberMessages{Member: api.Renderer{}.Member, Account: api.Renderer{}.Account})
	places := member.NewPlaces(tenancy, network)
	owns := func(ctx context.Context, resource string) bool { return authz.Holds(ctx, resource, authz.Owner) }
	api.RegisterMembers(a.Server.Registrar(), member.NewMembers(records, places, d, a.clock, owns), member.NewAccounts(records, places, d, a.clock, owns))
	return member.NewSync(records, places, d, a.clock), records
}

// lateRemover hands the engine's kinds, which are made first, the removal of members, which needs what is made after.
type lateRemover struct{ *member.Sync }

var _ provision.MemberRemover = (*lateRemover)(nil)
