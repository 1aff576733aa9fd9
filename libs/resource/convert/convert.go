// Package convert turns the values of libs/resource into the messages of lowlayer.type.v1 and back, and requests into an
// Identity or a List. An unknown word becomes the unspecified value.
package convert

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/resource"
)

// State is the message of a state.
func State(s resource.State) typev1.State { return typev1.State(typev1.State_value[string(s)]) }

// StateOf is the value of a state, empty when it is unspecified.
func StateOf(s typev1.State) resource.State {
	if s == typev1.State_STATE_UNSPECIFIED {
		return ""
	}
	return resource.State(s.String())
}

// Mode is the message of a mode.
func Mode(m resource.Mode) typev1.ResourceMode {
	return typev1.ResourceMode(typev1.ResourceMode_value[string(m)])
}

// ModeOf is the value of a mode, empty when it is unspecified: that of the parent.
func ModeOf(m typev1.ResourceMode) resource.Mode {
	if m == typev1.ResourceMode_RESOURCE_MODE_UNSPECIFIED {
		return ""
	}
	return resource.Mode(m.String())
}

// Blockage is nil for nil.
func Blockage(b *resource.Blockage) *typev1.Blockage {
	if b == nil {
		return nil
	}
	return &typev1.Blockage{
		Owner:  typev1.Blockage_Owner(typev1.Blockage_Owner_value[string(b.Owner)]),
		Reason: b.Reason, Message: b.Message, Remedy: b.Remedy, Step: b.Step, RetryTime: Time(b.RetryTime), SinceTime: Time(b.SinceTime),
	}
}

// BlockageOf is nil for nil.
func BlockageOf(b *typev1.Blockage) *resource.Blockage {
	if b == nil {
		return nil
	}
	out := &resource.Blockage{
		Reason: b.GetReason(), Message: b.GetMessage(), Remedy: b.GetRemedy(), Step: b.GetStep(),
		RetryTime: TimeOf(b.GetRetryTime()), SinceTime: TimeOf(b.GetSinceTime()),
	}
	if b.GetOwner() != typev1.Blockage_OWNER_UNSPECIFIED {
		out.Owner = resource.Owner(b.GetOwner().String())
	}
	return out
}

// Conditions keeps their order; none is an empty list.
func Conditions(cs resource.Conditions) []*typev1.Condition {
	out := make([]*typev1.Condition, len(cs))
	for i, c := range cs {
		out[i] = &typev1.Condition{
			Type: c.Type, Status: c.Status, Reason: c.Reason, Message: c.Message, LastTransitionTime: Time(c.LastTransitionTime),
		}
	}
	return out
}

// ConditionsOf keeps their order.
func ConditionsOf(cs []*typev1.Condition) resource.Conditions {
	out := make(resource.Conditions, len(cs))
	for i, c := range cs {
		out[i] = resource.Condition{
			Type: c.GetType(), Status: c.GetStatus(), Reason: c.GetReason(), Message: c.GetMessage(), LastTransitionTime: TimeOf(c.GetLastTransitionTime()),
		}
	}
	return out
}

// Time is nil for the zero time.
func Time(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// TimeOf is the zero time for nil.
func TimeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// All converts every item of a list.
func All[T, M any](items []T, message func(T) M) []M {
	out := make([]M, len(items))
	for i, item := range items {
		out[i] = message(item)
	}
	return out
}
