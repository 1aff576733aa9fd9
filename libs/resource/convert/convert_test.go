package convert_test

import (
	"testing"
	"time"

	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/convert"
)

// Every word of the engine has its value in the API.
func TestState(t *testing.T) {
	for _, s := range []resource.State{
		resource.Creating, resource.Active, resource.Updating, resource.Repairing, resource.Suspended, resource.Blocked,
		resource.Deleting, resource.Deleted,
	} {
		if got := convert.State(s); got == typev1.State_STATE_UNSPECIFIED || got.String() != string(s) {
			t.Errorf("%s became %s", s, got)
		}
	}
	if got := convert.State("NONE"); got != typev1.State_STATE_UNSPECIFIED {
		t.Errorf("an unknown word became %s", got)
	}
}

func TestBlockage(t *testing.T) {
	if convert.Blockage(nil) != nil {
		t.Error("no blockage became one")
	}
	since := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for owner, want := range map[resource.Owner]typev1.Blockage_Owner{
		resource.OwnerUser: typev1.Blockage_USER, resource.OwnerProvider: typev1.Blockage_PROVIDER, resource.OwnerPlatform: typev1.Blockage_PLATFORM,
	} {
		b := convert.Blockage(&resource.Blockage{Owner: owner, Reason: "R", Message: "m", Remedy: "r", Step: "s", SinceTime: since})
		if b.GetOwner() != want || b.GetReason() != "R" || b.GetMessage() != "m" || b.GetRemedy() != "r" || b.GetStep() != "s" ||
			!b.GetSinceTime().AsTime().Equal(since) || b.GetRetryTime() != nil {
			t.Errorf("%s became %v", owner, b)
		}
	}
}

func TestConditions(t *testing.T) {
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	got := convert.Conditions(resource.Conditions{{Type: "Provisioned", Status: "True", Reason: "Active", Message: "m", LastTransitionTime: at}, {Type: "InSync"}})
	if len(got) != 2 || got[0].GetType() != "Provisioned" || got[0].GetStatus() != "True" || got[0].GetReason() != "Active" ||
		got[0].GetMessage() != "m" || !got[0].GetLastTransitionTime().AsTime().Equal(at) || got[1].GetLastTransitionTime() != nil {
		t.Errorf("got %v", got)
	}
	if convert.Conditions(nil) == nil {
		t.Error("no conditions must be an empty list")
	}
}
