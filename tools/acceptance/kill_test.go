//go:build acceptance

package acceptance

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/low-layer/platform/tools/stack/stacktest"
)

// kills is how many random points the real cloud sees; the simulator sees all.
const kills = 10

// TestKills_realCloud_operationsEnd kills the network service at random steps of VPC creations and removals: the real Neutron must hold
// exactly one of each object afterwards, and none at the end.
func TestKills_realCloud_operationsEnd(t *testing.T) {
	p, c := platform(t), openCloud(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	others := c.routes()
	k := stacktest.NewKiller(t, p, "survivor", func(uid string) map[string]int {
		held := c.holds(uid)
		if n := c.routes() - others; n != 0 {
			held["route"] = n
		}
		return held
	})
	t.Cleanup(func() { p.Must(t, "tenant", "delete", "survivor", "--yes", "--force", "--purge") })
	creates, deletes := k.Points(t)
	for i := range kills / 2 {
		create, remove := creates[random.IntN(len(creates))], deletes[random.IntN(len(deletes))]
		t.Logf("%s, %s", create, remove)
		k.Arm(t, create)
		k.Life(t, fmt.Sprintf("vpc-%d", i), create, remove)
	}
	t.Logf("the slowest operation ended %s after the service was back", k.Slowest.Round(time.Millisecond))
}
