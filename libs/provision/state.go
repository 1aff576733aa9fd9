package provision

import "github.com/low-layer/platform/libs/resource"

// State, Owner, Blockage and the conditions are those of libs/resource, for kinds.
type (
	State      = resource.State
	Owner      = resource.Owner
	Blockage   = resource.Blockage
	Condition  = resource.Condition
	Conditions = resource.Conditions
)

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
