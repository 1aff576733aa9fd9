package member

import (
	"context"
	"time"
)

// Request is what makes a call repeatable: the caller's request_id, the method and a digest of the content.
type Request struct {
	ID     string
	Method string
	Digest []byte
	// ValidateOnly asks what would be answered: nothing is changed. ID is empty then.
	ValidateOnly bool
}

// List asks for a page.
type List struct {
	Scope     Scope
	PageSize  int32
	PageToken string
	Filter    string
	OrderBy   string
}

// Page is a page of records.
type Page[T any] struct {
	Items         []T
	NextPageToken string
}

// Place is what is known of a scope's tenant.
type Place struct {
	TenantUID string
	// VpcUID is that of a scope's VPC, empty for other scopes.
	VpcUID string
}

// Places tells whether a scope is there and takes changes.
type Places interface {
	// Open answers the scope's tenant, or why it takes no change: it is not there, deleted, suspended.
	Open(ctx context.Context, s Scope) (Place, error)
	// Known answers the tenant of a scope that is there, whatever its state. It reads our own records only and leaves the VPC out.
	Known(ctx context.Context, s Scope) (Place, error)
	// Vpcs answers the unique ids of an organisation's VPCs by their ids. It fails when it is not sure.
	Vpcs(ctx context.Context, tenant, organisation string) (map[string]string, error)
}

// Owns tells whether the caller is an owner of a tenant, organisation or VPC, by its name.
type Owns func(ctx context.Context, resource string) bool

// Store keeps the records. Reads never call the directory.
type Store interface {
	Member(ctx context.Context, k Key) (Member, error)
	ListMembers(ctx context.Context, q List) (Page[Member], error)
	Account(ctx context.Context, k Key) (Account, error)
	ListAccounts(ctx context.Context, q List) (Page[Account], error)

	// Exclusive runs fn while nobody else changes members of the tenant, in one transaction. It waits for its turn.
	Exclusive(ctx context.Context, tenantUID string, fn func(ctx context.Context, tx Tx) error) error
	// BeginAccount commits the intent of an account before the directory hears of it. One that was begun before and never
	// finished is answered instead; one that is there is SERVICE_ACCOUNT_EXISTS.
	BeginAccount(ctx context.Context, a Account) (Account, error)

	// Tenants answers the tenants there are: id and unique id.
	Tenants(ctx context.Context) (map[string]string, error)
	// Ended answers accounts whose secret has ended and which are not shut yet.
	Ended(ctx context.Context, now time.Time) ([]Account, error)
	// Unfinished answers accounts that were begun before a time and never finished.
	Unfinished(ctx context.Context, before time.Time) ([]Account, error)
	// Used notes when clients logged in, by client id.
	Used(ctx context.Context, at map[string]time.Time) error
	// LastUse is the latest login that is noted.
	LastUse(ctx context.Context) (time.Time, error)
	// Forget drops what is kept of requests before a time.
	Forget(ctx context.Context, before time.Time) error
}

// Tx is the records under the tenant's lock.
type Tx interface {
	// Replayed answers the name that an earlier call with the same request id and content ended with, empty when there was none.
	Replayed(ctx context.Context, tenantUID string, r Request) (name string, err error)
	// Remember keeps what a call ended with.
	Remember(ctx context.Context, tenantUID string, r Request, name string) error

	Member(ctx context.Context, k Key) (Member, error)
	// PutMember writes a member, new or changed.
	PutMember(ctx context.Context, m Member) error
	DeleteMember(ctx context.Context, uid string) error
	// VpcUID answers of which VPC the roles at a scope are, empty when there are none; SetVpcUID notes it, and forgets the scope
	// when uid is empty. An id may be another VPC's later.
	VpcUID(ctx context.Context, s Scope) (string, error)
	SetVpcUID(ctx context.Context, tenantUID string, s Scope, uid string) error
	// Members answers every member of a tenant, at all levels.
	Members(ctx context.Context, tenantUID string) ([]Member, error)

	Account(ctx context.Context, k Key) (Account, error)
	// FinishAccount writes an account that the directory has.
	FinishAccount(ctx context.Context, a Account) error
	DeleteAccount(ctx context.Context, uid string) error
	// Accounts answers every account of a tenant, at all levels.
	Accounts(ctx context.Context, tenantUID string) ([]Account, error)
}
