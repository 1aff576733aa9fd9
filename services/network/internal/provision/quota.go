package provision

import (
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// quotaEffect is what a plan does to the usage of the project: Neutron counts networks, routers, groups, and a port for
// each interface of a router.
func quotaEffect[T any](_ engine.Resource, _ T, p engine.Preview) []engine.QuotaEffect {
	var out []engine.QuotaEffect
	for _, limit := range []struct{ resource, objectType string }{
		{"networks", topology.TypeNetwork},
		{"routers", topology.TypeRouter},
		{"ports", topology.TypeInterface},
		{"security_groups", topology.TypeGroup},
	} {
		change := 0
		for _, o := range p.Objects {
			switch {
			case o.Type != limit.objectType:
			case o.Action == engine.PlanCreate:
				change++
			case o.Action == engine.PlanDelete:
				change--
			}
		}
		if change != 0 {
			out = append(out, engine.QuotaEffect{Resource: limit.resource, UsageChange: change})
		}
	}
	return out
}
