package provision

import (
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
)

func TestPause_wishOfADay_isBounded(t *testing.T) {
	for _, blocked := range []bool{false, true} {
		if got := classUpstream.pause(1, blocked, 24*time.Hour, 1); got > time.Minute {
			t.Errorf("blocked=%t: the step waits %s", blocked, got)
		}
	}
	if got := classUpstream.pause(1, false, 30*time.Second, 1); got < 30*time.Second {
		t.Errorf("a wish of 30 s makes the step wait %s", got)
	}
}

// A catalogue without a service is for the provider of the cloud to mend, not for the user.
func TestClassify_missingService_isTheProviders(t *testing.T) {
	c, _ := classify(errs.New(errs.FailedPrecondition, "CLOUD_SERVICE_MISSING", "no network endpoint"))
	if c.owner != OwnerProvider || !c.blocks(2, 0) {
		t.Errorf("got %+v", c)
	}
}
