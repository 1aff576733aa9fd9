package provision

import (
	"encoding/json"
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
	BlockedAt State = "BLOCKED"
	Deleting  State = "DELETING"
	Deleted   State = "DELETED"
)

// Owner is who must act on a blockage.
type Owner string

// The owners, in the words of lowlayer.type.v1.Blockage.Owner.
const (
	OwnerUser     Owner = "USER"
	OwnerProvider Owner = "PROVIDER"
	OwnerPlatform Owner = "PLATFORM"
)

// Blockage says why a resource cannot go on by itself, who must act and how.
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
	// ConditionProvisioned: everything that was asked for is there.
	ConditionProvisioned = "Provisioned"
	// ConditionInSync: what is there is what was asked for; drift loops set it with Engine.SetCondition.
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

// of is the condition of a type; zero when there is none.
func (cs Conditions) of(typ string) Condition {
	for _, c := range cs {
		if c.Type == typ {
			return c
		}
	}
	return Condition{}
}

// Set replaces the condition of c's type; its transition time moves only when the status changes.
func (cs Conditions) Set(c Condition, now time.Time) Conditions {
	c.LastTransitionTime = now
	out := append(Conditions(nil), cs...)
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

// ParseConditions reads the column `conditions` of provision_resources.
func ParseConditions(column []byte) (Conditions, error) {
	var cs Conditions
	return cs, parseColumn(column, &cs)
}

// ParseBlockage reads the column `blockage`; nil when there is none.
func ParseBlockage(column []byte) (*Blockage, error) {
	var b *Blockage
	return b, parseColumn(column, &b)
}

func parseColumn(column []byte, into any) error {
	if len(column) == 0 {
		return nil
	}
	return json.Unmarshal(column, into)
}
