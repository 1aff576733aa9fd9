package usecase

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

// Source is the service's name in its events.
const Source = "tenant"

// QuotaOrganisations is the quota of organisations in a tenant.
const QuotaOrganisations = "organisations"

// Messages makes the messages of resources, for events and audit records.
type Messages interface {
	Tenant(t tenancy.Tenant) proto.Message
	Organisation(o tenancy.Organisation) proto.Message
}

// Engine is the part of the provisioning engine that commands use, beside libs/resource/accept.
type Engine interface {
	Hasten(ctx context.Context, tx pgx.Tx, uid string) (*provision.Operation, error)
	Removals(ctx context.Context, q provision.Querier, uids []string) ([]provision.PlannedObject, error)
}

// Network reads the network service. Scripts call it before or after their transaction.
type Network interface {
	// CheckOrder returns the error that the order of networks would meet now.
	CheckOrder(ctx context.Context, tenantID string, networks []tenancy.NetworkOrder) error
	// VPCNames returns the names of the organisation's VPCs.
	VPCNames(ctx context.Context, organisation string) ([]string, error)
	// ProtectedVPCs returns the names of the protected VPCs of an organisation; with the wildcard, of a whole tenant.
	ProtectedVPCs(ctx context.Context, organisation string) ([]string, error)
	// Removal returns the objects that the removal of a tenant's or an organisation's networks removes.
	Removal(ctx context.Context, name string) (provision.Preview, error)
}

// Config is what commands on tenants and organisations need.
type Config struct {
	Store    *store.Store
	Changes  *accept.Changes
	Engine   Engine
	Network  Network
	Messages Messages
	// Retention is how long a deleted resource can be undeleted.
	Retention time.Duration
	// Quota is that of an organisation that orders none.
	Quota tenancy.Quota
}

// Tenancy is the commands and reads of tenants and organisations.
type Tenancy struct {
	*store.Store
	cfg Config
}

// New makes the commands.
func New(cfg Config) *Tenancy { return &Tenancy{cfg.Store, cfg} }

// whileClosed are the commands of a suspended or deleted tenant: those that its own state decides on, and those that take access away.
var whileClosed = []string{
	tenantv1.TenantService_CreateTenant_FullMethodName, tenantv1.TenantService_UpdateTenant_FullMethodName,
	tenantv1.TenantService_SuspendTenant_FullMethodName, tenantv1.TenantService_ResumeTenant_FullMethodName,
	tenantv1.TenantService_DeleteTenant_FullMethodName, tenantv1.TenantService_UndeleteTenant_FullMethodName,
	tenantv1.MemberService_DeleteMember_FullMethodName, tenantv1.ServiceAccountService_DeleteServiceAccount_FullMethodName,
}

// Closed refuses every other command of a suspended or deleted tenant, and keeps the tenant as it is until the transaction ends.
func Closed(s *store.Store) func(context.Context, pgx.Tx, resource.Identity, string) error {
	return func(ctx context.Context, tx pgx.Tx, id resource.Identity, tenant string) error {
		if slices.Contains(whileClosed, id.Method) {
			return nil
		}
		return (&Tenancy{Store: s}).changeable(ctx, tx, tenant)
	}
}

func (s *Tenancy) changeable(ctx context.Context, tx pgx.Tx, tenant string) error {
	t, err := s.ShareTenant(ctx, tx, tenant)
	if err != nil {
		return err
	}
	return t.Changeable()
}

// change is how the engine gets a change of a tenant or an organisation.
type change struct {
	verb      tenancy.Verb
	transient tenancy.State
}

var (
	create   = change{tenancy.VerbCreate, tenancy.StateCreating}
	update   = change{tenancy.VerbUpdate, tenancy.StateUpdating}
	suspend  = change{tenancy.VerbSuspend, tenancy.StateUpdating}
	resume   = change{tenancy.VerbResume, tenancy.StateUpdating}
	rotate   = change{tenancy.VerbRotate, tenancy.StateUpdating}
	remove   = change{tenancy.VerbDelete, tenancy.StateDeleting}
	undelete = change{tenancy.VerbUndelete, tenancy.StateUpdating}
)

func (c change) tenant(t tenancy.Tenant) provision.Change {
	return provision.Change{
		Kind: string(tenancy.KindTenant), UID: t.UID, Name: t.Name(), Verb: string(c.verb),
		Transient: c.transient, Final: t.Settled(), Deleting: t.Removing,
	}
}

