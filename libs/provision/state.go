package provision

import "github.com/low-layer/platform/libs/resource"

// State is the state of a resource.
type State = resource.State

// Owner is who must act on a blockage.
type Owner = resource.Owner

// Blockage is why a resource waits, and for whom.
type Blockage = resource.Blockage

// Condition is one condition of a resource.
type Condition = resource.Condition

// Conditions are all conditions of a resource.
type Conditions = resource.Conditions

// The states of libs/resource.
const (
	Creating  = resource.Creating
	Active    = resource.Active
	Updating  = resource.Updating
	Repairing = resource.Repairing
	Suspended = resource.Suspended
	BlockedAt = resource.Blocked
	Deleting  = resource.Deleting
	Deleted   = resource.Deleted
)

// The owners of a blockage, and the conditions every resource has.
const (
	OwnerUser     = resource.OwnerUser
	OwnerProvider = resource.OwnerProvider
	OwnerPlatform = resource.OwnerPlatform

	ConditionTrue        = resource.ConditionTrue
	ConditionFalse       = resource.ConditionFalse
	ConditionUnknown     = resource.ConditionUnknown
	ConditionProvisioned = resource.ConditionProvisioned
	ConditionInSync      = resource.ConditionInSync
)
