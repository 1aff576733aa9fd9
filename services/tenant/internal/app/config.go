package app

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/libs/loopback"
	"github.com/low-layer/platform/libs/seal"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
)

// Config is the service's settings.
type Config struct {
	host.Config
	// SealURL is the keeper of secrets.
	SealURL string `env:"SEAL_URL,required,notEmpty" secret:"true"`
	// Retention is how long a deleted tenant or organisation can be undeleted.
	Retention time.Duration `env:"RETENTION" envDefault:"168h"`
	// CredentialLifetime is how long a credential lives; it is replaced when a third of that is left.
	CredentialLifetime time.Duration `env:"CREDENTIAL_LIFETIME" envDefault:"2160h"`
	// CredentialRoles are the roles a credential carries, by Keystone's names.
	CredentialRoles []string `env:"CREDENTIAL_ROLES" envDefault:"member"`
	// DriftInterval and PeriodicInterval are the pace of the loops.
	DriftInterval    time.Duration `env:"DRIFT_INTERVAL" envDefault:"5m"`
	PeriodicInterval time.Duration `env:"PERIODIC_INTERVAL" envDefault:"1m"`
	// KeycloakURL and the rest name the user directory, made by libs/realm; without a URL members cannot be managed.
	KeycloakURL          string `env:"KEYCLOAK_URL"`
	KeycloakRealm        string `env:"KEYCLOAK_REALM" envDefault:"lowlayer"`
	KeycloakClientID     string `env:"KEYCLOAK_CLIENT_ID" envDefault:"lowlayer-tenant"`
	KeycloakClientSecret string `env:"KEYCLOAK_CLIENT_SECRET" secret:"true"`
	// KeycloakMail makes Keycloak invite new people by mail; its realm needs a mail server.
	KeycloakMail bool `env:"KEYCLOAK_MAIL"`
	// MemberInterval is how often the records of members are compared with Keycloak.
	MemberInterval time.Duration `env:"MEMBER_INTERVAL" envDefault:"5m"`
	// The platform's default quota of an organisation.
	QuotaCores          int32 `env:"QUOTA_CORES" envDefault:"200"`
	QuotaRAMMiB         int32 `env:"QUOTA_RAM_MIB" envDefault:"524288"`
	QuotaInstances      int32 `env:"QUOTA_INSTANCES" envDefault:"100"`
	QuotaNetworks       int32 `env:"QUOTA_NETWORKS" envDefault:"100"`
	QuotaRouters        int32 `env:"QUOTA_ROUTERS" envDefault:"50"`
	QuotaPorts          int32 `env:"QUOTA_PORTS" envDefault:"1000"`
	QuotaSecurityGroups int32 `env:"QUOTA_SECURITY_GROUPS" envDefault:"100"`
	// QuotaOrganisations is how many organisations a tenant may have, unless an operator sets something else for it.
	QuotaOrganisations int32 `env:"QUOTA_ORGANISATIONS" envDefault:"50"`
	// QuotaMembers and QuotaServiceAccounts bound the members and the service accounts of a tenant, at all levels.
	QuotaMembers         int32 `env:"QUOTA_MEMBERS" envDefault:"1000"`
	QuotaServiceAccounts int32 `env:"QUOTA_SERVICE_ACCOUNTS" envDefault:"200"`
}

// Quotas are the platform's limits of a tenant.
func (c Config) Quotas() map[string]int64 {
	return map[string]int64{usecase.QuotaOrganisations: int64(c.QuotaOrganisations)}
}

// Quota is the platform's default quota.
func (c Config) Quota() tenancy.Quota {
	return tenancy.Quota{
		Cores: c.QuotaCores, RAMMiB: c.QuotaRAMMiB, Instances: c.QuotaInstances, Networks: c.QuotaNetworks,
		Routers: c.QuotaRouters, Ports: c.QuotaPorts, SecurityGroups: c.QuotaSecurityGroups,
	}
}

// CredentialMargin is how long before its end a credential is replaced.
func (c Config) CredentialMargin() time.Duration { return c.CredentialLifetime / 3 }

// Problems are what is wrong beyond the form of the values.
func (c Config) Problems() []config.Problem {
	var out []config.Problem
	bad := func(variable, text string) {
		out = append(out, config.Problem{Variable: variable, Text: text})
	}
	for variable, d := range map[string]time.Duration{
		"RETENTION": c.Retention, "DRIFT_INTERVAL": c.DriftInterval, "PERIODIC_INTERVAL": c.PeriodicInterval,
		"MEMBER_INTERVAL": c.MemberInterval,
	} {
		if d <= 0 {
			bad(variable, "is not positive: give a duration such as 1m or 168h")
		}
	}
	if c.CredentialLifetime < time.Hour {
		bad("CREDENTIAL_LIFETIME", "is less than an hour, too short to replace a credential in time: give for example 2160h")
	}
	if c.SealURL != "" {
		if k, err := seal.Open(context.Background(), c.SealURL); err != nil { // opening a local key makes no call
			bad("SEAL_URL", err.Error())
		} else if err := k.Close(); err != nil {
			bad("SEAL_URL", err.Error())
		}
	}
	for _, role := range c.CredentialRoles {
		if strings.TrimSpace(role) == "" {
			bad("CREDENTIAL_ROLES", "names an empty role: give names separated by commas, such as member")
		}
	}
	for variable, v := range map[string]int32{
		"QUOTA_CORES": c.QuotaCores, "QUOTA_RAM_MIB": c.QuotaRAMMiB, "QUOTA_INSTANCES": c.QuotaInstances,
		"QUOTA_NETWORKS": c.QuotaNetworks, "QUOTA_ROUTERS": c.QuotaRouters, "QUOTA_PORTS": c.QuotaPorts,
		"QUOTA_SECURITY_GROUPS": c.QuotaSecurityGroups, "QUOTA_MEMBERS": c.QuotaMembers, "QUOTA_SERVICE_ACCOUNTS": c.QuotaServiceAccounts,
	} {
		if v <= 0 {
			bad(variable, "is not positive: give a limit")
		}
	}
	if c.QuotaOrganisations < 0 {
		bad("QUOTA_ORGANISATIONS", "is negative: give how many a tenant may have, 0 for none")
	}
	if c.KeycloakURL != "" {
		if u, err := url.Parse(c.KeycloakURL); err != nil || !loopback.Secure(u) {
			bad("KEYCLOAK_URL", "is no https address, nor an http one of this machine: give for example https://id.example.com")
		}
		if c.KeycloakClientSecret == "" {
			bad("KEYCLOAK_CLIENT_SECRET", "is missing: give the secret of the client "+c.KeycloakClientID)
		}
	}
	return append(out, c.Config.Problems()...)
}
