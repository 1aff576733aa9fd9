package provision

import (
	"time"

	"google.golang.org/protobuf/types/known/anypb"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/usage"
)

// OperationState is where an operation stands.
type OperationState string

// The states of an operation.
const (
	OperationRunning    OperationState = "RUNNING"
	OperationSucceeded  OperationState = "SUCCEEDED"
	OperationCancelled  OperationState = "CANCELLED"
	OperationSuperseded OperationState = "SUPERSEDED"
)

// StepState is where a step of an operation stands, in the words of lowlayer.operation.v1.Step.State.
type StepState string

// The states of a step.
const (
	StepPending  StepState = "PENDING"
	StepRunning  StepState = "RUNNING"
	StepDone     StepState = "DONE"
	StepRetrying StepState = "RETRYING"
	StepSkipped  StepState = "SKIPPED"
)

// Operation is one accepted change and how far it is.
type Operation struct {
	// ID is `op_<service>_<26 characters>`, Name `tenants/<tenant>/operations/<id>`.
	ID, Name    string
	Service     string
	Tenant      string
	Kind        string
	Resource    string
	ResourceUID string
	Verb        string
	State       OperationState
	RequestID   string
	// Blockage is set while the work cannot go on by itself.
	Blockage *Blockage
	// Error is set when the operation ended without doing what was asked: cancelled or superseded.
	Error *errs.Error
	// Response is set when it succeeded.
	Response *anypb.Any
	// Receipt is the name of the signed receipt, set when a deletion succeeded.
	Receipt string
	// Preview is set on the answer of Engine.Preview alone.
	Preview                         *Preview
	CancelRequested                 bool
	TraceID                         string
	CreateTime, UpdateTime, EndTime time.Time
	// EstimatedEndTime is zero while there is no history to tell from.
	EstimatedEndTime time.Time
	Progress         Progress
	Steps            []StepStatus
	// usage is that of the resource before its deletion was accepted.
	usage []usage.Item
}

// Done reports whether the operation has ended.
func (o *Operation) Done() bool { return o.State != OperationRunning }

// Progress is how much of an operation is done.
type Progress struct {
	Percent, Done, Count int
}

// StepStatus is one step of an operation.
type StepStatus struct {
	Name, Title        string
	State              StepState
	Attempts           int
	StartTime, EndTime time.Time
	Message            string
	CloudRequestIDs    []string
	// Operation is that of another service which the step follows.
	Operation            string
	ObjectType, ObjectID string
}

// Change is one accepted wish: what a service asks the engine to bring about, in the transaction that records it.
type Change struct {
	Kind, UID, Name, Tenant, Verb string
	// Transient is the state while the work runs, Final the one at its end.
	Transient, Final State
	// Deleting removes every object of the ledger and then the resource itself.
	Deleting bool
	// RequestID is that of the call; the operation shows it.
	RequestID string
}

// OwnedObject is one line of the ledger.
type OwnedObject struct {
	Kind, ResourceUID, Resource, Tenant string
	Step, Type                          string
	External
	// State of the resource, and whether work on it is under way: drift loops leave such resources alone.
	ResourceState State
	Reconciling   bool
	Surplus       bool
}
