package tenancy

import "github.com/low-layer/platform/libs/resource"

// State and the other types are those of every resource.
type (
	State   = resource.State
	Status  = resource.Status
	Request = resource.Identity
)

// The states that a change of this service leads through or to.
const (
	StateCreating  = resource.Creating
	StateActive    = resource.Active
	StateUpdating  = resource.Updating
	StateSuspended = resource.Suspended
	StateDeleting  = resource.Deleting
	StateDeleted   = resource.Deleted
)

// Kind is a kind of resource the engine works on.
type Kind string

// The kinds of this service.
const (
	KindTenant       Kind = "tenant"
	KindOrganisation Kind = "organisation"
)

// Verb is what an operation does.
type Verb string

// The verbs of this service's operations.
const (
	VerbCreate   Verb = "create"
	VerbUpdate   Verb = "update"
	VerbDelete   Verb = "delete"
	VerbUndelete Verb = "undelete"
	VerbSuspend  Verb = "suspend"
	VerbResume   Verb = "resume"
	VerbRotate   Verb = "rotate"
)

// Change is work for the engine on one resource.
type Change struct {
	Kind Kind
	UID  string
	Name string
	// Tenant is the id of the tenant it happens in.
	Tenant    string
	Verb      Verb
	Transient State
	Final     State
	// Removing means that nothing of the resource may be left.
	Removing bool
	Request  Request
}

// Operation is accepted work as the engine recorded it.
type Operation interface {
	// OperationName is its resource name.
	OperationName() string
}
