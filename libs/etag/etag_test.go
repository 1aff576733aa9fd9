package etag_test

import (
	"testing"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
)

func TestOf_versions_differ(t *testing.T) {
	a := etag.Of("vpc_1", 1)
	if a != etag.Of("vpc_1", 1) {
		t.Error("equal parts, other etag")
	}
	for _, other := range []string{etag.Of("vpc_1", 2), etag.Of("vpc_2", 1), etag.Of("vpc_11"), etag.Of("vpc_", 11), etag.Of()} {
		if a == other {
			t.Errorf("%s is the etag of other parts too", a)
		}
	}
	if len(a) != 16 {
		t.Errorf("%q has %d characters", a, len(a))
	}
}

func TestCheck(t *testing.T) {
	if err := etag.Check("x", "", "b"); err != nil {
		t.Errorf("no etag given: %v", err)
	}
	if err := etag.Check("x", "b", "b"); err != nil {
		t.Errorf("the current etag: %v", err)
	}
	if err := etag.Check("x", "a", "b"); errs.ReasonOf(err) != errs.ReasonEtagMismatch {
		t.Errorf("a stale etag: %v", err)
	}
}
