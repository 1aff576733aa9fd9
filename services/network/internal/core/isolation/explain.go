package isolation

import (
	"fmt"

	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// outcomeWord says why a path ends.
func outcomeWord(o reachability.Outcome) string {
	switch o {
	case reachability.NoRoute:
		return "it knows no route there"
	case reachability.NoNextHop:
		return "no port has the next hop's address"
	case reachability.Down:
		return "it is switched off"
	case reachability.Loop:
		return "the routers send it round in circles"
	case reachability.Astray:
		return "the next hop is a host"
	case reachability.Outside:
		return "it leaves the cloud"
	case reachability.AtRouter:
		return "the address is the router's own"
	case reachability.Arrived:
		return "the address there is another network's"
	default:
		return "it goes nowhere"
	}
}

// explain says what keeps two networks apart.
func (j *judge) explain(a reachability.Answer) string {
	switch a.Verdict {
	case reachability.DeniedEgress:
		return "no security group rule lets it out"
	case reachability.DeniedIngress:
		return "no security group rule lets it in"
	case reachability.Elsewhere, reachability.NoHost:
		return fmt.Sprintf("the addresses lead to network %s", title(a.Forward.Network))
	case reachability.Unroutable:
		if len(a.Forward.Hops) == 0 {
			return "no router leads out of the network"
		}
		return fmt.Sprintf("router %s: %s", title(a.Forward.Hops[len(a.Forward.Hops)-1].Router), outcomeWord(a.Forward.Outcome))
	default:
		return "nothing gets through"
	}
}
