// Package status is where a resource stands, in the words every resource shares. It holds values only and never fails.
package status

import "time"

// Mode is how virtual machines get their share of the hypervisors.
type Mode string

// The modes.
const (
	Mutualized Mode = "MUTUALIZED"
	Dedicated  Mode = "DEDICATED"
)

// Valid tells the known modes from everything else.
func (m Mode) Valid() bool { return m == Mutualized || m == Dedicated }

// States that rules depend on.
const (
	Active   = "ACTIVE"
	Deleting = "DELETING"
)

// Condition is one observed aspect of a resource.
type Condition struct {
	Type, Status, Reason, Message string
	LastTransition                time.Time
}

// Blockage is why a resource cannot go on, who must act, and how.
type Blockage struct {
	Owner, Reason, Message, Remedy, Step string
	Retry, Since                         time.Time
}

// Status is where a resource stands.
type Status struct {
	State       string
	Conditions  []Condition
	Blockage    *Blockage
	Reconciling bool
}

// Meta is what every resource has beside its own fields.
type Meta struct {
	UID string
	// Revision grows with every change of what was asked for.
	Revision         int64
	Created, Updated time.Time
	Status           Status
}
