package usage_test

import (
	"slices"
	"testing"

	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/usage"
)

func TestKinds_metersExist_andFreeOnesSayWhy(t *testing.T) {
	known := map[string]bool{}
	for _, m := range usage.Meters() {
		if m.Unit == "" || known[m.Name] {
			t.Errorf("meter %q is there twice or has no unit", m.Name)
		}
		known[m.Name] = true
	}
	for _, k := range usage.Kinds() {
		if (len(k.Meters) == 0) != (k.Free != "") {
			t.Errorf("kind %s must have meters or say why it is free", k.Name)
		}
		for _, m := range k.Meters {
			if !known[m] {
				t.Errorf("kind %s has the unknown meter %q", k.Name, m)
			}
		}
	}
}

func TestEffects_modeChange_endsOneAndBeginsAnother(t *testing.T) {
	before, after := usage.Of("vpc", resource.Mutualized), usage.Of("vpc", resource.Dedicated)
	got := usage.Effects("v", before, after)
	want := []usage.Effect{
		{Resource: "v", Meter: "router", Mode: resource.Dedicated, After: 1},
		{Resource: "v", Meter: "router", Mode: resource.Mutualized, Before: 1},
		{Resource: "v", Meter: "vpc", Mode: resource.Dedicated, After: 1},
		{Resource: "v", Meter: "vpc", Mode: resource.Mutualized, Before: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := usage.Effects("v", before, before); len(got) != 0 {
		t.Errorf("equal usage differs: %+v", got)
	}
}
