// Package resource is what the resources of every service share: state, conditions, blockage, metadata, the identity of a
// request, and the page of a list. It holds values, so that core packages may import it.
//
// Its subpackages hold the machinery once for all services:
//
//	convert  values to messages of lowlayer.type.v1, requests to Identity and List
//	mask     update masks, read from the field_behavior of the resource's message
//	rows     one row, many rows, and one page of rows of Postgres as values
//	replay   the result of an earlier call with the same request_id
//	accept   the transaction of a change: replay, operation, event, audit record, plan with its quota effects
package resource

import "time"

// Mode is how virtual machines share hypervisors, in the words of lowlayer.type.v1.ResourceMode.
type Mode string

// The modes. The empty mode stands for that of the parent.
const (
	Mutualized Mode = "MUTUALIZED"
	Dedicated  Mode = "DEDICATED"
)

// Valid reports whether m is one of the modes.
func (m Mode) Valid() bool { return m == Mutualized || m == Dedicated }

// Status is where a resource stands.
type Status struct {
	State       State
	Conditions  Conditions
	Blockage    *Blockage
	Reconciling bool
}

// Meta is what every resource has beside its own fields.
type Meta struct {
	UID string
	// Revision grows with every change of the spec; etags are made of it.
	Revision         int64
	Created, Updated time.Time
	Status           Status
}
