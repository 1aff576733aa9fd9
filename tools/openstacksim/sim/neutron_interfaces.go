package sim

import (
	"net/http"
	"slices"
)

type interfaceBody struct {
	SubnetID string `json:"subnet_id"`
	PortID   string `json:"port_id"`
}

func badRouterRequest(format string, args ...any) *apiError {
	e := netFail(http.StatusBadRequest, "BadRequest", format, args...)
	e.message = "Bad router request: " + e.message + "."
	return e
}

func (c *Cloud) routerActionRoutes() {
	base := "PUT " + netPrefix + "routers/{id}/"
	c.handle(neutron, base+"add_router_interface", addInterface)
	c.handle(neutron, base+"remove_router_interface", removeInterface)
	c.handle(neutron, base+"add_extraroutes", changeRoutes(addRoutes))
	c.handle(neutron, base+"remove_extraroutes", changeRoutes(removeRoutes))
}

func (cl *call) interfaceRequest() (*router, interfaceBody, *apiError) {
	var body interfaceBody
	o, fail := routers().getOwned(cl, cl.path("id"), "update")
	if fail != nil {
		return nil, body, fail
	}
	if fail := cl.decode(&body); fail != nil {
		return nil, body, netBadRequest("%s", fail.message)
	}
	if body.SubnetID == "" && body.PortID == "" {
		return nil, body, badRouterRequest("Either subnet_id or port_id must be specified")
	}
	return o, body, nil
}

func addInterface(cl *call) (reply, *apiError) {
	o, body, fail := cl.interfaceRequest()
	if fail != nil {
		return refuse(fail)
	}
	if body.SubnetID != "" && body.PortID != "" {
		return refuse(badRouterRequest("Cannot specify both subnet-id and port-id"))
	}
	var p *port
	if body.PortID != "" {
		p, fail = cl.adoptPort(o, body.PortID)
	} else {
		p, fail = cl.plugSubnet(o, body.SubnetID)
	}
	if fail != nil {
		return refuse(fail)
	}
	o.touch(cl.now)
	return ok(interfaceView(o, p, body.SubnetID))
}

func interfaceView(o *router, p *port, subnetID string) map[string]any {
	ids := []string{}
	for _, f := range p.FixedIPs {
		if !slices.Contains(ids, f.SubnetID) {
			ids = append(ids, f.SubnetID)
		}
	}
	if subnetID == "" && len(ids) > 0 {
		subnetID = ids[len(ids)-1]
	}
	return map[string]any{
		"id": o.ID, "tenant_id": p.ProjectID, "project_id": p.ProjectID, "port_id": p.ID,
		"network_id": p.NetworkID, "subnet_id": subnetID, "subnet_ids": ids,
	}
}

// plugSubnet makes a port that has the gateway address of the subnet.
func (cl *call) plugSubnet(o *router, subnetID string) (*port, *apiError) {
	n, fail := subnets().get(cl, subnetID)
	if fail != nil {
		return nil, fail
	}
	if n.GatewayIP == "" {
		return nil, badRouterRequest("Subnet for router interface must have a gateway IP")
	}
	if fail := cl.st.checkRouterSubnets(o, []*subnet{n}); fail != nil {
		return nil, fail
	}
	if fail := cl.st.checkNetQuota("port", o.ProjectID); fail != nil {
		return nil, fail
	}
	p := &port{NetworkID: n.NetworkID, AdminStateUp: true, DeviceID: o.ID, DeviceOwner: ownerRouterInterface}
	p.ProjectID = o.ProjectID
	if fail := cl.plug(p, []fixedIP{{SubnetID: n.ID, IPAddress: n.GatewayIP}}); fail != nil {
		return nil, fail
	}
	return p, nil
}

// adoptPort makes an existing port the router's own; it goes with the interface.
func (cl *call) adoptPort(o *router, portID string) (*port, *apiError) {
	p, fail := ports().get(cl, portID)
	if fail != nil {
		return nil, fail
	}
	if p.DeviceID != "" {
		return nil, netFail(http.StatusConflict, "PortInUse", "Unable to complete operation on port %s for network %s. "+
			"Port already has an attached device %s.", p.ID, p.NetworkID, p.DeviceID)
	}
	if len(p.FixedIPs) == 0 {
		return nil, badRouterRequest("Router port must have at least one fixed IP")
	}
	var attached []*subnet
	v4 := 0
	for _, f := range p.FixedIPs {
		n := cl.st.Subnets[f.SubnetID]
		attached = append(attached, n)
		if n.IPVersion == 4 {
			v4++
		}
	}
	if fail := cl.st.checkRouterSubnets(o, attached); fail != nil {
		return nil, fail
	}
	if v4 > 1 {
		return nil, badRouterRequest("Cannot have multiple IPv4 subnets on router port")
	}
	p.DeviceID, p.DeviceOwner = o.ID, ownerRouterInterface
	p.touch(cl.now)
	p.bind()
	return p, nil
}

