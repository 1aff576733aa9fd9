package resource_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/resource"
)

func TestConditionsSet_movesTransitionTimeOnlyWithStatus(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	later := first.Add(time.Hour)
	made := resource.Conditions{}.Set(resource.Condition{Type: "InSync", Status: "True", Reason: "A"}, first)
	same := made.Set(resource.Condition{Type: "InSync", Status: "True", Reason: "B"}, later)
	if c := same.Of("InSync"); c.Reason != "B" || !c.LastTransitionTime.Equal(first) {
		t.Errorf("same status: %+v", c)
	}
	turned := same.Set(resource.Condition{Type: "InSync", Status: "False"}, later)
	if c := turned.Of("InSync"); !c.LastTransitionTime.Equal(later) {
		t.Errorf("other status: %+v", c)
	}
	if c := same.Of("InSync"); c.Status != "True" {
		t.Errorf("Set changed its receiver: %+v", c)
	}
	two := turned.Set(resource.Condition{Type: "Provisioned", Status: "True"}, later)
	if len(two) != 2 || two[0].Type != "InSync" || two.Of("none") != (resource.Condition{}) {
		t.Errorf("order: %+v", two)
	}
}

func TestParse_readsWhatWasWritten(t *testing.T) {
	t.Parallel()
	cs := resource.Conditions{{Type: "InSync", Status: "True", Reason: "R", Message: "m", LastTransitionTime: time.Unix(5, 0).UTC()}}
	column, err := json.Marshal(cs)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := resource.ParseConditions(column); err != nil || !slices.Equal(got, cs) {
		t.Errorf("conditions: %+v, %v", got, err)
	}
	b := &resource.Blockage{Owner: resource.OwnerUser, Reason: "R", Step: "s", RetryTime: time.Unix(7, 0).UTC()}
	if column, err = json.Marshal(b); err != nil {
		t.Fatal(err)
	}
	if got, err := resource.ParseBlockage(column); err != nil || *got != *b {
		t.Errorf("blockage: %+v, %v", got, err)
	}
	if got, err := resource.ParseBlockage(nil); got != nil || err != nil {
		t.Errorf("no blockage: %+v, %v", got, err)
	}
	if _, err := resource.ParseConditions([]byte("{")); err == nil {
		t.Error("broken conditions: no error")
	}
}

func TestMode_valid(t *testing.T) {
	t.Parallel()
	if !resource.Mutualized.Valid() || !resource.Dedicated.Valid() || resource.Mode("").Valid() || resource.Mode("SHARED").Valid() {
		t.Error("Valid knows other modes than MUTUALIZED and DEDICATED")
	}
}
