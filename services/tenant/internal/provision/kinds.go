// Package provision is the life of tenants and organisations outside our database, one file for each: the steps that make
// them in the cloud and with the network service. Keystone's objects come from libs/openstack/kit.
//
// Every step bears being repeated. A secret is sealed and stored before the call that uses it.
package provision

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/client"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Records reads and settles tenants and organisations, in the engine's transactions.
type Records interface {
	LoadTenant(ctx context.Context, q provision.Querier, uid string) (tenancy.Tenant, error)
	LoadOrganisation(ctx context.Context, q provision.Querier, uid string) (tenancy.Organisation, error)
	LoadOrganisations(ctx context.Context, q provision.Querier, tenantUID string) ([]tenancy.Organisation, error)
	// Made returns the steps that are done, with the digests of their inputs.
	Made(ctx context.Context, q provision.Querier, uid string) (map[string]string, error)
	SettleTenant(ctx context.Context, tx pgx.Tx, s provision.Settlement, domainID string, ready bool) error
	SettleOrganisation(ctx context.Context, tx pgx.Tx, s provision.Settlement, projectID string, ready bool) error
}

// MemberRemover ends roles and service accounts at a place and below it.
type MemberRemover interface {
	Remove(ctx context.Context, tenantUID string, scope member.Scope) error
}

// Renderer makes the messages that operations end with.
type Renderer interface {
	Tenant(t tenancy.Tenant) proto.Message
	Organisation(o tenancy.Organisation) proto.Message
}

// Deps is what the kinds need.
type Deps struct {
	Records Records
	Pool    provision.Querier
	Render  Renderer
	Cloud   keystone.Cloud
	Network *client.Network
	Vault   *Vault
	// Members ends roles with what they were in; nil ends none.
	Members MemberRemover
	// Quota is the platform's default.
	Quota tenancy.Quota
	// Roles are what an organisation's credential may do, by Keystone's names.
	Roles []string
}

// Kinds are the service's kinds for the engine.
func Kinds(d Deps) []provision.AnyKind {
	return []provision.AnyKind{tenantKind(d), organisationKind(d)}
}

// Types of external objects.
const (
	typeBoundary = "network.boundary"
	typeHub      = "network.hub"
	typeVPC      = "network.vpc"
)

// Names of steps; they are the ledger's keys and never change.
const (
	stepDomain       = "domain"
	stepBoundary     = "boundary"
	stepProject      = "project"
	stepComputeQuota = "compute-quota"
	stepNetworkQuota = "network-quota"
	stepUser         = "user"
	stepRole         = "role"
	stepCredential   = "credential"
	stepRevoke       = "revoke"
	stepHub          = "hub"
	prefixVPC        = "vpc-"
	prefixCascade    = "organisation-"
)

// frozen is a plan that makes nothing new: what is not there stays away, what is there stays as it is. It is the plan of
// a resource that is switched off but may come back. Only the named step may still change.
func frozen(plan []provision.Step, made map[string]string, except string) []provision.Step {
	var out []provision.Step
	kept := map[string]bool{}
	for _, s := range plan {
		digest, done := made[s.Name]
		if !done {
			continue
		}
		if s.Name != except {
			s.Digest, s.Verify = digest, nil
		}
		missing := func(step string) bool { return !kept[step] }
		s.Needs = slices.DeleteFunc(slices.Clone(s.Needs), missing)
		s.After = slices.DeleteFunc(slices.Clone(s.After), missing)
		kept[s.Name] = true
		out = append(out, s)
	}
	return out
}
