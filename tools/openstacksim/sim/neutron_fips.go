package sim

import (
	"net/http"
	"slices"
)

func floatingIPs() *netResource[*floatingIP] {
	return &netResource[*floatingIP]{
		singular: "floatingip", plural: "floatingips", path: "floatingips", quota: "floatingip",
		table:   func(s *state) table[*floatingIP] { return s.FloatingIPs },
		visible: owned[*floatingIP],
		missing: func(id string) *apiError {
			return netFail(http.StatusNotFound, "FloatingIPNotFound", "Floating IP %s could not be found", id)
		},
		view:   floatingIPView,
		create: createFloatingIP,
		update: func(cl *call, o *floatingIP, a *attrs) *apiError {
			if fail := a.only("port_id", "fixed_ip_address", "description"); fail != nil {
				return fail
			}
			o.Description = a.str("description", o.Description)
			if !a.has("port_id") {
				return a.fail
			}
			return cl.associate(o, a.str("port_id", ""), a.str("fixed_ip_address", ""))
		},
		remove: func(cl *call, o *floatingIP) *apiError {
			delete(cl.st.Ports, o.PortID)
			return nil
		},
		purge: func(s *state, o *floatingIP) { delete(s.Ports, o.PortID) },
	}
}

func floatingIPView(_ *call, o *floatingIP) map[string]any {
	v := stdView(&o.meta)
	delete(v, "name")
	v["floating_network_id"], v["floating_ip_address"] = o.NetworkID, o.Address
	v["port_id"], v["fixed_ip_address"], v["router_id"] = orNil(o.FixedPort), orNil(o.FixedIP), orNil(o.RouterID)
	v["status"] = "DOWN"
	if o.FixedPort != "" {
		v["status"] = "ACTIVE"
	}
	v["port_details"], v["port_forwardings"], v["qos_policy_id"] = nil, []any{}, nil
	v["dns_name"], v["dns_domain"] = "", ""
	return v
}

func createFloatingIP(cl *call, a *attrs, _ string) (*floatingIP, *apiError) {
	if fail := a.only(allow("floating_network_id", "floating_ip_address", "subnet_id", "port_id",
		"fixed_ip_address", "qos_policy_id", "dns_name", "dns_domain")...); fail != nil {
		return nil, fail
	}
	o := &floatingIP{NetworkID: a.need("floating_network_id")}
	want := fixedIP{IPAddress: a.str("floating_ip_address", ""), SubnetID: a.str("subnet_id", "")}
	portID, fixed := a.str("port_id", ""), a.str("fixed_ip_address", "")
	if a.fail != nil {
		return nil, a.fail
	}
	n := cl.st.Networks[o.NetworkID]
	if n == nil || !cl.seesNetwork(n) {
		return nil, errNoNetwork(o.NetworkID)
	}
	if !n.External {
		return nil, netFail(http.StatusBadRequest, "BadRequest",
			"Bad floatingip request: Network %s is not a valid external network.", n.ID)
	}
	o.meta = cl.newNetMeta(a)
	p := &port{NetworkID: n.ID, AdminStateUp: true, DeviceID: o.ID, DeviceOwner: ownerFloatingIP}
	wanted := []fixedIP{want}
	if want == (fixedIP{}) {
		wanted = cl.st.oneOfEach(n.ID, p.DeviceOwner)
	}
	if fail := cl.plug(p, wanted); fail != nil {
		return nil, fail
	}
	if len(p.FixedIPs) == 0 {
		delete(cl.st.Ports, p.ID)
		return nil, netFail(http.StatusBadRequest, "ExternalIpAddressExhausted",
			"Unable to find any IP address on external network %s.", n.ID)
	}
	o.PortID, o.Address = p.ID, p.FixedIPs[0].IPAddress
	if fail := cl.associate(o, portID, fixed); fail != nil {
		delete(cl.st.Ports, p.ID)
		return nil, fail
	}
	return o, nil
}

// associate needs a router that joins the port's subnet with the external network.
func (cl *call) associate(o *floatingIP, portID, fixed string) *apiError {
	if portID == "" {
		o.FixedPort, o.FixedIP, o.RouterID = "", "", ""
		return nil
	}
	p, fail := ports().get(cl, portID)
	if fail != nil {
		return fail
	}
	i := slices.IndexFunc(p.FixedIPs, func(f fixedIP) bool { return fixed == "" || f.IPAddress == fixed })
	if i < 0 {
		return netFail(http.StatusBadRequest, "BadRequest",
			"Bad floatingip request: Cannot create floating IP and bind it to port %s, since that port has no fixed IP.", p.ID)
	}
	at := p.FixedIPs[i]
	if other, taken := find(cl.st.FloatingIPs, func(f *floatingIP) bool {
		return f.ID != o.ID && f.FixedPort == p.ID && f.FixedIP == at.IPAddress
	}); taken {
		return netFail(http.StatusConflict, "FloatingIPPortAlreadyAssociated", "Cannot associate floating IP %s (%s) with port %s "+
			"using fixed IP %s, as that fixed IP already has a floating IP on external network %s.",
			o.Address, o.ID, p.ID, at.IPAddress, other.NetworkID)
	}
	r, found := find(cl.st.Routers, func(r *router) bool {
		return r.Gateway != nil && r.Gateway.NetworkID == o.NetworkID &&
			slices.ContainsFunc(cl.st.interfaces(r.ID), func(i *port) bool { return i.holds(at.SubnetID, "") })
	})
	if !found {
		return netFail(http.StatusNotFound, "ExternalGatewayForFloatingIPNotFound", "External network %s is not reachable from "+
			"subnet %s.  Therefore, cannot associate Port %s with a Floating IP.", o.NetworkID, at.SubnetID, p.ID)
	}
	o.FixedPort, o.FixedIP, o.RouterID = p.ID, at.IPAddress, r.ID
	return nil
}
