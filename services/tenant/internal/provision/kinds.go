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

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/client"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Rows is our own rows, in the engine's transactions.
type Rows interface {
	Tenant(ctx context.Context, q provision.Querier, uid string) (tenancy.Tenant, error)
	Organisation(ctx context.Context, q provision.Querier, uid string) (tenancy.Organisation, error)
	Organisations(ctx context.Context, q provision.Querier, tenantUID string) ([]tenancy.Organisation, error)
	// Made returns the steps that are done, and the digest of the inputs they were done with.
	Made(ctx context.Context, q provision.Querier, uid string) (map[string]string, error)
	Settler
}

// Settler writes the ends of changes.
type Settler interface {
	SettleTenant(ctx context.Context, tx pgx.Tx, t tenancy.Tenant) error
	RemoveTenant(ctx context.Context, tx pgx.Tx, uid string) error
	AnnounceTenant(ctx context.Context, tx pgx.Tx, event string, t tenancy.Tenant) error
	SettleOrganisation(ctx context.Context, tx pgx.Tx, o tenancy.Organisation) error
	RemoveOrganisation(ctx context.Context, tx pgx.Tx, uid string) error
	AnnounceOrganisation(ctx context.Context, tx pgx.Tx, event string, o tenancy.Organisation) error
}

// MemberRemover ends roles and service accounts at a place and below it.
type MemberRemover interface {
	Remove(ctx context.Context, tenantUID string, scope member.Scope) error
}

// Renderer makes the messages operations answer with.
type Renderer interface {
	Tenant(t tenancy.Tenant) proto.Message
	Organisation(o tenancy.Organisation) proto.Message
}

// Deps is what the kinds need.
type Deps struct {
	Rows    Rows
	Pool    provision.Querier
	Render  Renderer
	Cloud   keystone.Cloud
	Network *client.Network
	Vault   *Vault
	Clock   clock.Clock
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
