package e2e_test

import (
	"testing"

	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// TestTheCallAfterStartSucceeds brings services back that the gateway has missed for so long that it pauses between its
// attempts to connect: what starts a platform must not end before calls come through again.
func TestTheCallAfterStartSucceeds(t *testing.T) {
	p := stacktest.Start(t, stack.Options{})
	for _, name := range []string{"tenant", "network"} {
		if err := p.Kill(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	missed := 0
	stacktest.Eventually(t, "the gateway misses the services", func() bool { // every call has it try again, and pause longer
		for _, args := range [][]string{{"tenant", "list"}, {"vpc", "list", "acme"}} {
			if r := p.Lowlayer(t, args...); r.Code == 8 {
				missed++
			}
		}
		return missed > 40
	})
	if err := p.Stack.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Must(t, "tenant", "list")
	p.Must(t, "vpc", "list", "acme")
}
