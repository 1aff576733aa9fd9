// Package convert turns what the engine keeps of a resource into the messages of lowlayer.type.v1. It never fails: a word
// it does not know becomes the unspecified value.
package convert

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/provision"
)

// State is a resource's state.
func State(s provision.State) typev1.State {
	return typev1.State(typev1.State_value[string(s)])
}

// Blockage is nil for nil.
func Blockage(b *provision.Blockage) *typev1.Blockage {
	if b == nil {
		return nil
	}
	return &typev1.Blockage{
		Owner:     typev1.Blockage_Owner(typev1.Blockage_Owner_value[string(b.Owner)]),
		Reason:    b.Reason,
		Message:   b.Message,
		Remedy:    b.Remedy,
		Step:      b.Step,
		RetryTime: Time(b.RetryTime),
		SinceTime: Time(b.SinceTime),
	}
}

// Conditions are those of a resource, in their order.
func Conditions(cs provision.Conditions) []*typev1.Condition {
	out := make([]*typev1.Condition, 0, len(cs))
	for _, c := range cs {
		out = append(out, &typev1.Condition{
			Type:               c.Type,
			Status:             c.Status,
			Reason:             c.Reason,
			Message:            c.Message,
			LastTransitionTime: Time(c.LastTransitionTime),
		})
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
