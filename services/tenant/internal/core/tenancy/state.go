package tenancy

import "github.com/low-layer/platform/libs/resource"

// State is the state of a resource.
type State = resource.State

// Status is the state of a resource with its conditions.
type Status = resource.Status

// The states of this service's resources.
const (
	StateCreating  = resource.Creating
	StateActive    = resource.Active
	StateUpdating  = resource.Updating
	StateSuspended = resource.Suspended
	StateDeleting  = resource.Deleting
	StateDeleted   = resource.Deleted
)

// Kind is a kind of resource.
type Kind string

// The kinds of this service.
const (
	KindTenant       Kind = "tenant"
	KindOrganisation Kind = "organisation"
)

// Verb names an operation.
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