func (c change) organisation(o tenancy.Organisation) provision.Change {
	return provision.Change{
		Kind: string(tenancy.KindOrganisation), UID: o.UID, Name: o.Name(), Verb: string(c.verb),
		Transient: c.transient, Final: o.Settled(), Deleting: o.Removing,
	}
}

// editTenant is the script of a change to a tenant: lock, decide, write, accept, publish.
func (s *Tenancy) editTenant(
	ctx context.Context, id resource.Identity, tenant, tag string, c change, decide func(context.Context, *accept.Tx, *tenancy.Tenant) error,
) (*provision.Operation, error) {
	return s.cfg.Changes.Operation(ctx, id, tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		t, err := s.lockTenant(ctx, tx, tenant, tag)
		if err != nil {
			return nil, err
		}
		if err := decide(ctx, tx, &t); err != nil {
			return nil, err
		}
		return s.writeTenant(ctx, tx, t, c)
	})
}

func (s *Tenancy) lockTenant(ctx context.Context, tx *accept.Tx, id, tag string) (tenancy.Tenant, error) {
	t, err := s.LockTenant(ctx, tx, id)
	if err != nil {
		return t, err
	}
	tx.Before(t.Name(), s.cfg.Messages.Tenant(t))
	t.Cascade = nil
	return t, etag.Check(t.Name(), tag, t.Etag())
}

// writeTenant ends a script: it writes the tenant as it was decided, accepts the operation and publishes the restriction.
func (s *Tenancy) writeTenant(ctx context.Context, tx *accept.Tx, t tenancy.Tenant, c change) (*provision.Operation, error) {
	t.Revision++
	t.UpdateTime = tx.Now()
	events := t.Restrict()
	if err := s.Store.UpdateTenant(ctx, tx, t); err != nil {
		return nil, err
	}
	op, err := tx.Accept(ctx, c.tenant(t))
	if err != nil {
		return nil, err
	}
	return op, publish(ctx, tx, t.Name(), s.cfg.Messages.Tenant(t), t.Removing, events)
}

// writeOrganisation is writeTenant for an organisation; accept is Accept or AcceptBeside of the transaction.
func (s *Tenancy) writeOrganisation(
	ctx context.Context, tx *accept.Tx, o tenancy.Organisation, c change,
	accept func(context.Context, provision.Change) (*provision.Operation, error),
) (*provision.Operation, error) {
	o.Revision++
	o.UpdateTime = tx.Now()
	events := o.Restrict()
	if err := s.Store.UpdateOrganisation(ctx, tx, o); err != nil {
		return nil, err
	}
	op, err := accept(ctx, c.organisation(o))
	if err != nil {
		return nil, err
	}
	return op, publish(ctx, tx, o.Name(), s.cfg.Messages.Organisation(o), o.Removing, events)
}

// publish notes a resource as it was written, for the audit record and the plan, and appends the events.
func publish(ctx context.Context, tx *accept.Tx, name string, m proto.Message, removed bool, events []string) error {
	if tx.After(name, m); removed && tx.ValidateOnly() {
		tx.After(name, nil)
	}
	for _, e := range events {
		if err := tx.Publish(ctx, e, name, m); err != nil {
			return err
		}
	}
	return nil
}

// withNetworks adds the objects and the usage of the network service to the plan of a deletion: to what it removes at once, or to what the purge
// removes.
func (s *Tenancy) withNetworks(ctx context.Context, name string, op *provision.Operation, err error) (*provision.Operation, error) {
	if err != nil || op.Preview == nil {
		return op, err
	}
	removal, err := s.cfg.Network.Removal(ctx, name)
	if err != nil {
		return nil, err
	}
	if p := op.Preview; p.PurgeTime.IsZero() {
		p.Objects, p.Usage = append(removal.Objects, p.Objects...), append(removal.Usage, p.Usage...)
	} else {
		p.Purged = append(removal.Objects, p.Purged...)
	}
	return op, nil
}

// planPurge adds to the plan of a deletion the objects of resources that the purge removes, and the time.
func (s *Tenancy) planPurge(ctx context.Context, tx *accept.Tx, op *provision.Operation, at time.Time, uids ...string) (err error) {
	if at.IsZero() || op.Preview == nil {
		return nil
	}
	op.Preview.PurgeTime = at
	op.Preview.Purged, err = s.cfg.Engine.Removals(ctx, tx, uids)
	return err
}
