package resource

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// State is the life of a resource, in the words of lowlayer.type.v1.State.
type State string

// The states.
const (
	Creating  State = "CREATING"
	Active    State = "ACTIVE"
	Updating  State = "UPDATING"
	Repairing State = "REPAIRING"
	Suspended State = "SUSPENDED"
	Blocked   State = "BLOCKED"
	Deleting  State = "DELETING"
	Deleted   State = "DELETED"
)

// Owner is the party that must act on a blockage.
type Owner string

// The owners, in the words of lowlayer.type.v1.Blockage.Owner.
const (
	OwnerUser     Owner = "USER"
	OwnerProvider Owner = "PROVIDER"
	OwnerPlatform Owner = "PLATFORM"
)

// Blockage is the reason why a resource cannot go on by itself, the party that must act, and the remedy.
type Blockage struct {
	Owner     Owner     `json:"owner"`
	Reason    string    `json:"reason"`
	Message   string    `json:"message"`
	Remedy    string    `json:"remedy"`
	Step      string    `json:"step,omitempty"`
	RetryTime time.Time `json:"retry_time,omitzero"`
	SinceTime time.Time `json:"since_time,omitzero"`
}

// Status of a condition.
const (
	ConditionTrue    = "True"
	ConditionFalse   = "False"
	ConditionUnknown = "Unknown"
)

// The conditions every resource has.
const (
	// ConditionProvisioned: every object of the spec is there.
	ConditionProvisioned = "Provisioned"
	// ConditionInSync: the objects are as the spec says; drift loops set it.
	ConditionInSync = "InSync"
)

// Condition is one observed aspect of a resource.
type Condition struct {
	Type               string    `json:"type"`
	Status             string    `json:"status"`
	Reason             string    `json:"reason,omitempty"`
	Message            string    `json:"message,omitempty"`
	LastTransitionTime time.Time `json:"last_transition_time,omitzero"`
}

// Conditions are the conditions of one resource, in the order they first appeared.
type Conditions []Condition

// Of is the condition of a type, zero when there is none.
func (cs Conditions) Of(typ string) Condition {
	i := slices.IndexFunc(cs, func(c Condition) bool { return c.Type == typ })
	if i < 0 {
		return Condition{}
	}
	return cs[i]
}

// Set replaces the condition of c's type. Its transition time moves only when the status changes.
func (cs Conditions) Set(c Condition, now time.Time) Conditions {
	c.LastTransitionTime = now
	out := slices.Clone(cs)
	for i, old := range out {
		if old.Type != c.Type {
			continue
		}
		if old.Status == c.Status && !old.LastTransitionTime.IsZero() {
			c.LastTransitionTime = old.LastTransitionTime
		}
		out[i] = c
		return out
	}
	return append(out, c)
}

// ParseConditions reads a jsonb column of conditions.
func ParseConditions(column []byte) (Conditions, error) {
	var cs Conditions
	return cs, parse(column, &cs, "conditions")
}

// ParseBlockage reads a jsonb column of a blockage, nil when there is none.
func ParseBlockage(column []byte) (*Blockage, error) {
	var b *Blockage
	return b, parse(column, &b, "blockage")
}

func parse(column []byte, into any, what string) error {
	if len(column) == 0 {
		return nil
	}
	if err := json.Unmarshal(column, into); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}
