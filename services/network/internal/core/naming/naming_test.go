package naming_test

import (
	"strings"
	"testing"

	"github.com/low-layer/platform/services/network/internal/core/naming"
)

func TestNames_carryTheUID(t *testing.T) {
	name := naming.Object("my-vpc", "transit-subnet", "vpc_06h0")
	if name != "my-vpc-transit-subnet-vpc_06h0" {
		t.Errorf("got %q", name)
	}
}

func TestTags_fitNeutron(t *testing.T) {
	for _, tag := range naming.Tags("peer_"+strings.Repeat("0", 26), strings.Repeat("a", 40)) {
		if len(tag) > 60 || strings.ContainsAny(tag, ",/") {
			t.Errorf("tag %q", tag)
		}
	}
}
