package sim

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxRoutes is Neutron's default for one router.
const maxRoutes = 30

// checkRoutes wants every next hop on a subnet of the router, and not the router itself.
func (s *state) checkRoutes(o *router, routes []netRoute) *apiError {
	var cidrs []netip.Prefix
	own := map[netip.Addr]bool{}
	for _, p := range s.interfaces(o.ID) {
		for _, f := range p.FixedIPs {
			cidrs = append(cidrs, mustPrefix(s.Subnets[f.SubnetID].CIDR))
			own[mustAddr(f.IPAddress)] = true
		}
	}
	for i, r := range routes {
		if _, err := netip.ParsePrefix(r.Destination); err != nil {
			return netBadRequest("Invalid input for routes. Reason: '%s' is not a valid IP subnet.", r.Destination)
		}
		hop, err := netip.ParseAddr(r.NextHop)
		if err != nil {
			return netBadRequest("Invalid input for routes. Reason: '%s' is not a valid IP address.", r.NextHop)
		}
		if slices.Contains(routes[:i], r) {
			return netBadRequest("Invalid input for routes. Reason: Duplicate hostroute '%s'.", pythonRoute(r))
		}
		if !slices.ContainsFunc(cidrs, func(c netip.Prefix) bool { return c.Contains(hop) }) {
			return errRoutes(routes, "the nexthop is not connected with router")
		}
		if own[hop] {
			return errRoutes(routes, "the nexthop is used by router")
		}
	}
	if len(routes) > maxRoutes {
		return netFail(http.StatusBadRequest, "RoutesExhausted",
			"Unable to complete operation for %s. The number of routes exceeds the maximum %d.", o.ID, maxRoutes)
	}
	return nil
}

func errRoutes(routes []netRoute, reason string) *apiError {
	texts := make([]string, 0, len(routes))
	for _, r := range routes {
		texts = append(texts, pythonRoute(r))
	}
	return netFail(http.StatusBadRequest, "InvalidRoutes", "Invalid format for routes: [%s], %s", strings.Join(texts, ", "), reason)
}

func pythonRoute(r netRoute) string {
	return fmt.Sprintf("{'destination': '%s', 'nexthop': '%s'}", r.Destination, r.NextHop)
}

// changeRoutes is the extraroute-atomic extension: it merges into what is there.
func changeRoutes(merge func(old, change []netRoute) []netRoute) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		o, fail := routers().getOwned(cl, cl.path("id"), "update")
		if fail != nil {
			return refuse(fail)
		}
		var body struct {
			Router struct {
				Routes []netRoute `json:"routes"`
			} `json:"router"`
		}
		if fail := cl.decode(&body); fail != nil {
			return refuse(netBadRequest("%s", fail.message))
		}
		routes := merge(o.Routes, body.Router.Routes)
		if fail := cl.st.checkRoutes(o, routes); fail != nil {
			return refuse(fail)
		}
		o.Routes = routes
		o.touch(cl.now)
		return ok(map[string]any{"router": routerView(cl, o)})
	}
}

func addRoutes(old, add []netRoute) []netRoute {
	out := slices.Clone(old)
	for _, r := range add {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

func removeRoutes(old, drop []netRoute) []netRoute {
	out := make([]netRoute, 0, len(old))
	for _, r := range old {
		if !slices.Contains(drop, r) {
			out = append(out, r)
		}
	}
	return out
}
