package sim

import (
	"net/http"
	"slices"
)

func routers() *netResource[*router] {
	return &netResource[*router]{
		singular: "router", plural: "routers", path: "routers", quota: "router",
		table:   func(s *state) table[*router] { return s.Routers },
		visible: owned[*router],
		missing: errNoRouter,
		view:    routerView,
		create:  createRouter,
		update:  updateRouter,
		remove:  removeRouter,
		purge:   func(s *state, o *router) { s.dropGateway(o) },
	}
}

func errNoRouter(id string) *apiError {
	return netFail(http.StatusNotFound, "RouterNotFound", "Router %s could not be found", id)
}

func routerView(cl *call, o *router) map[string]any {
	v := stdView(&o.meta)
	v["admin_state_up"], v["status"], v["routes"] = o.AdminStateUp, "ACTIVE", o.Routes
	v["availability_zone_hints"], v["availability_zones"] = o.AZHints, []string{}
	v["flavor_id"], v["external_gateway_info"] = nil, nil
	if g := o.Gateway; g != nil {
		ips := []fixedIP{}
		if p := cl.st.Ports[g.PortID]; p != nil {
			ips = p.FixedIPs
		}
		v["external_gateway_info"] = map[string]any{
			"network_id": g.NetworkID, "enable_snat": g.EnableSNAT, "external_fixed_ips": ips,
		}
	}
	if cl.who.admin {
		v["distributed"], v["ha"] = false, false
	}
	return v
}

func createRouter(cl *call, a *attrs, projectID string) (*router, *apiError) {
	if fail := a.only(allow("admin_state_up", "external_gateway_info", "distributed", "ha",
		"availability_zone_hints", "flavor_id")...); fail != nil {
		return nil, fail
	}
	o := &router{
		AdminStateUp: a.boolean("admin_state_up", true), Routes: []netRoute{},
		AZHints: a.strings("availability_zone_hints", []string{}),
	}
	if a.fail != nil {
		return nil, a.fail
	}
	o.meta = cl.newNetMeta(a)
	o.ProjectID = projectID
	if a.fail != nil {
		return nil, a.fail
	}
	if a.has("external_gateway_info") {
		if fail := cl.setGateway(o, a); fail != nil {
			return nil, fail
		}
	}
	return o, nil
}

func updateRouter(cl *call, o *router, a *attrs) *apiError {
	if fail := a.only("name", "description", "admin_state_up", "external_gateway_info", "routes",
		"distributed", "ha"); fail != nil {
		return fail
	}
	next := *o
	next.rename(a)
	next.AdminStateUp = a.boolean("admin_state_up", o.AdminStateUp)
	if a.has("routes") {
		routes := []netRoute{}
		a.into("routes", &routes)
		if a.fail != nil {
			return a.fail
		}
		if fail := cl.st.checkRoutes(o, routes); fail != nil {
			return fail
		}
		next.Routes = routes
	}
	if a.fail != nil {
		return a.fail
	}
	if a.has("external_gateway_info") {
		if fail := cl.setGateway(&next, a); fail != nil {
			return fail
		}
	}
	*o = next
	return nil
}

func removeRouter(cl *call, o *router) *apiError {
	if _, busy := find(cl.st.Ports, func(p *port) bool {
		return p.DeviceID == o.ID && p.DeviceOwner == ownerRouterInterface
	}); busy {
		return netFail(http.StatusConflict, "RouterInUse", "Router %s still has ports", o.ID)
	}
	if _, busy := find(cl.st.FloatingIPs, func(f *floatingIP) bool { return f.RouterID == o.ID }); busy {
		return netFail(http.StatusConflict, "RouterInUse", "Router %s still has floating IPs", o.ID)
	}
	cl.st.dropGateway(o)
	return nil
}

func (s *state) dropGateway(o *router) {
	if o.Gateway != nil {
		delete(s.Ports, o.Gateway.PortID)
		o.Gateway = nil
	}
}

// setGateway plugs the router into an external network, or unplugs it.
func (cl *call) setGateway(o *router, a *attrs) *apiError {
	var want struct {
		NetworkID  string    `json:"network_id"`
		EnableSNAT *bool     `json:"enable_snat"`
		FixedIPs   []fixedIP `json:"external_fixed_ips"`
	}
	a.into("external_gateway_info", &want)
	if a.fail != nil {
		return a.fail
	}
	if o.Gateway != nil && o.Gateway.NetworkID != want.NetworkID {
		if _, needed := find(cl.st.FloatingIPs, func(f *floatingIP) bool { return f.RouterID == o.ID }); needed {
			return netFail(http.StatusConflict, "RouterExternalGatewayInUseByFloatingIp", "Gateway cannot be updated for router %s, "+
				"since a gateway to external network %s is required by one or more floating IPs.", o.ID, o.Gateway.NetworkID)
		}
	}
	if want.NetworkID == "" {
		cl.st.dropGateway(o)
		return nil
	}
	n := cl.st.Networks[want.NetworkID]
	if n == nil || !cl.seesNetwork(n) {
		return errNoNetwork(want.NetworkID)
	}
	if !n.External {
		return netFail(http.StatusBadRequest, "BadRequest",
			"Bad router request: Network %s is not an external network.", n.ID)
	}
	snat := want.EnableSNAT == nil || *want.EnableSNAT
	if o.Gateway != nil && o.Gateway.NetworkID == n.ID && len(want.FixedIPs) == 0 {
		o.Gateway = &gatewayInfo{NetworkID: n.ID, EnableSNAT: snat, PortID: o.Gateway.PortID}
		return nil
	}
	p := &port{NetworkID: n.ID, AdminStateUp: true, DeviceID: o.ID, DeviceOwner: ownerRouterGateway}
	ips := want.FixedIPs
	if len(ips) == 0 {
		ips = cl.st.oneOfEach(n.ID, p.DeviceOwner)
	}
	if fail := cl.plug(p, ips); fail != nil {
		return fail
	}
	cl.st.dropGateway(o)
	o.Gateway = &gatewayInfo{NetworkID: n.ID, EnableSNAT: snat, PortID: p.ID}
	return nil
}

// plug makes a port on behalf of a service.
func (cl *call) plug(p *port, wanted []fixedIP) *apiError {
	p.SecGroups, p.AddressPairs, p.VNICType = []string{}, []addressPair{}, "normal"
	ips, fail := cl.st.allocateIPs(p, wanted)
	if fail != nil {
		return fail
	}
	p.FixedIPs = ips
	if fail := cl.st.giveMAC(p); fail != nil {
		return fail
	}
	projectID, name := p.ProjectID, p.Name
	p.meta = cl.st.newMeta(newUUID(), cl.now)
	p.ProjectID, p.Name = projectID, name
	p.bind()
	cl.st.Ports[p.ID] = p
	return nil
}

// interfaces gives the ports of a router.
func (s *state) interfaces(routerID string) []*port {
	return inOrder(s.Ports, func(p *port) bool {
		return p.DeviceID == routerID && slices.Contains([]string{ownerRouterInterface, ownerRouterGateway}, p.DeviceOwner)
	})
}
