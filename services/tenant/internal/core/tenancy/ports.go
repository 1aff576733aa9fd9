package tenancy

import (
	"context"
	"time"

	"github.com/low-layer/platform/libs/resource"
)

// Store keeps tenants and organisations. Reads outside a transaction see what was committed.
type Store interface {
	Reader
	// InTx runs fn in one transaction; fn may run again when the database asks for it.
	InTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error
}

// Reader answers from our own records, never from the cloud.
type Reader interface {
	// Tenant answers a tenant by id, NOT_FOUND when there is none.
	Tenant(ctx context.Context, id string) (Tenant, error)
	// Organisation answers an organisation by the ids of its tenant and itself, NOT_FOUND when there is none.
	Organisation(ctx context.Context, tenantID, id string) (Organisation, error)
	// ListTenants answers a page.
	ListTenants(ctx context.Context, q resource.List) (resource.Page[Tenant], error)
	// ListOrganisations answers a page of a tenant's organisations.
	ListOrganisations(ctx context.Context, tenant string, q resource.List) (resource.Page[Organisation], error)
	// Due answers what the periodic loops must act on.
	Due(ctx context.Context, at DueTimes) (Due, error)
}

// Tx is a Store inside a transaction.
type Tx interface {
	Records
	Work
}

// Records is the rows of a transaction. Reads lock, so that a change sees what it decides on until it commits.
type Records interface {
	// LockTenant answers a tenant and keeps others from changing it.
	LockTenant(ctx context.Context, id string) (Tenant, error)
	// ShareTenant answers a tenant and keeps it from being suspended or deleted meanwhile.
	ShareTenant(ctx context.Context, id string) (Tenant, error)
	// LockOrganisation answers an organisation and keeps others from changing it.
	LockOrganisation(ctx context.Context, tenantID, id string) (Organisation, error)
	// LockOrganisations answers and locks every organisation of a tenant, deleted ones too, in the order of their ids.
	LockOrganisations(ctx context.Context, tenantUID string) ([]Organisation, error)
	// InsertTenant fails with ALREADY_EXISTS when the id is taken.
	InsertTenant(ctx context.Context, t Tenant) error
	// UpdateTenant writes every field a change may touch.
	UpdateTenant(ctx context.Context, t Tenant) error
	// InsertOrganisation fails with ALREADY_EXISTS when the id is taken in the tenant.
	InsertOrganisation(ctx context.Context, o Organisation) error
	// UpdateOrganisation writes every field a change may touch.
	UpdateOrganisation(ctx context.Context, o Organisation) error
}

// Work hands changes to the engine and events to the outbox, in the transaction.
type Work interface {
	// Replay answers the operation of an earlier call with the same request id and content, nil when there was none.
	Replay(ctx context.Context, c Change) (Operation, error)
	// Accept records the change and wakes a worker when the transaction commits.
	Accept(ctx context.Context, c Change) (Operation, error)
	// Hasten answers the operation that works on a resource, nil when none does, and has what waits in it tried at once.
	Hasten(ctx context.Context, uid string) (Operation, error)
	// AnnounceTenant and AnnounceOrganisation append an event that shows the resource as it is now.
	AnnounceTenant(ctx context.Context, event string, t Tenant) error
	AnnounceOrganisation(ctx context.Context, event string, o Organisation) error
}

// DueTimes are the moments that decide what is due.
type DueTimes struct {
	// Now decides what is purged.
	Now time.Time
	// CredentialsBefore decides which credentials are replaced: those that expire before it, and those that give other
	// roles than CredentialRoles, which are sorted.
	CredentialsBefore time.Time
	CredentialRoles   []string
	// Limit bounds each list.
	Limit int
}

// Due is what the periodic loops must act on.
type Due struct {
	PurgeTenants       []string
	PurgeOrganisations []OrganisationKey
	RotateCredentials  []OrganisationKey
}

// OrganisationKey names an organisation.
type OrganisationKey struct{ Tenant, Organisation string }

// probe is as much of the organisation as its name tells, to look for an earlier call's operation.
func (k OrganisationKey) probe() Organisation {
	return Organisation{TenantID: k.Tenant, ID: k.Organisation}
}

// Network is what the rules ask the network service before they accept something.
type Network interface {
	// CheckOrder answers nil when the networks could be made now, otherwise the error the order would meet.
	CheckOrder(ctx context.Context, tenantID string, networks []NetworkOrder) error
	// VPCNames answers the names of the organisation's VPCs.
	VPCNames(ctx context.Context, organisation string) ([]string, error)
	// ProtectedVPCs answers the names of those VPCs of an organisation that are protected against deletion; with
	// `tenants/<tenant>/organisations/-` those of the whole tenant.
	ProtectedVPCs(ctx context.Context, organisation string) ([]string, error)
	// Removal answers what goes when every network of a tenant or organisation is removed.
	Removal(ctx context.Context, name string) ([]PlannedObject, error)
}

// NetworkOrder is one network of an order. Field is the path of the caller's field that asks for it.
type NetworkOrder struct {
	Field string
	CIDR  string
	Hub   bool
}