// checkRouterSubnets refuses a subnet that the router has, or that overlaps one it has.
func (s *state) checkRouterSubnets(o *router, attached []*subnet) *apiError {
	for _, p := range s.interfaces(o.ID) {
		for _, f := range p.FixedIPs {
			have := s.Subnets[f.SubnetID]
			for _, n := range attached {
				if have.ID == n.ID {
					return badRouterRequest("Router already has a port on subnet %s", n.ID)
				}
				if mustPrefix(have.CIDR).Overlaps(mustPrefix(n.CIDR)) {
					return badRouterRequest("Cidr %s of subnet %s overlaps with cidr %s of subnet %s",
						n.CIDR, n.ID, have.CIDR, have.ID)
				}
			}
		}
	}
	return nil
}

func removeInterface(cl *call) (reply, *apiError) {
	o, body, fail := cl.interfaceRequest()
	if fail != nil {
		return refuse(fail)
	}
	p, fail := cl.interfaceToRemove(o, body)
	if fail != nil {
		return refuse(fail)
	}
	for _, f := range p.FixedIPs {
		if fail := cl.st.interfaceNotNeeded(o, f.SubnetID); fail != nil {
			return refuse(fail)
		}
	}
	cl.st.forgetPort(p.ID)
	delete(cl.st.Ports, p.ID)
	o.touch(cl.now)
	return ok(interfaceView(o, p, body.SubnetID))
}

func (cl *call) interfaceToRemove(o *router, body interfaceBody) (*port, *apiError) {
	if body.PortID != "" {
		p := cl.st.Ports[body.PortID]
		if p == nil || p.DeviceID != o.ID || p.DeviceOwner != ownerRouterInterface {
			return nil, netFail(http.StatusNotFound, "RouterInterfaceNotFound",
				"Router %s does not have an interface with id %s", o.ID, body.PortID)
		}
		if body.SubnetID != "" && !p.holds(body.SubnetID, "") {
			return nil, netFail(http.StatusBadRequest, "SubnetMismatchForPort",
				"Subnet on port %s does not match the requested subnet %s.", p.ID, body.SubnetID)
		}
		return p, nil
	}
	if cl.st.Subnets[body.SubnetID] == nil {
		return nil, errNoSubnet(body.SubnetID)
	}
	p, found := find(cl.st.Ports, func(p *port) bool {
		return p.DeviceID == o.ID && p.DeviceOwner == ownerRouterInterface && p.holds(body.SubnetID, "")
	})
	if !found {
		return nil, netFail(http.StatusNotFound, "RouterInterfaceNotFoundForSubnet",
			"Router %s has no interface on subnet %s", o.ID, body.SubnetID)
	}
	return p, nil
}

// interfaceNotNeeded keeps an interface that a route or a floating IP goes through.
func (s *state) interfaceNotNeeded(o *router, subnetID string) *apiError {
	prefix := mustPrefix(s.Subnets[subnetID].CIDR)
	if _, needed := find(s.FloatingIPs, func(f *floatingIP) bool {
		return f.RouterID == o.ID && prefix.Contains(mustAddr(f.FixedIP))
	}); needed {
		return netFail(http.StatusConflict, "RouterInterfaceInUseByFloatingIP", "Router interface for subnet %s on router %s "+
			"cannot be deleted, as it is required by one or more floating IPs.", subnetID, o.ID)
	}
	if slices.ContainsFunc(o.Routes, func(r netRoute) bool { return prefix.Contains(mustAddr(r.NextHop)) }) {
		return netFail(http.StatusConflict, "RouterInterfaceInUseByRoute", "Router interface for subnet %s on router %s "+
			"cannot be deleted, as it is required by one or more routes.", subnetID, o.ID)
	}
	return nil
}
