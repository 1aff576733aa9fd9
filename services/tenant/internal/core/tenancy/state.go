package tenancy

import "time"

// State is where a resource stands, in the words of lowlayer.type.v1.State.
type State string

// The states a change of this service leads through or to.
const (
	StateCreating  State = "CREATING"
	StateActive    State = "ACTIVE"
	StateUpdating  State = "UPDATING"
	StateSuspended State = "SUSPENDED"
	StateDeleting  State = "DELETING"
	StateDeleted   State = "DELETED"
)

// Status is what the provisioning engine observed of a resource; the domain only passes it on.
type Status struct {
	State       State
	Conditions  []Condition
	Blockage    *Blockage
	Reconciling bool
}

// Condition is one observed aspect of a resource.
type Condition struct {
	Type, Status, Reason, Message string
	LastTransitionTime            time.Time
}

// Blockage says why a resource cannot go on, who must act and how.
type Blockage struct {
	Owner, Reason, Message, Remedy, Step string
	RetryTime, SinceTime                 time.Time
}

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

// Request is what makes a call repeatable: the caller's request_id, the method and a digest of the content.
type Request struct {
	ID     string
	Method string
	Digest []byte
	// ValidateOnly asks for the plan alone: whatever is done is rolled back. ID is empty then.
	ValidateOnly bool
}

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

// Operation is accepted work as the engine recorded it; the edge renders it.
type Operation interface {
	// OperationName is its resource name.
	OperationName() string
}
