package sample_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/low-layer/platform/libs/sample"
)

func TestThird_successiveSeeds_takeEveryPointOnce(t *testing.T) {
	t.Setenv("FULL", "")
	points := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	var all []int
	for seed := range 3 {
		t.Setenv("LOWLAYER_SEED", strconv.Itoa(41+seed))
		some := sample.Third(t, points)
		if len(some) > 4 {
			t.Errorf("seed %d takes %d of 10", 41+seed, len(some))
		}
		all = append(all, some...)
	}
	if slices.Sort(all); !slices.Equal(all, points) {
		t.Errorf("got %v", all)
	}
}

func TestThird_fullOrShort_takesAll(t *testing.T) {
	t.Setenv("LOWLAYER_SEED", "")
	t.Setenv("FULL", "")
	if got := sample.Third(t, []int{1, 2}); len(got) != 2 {
		t.Errorf("of two: %v", got)
	}
	t.Setenv("FULL", "1")
	if got := sample.Third(t, []int{1, 2, 3, 4}); len(got) != 4 {
		t.Errorf("of four: %v", got)
	}
}
