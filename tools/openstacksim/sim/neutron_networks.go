package sim

import "net/http"

func networks() *netResource[*network] {
	return &netResource[*network]{
		singular: "network", plural: "networks", path: "networks", quota: "network",
		table:   func(s *state) table[*network] { return s.Networks },
		visible: func(cl *call, o *network) bool { return cl.seesNetwork(o) },
		missing: errNoNetwork,
		view:    networkView,
		create:  createNetwork,
		update:  updateNetwork,
		remove:  removeNetwork,
	}
}

func errNoNetwork(id string) *apiError {
	return netFail(http.StatusNotFound, "NetworkNotFound", "Network %s could not be found.", id)
}

func (cl *call) seesNetwork(o *network) bool {
	return cl.sees(&o.meta, o.Shared || o.External, "network")
}

func networkView(cl *call, o *network) map[string]any {
	subnets := []string{}
	var scope4, scope6 any
	for _, n := range inOrder(cl.st.Subnets, func(n *subnet) bool { return n.NetworkID == o.ID }) {
		subnets = append(subnets, n.ID)
		if p := cl.st.SubnetPools[n.SubnetPoolID]; p != nil && p.AddressScopeID != "" {
			if n.IPVersion == 4 {
				scope4 = p.AddressScopeID
			} else {
				scope6 = p.AddressScopeID
			}
		}
	}
	v := stdView(&o.meta)
	v["admin_state_up"], v["status"], v["subnets"] = o.AdminStateUp, "ACTIVE", subnets
	v["shared"] = o.Shared || cl.st.sharedWith("network", o.ID, cl.who.projectID)
	v["router:external"], v["port_security_enabled"], v["mtu"] = o.External, o.PortSecurity, o.MTU
	v["availability_zone_hints"], v["availability_zones"] = o.AZHints, []string{}
	v["ipv4_address_scope"], v["ipv6_address_scope"] = scope4, scope6
	v["qos_policy_id"], v["l2_adjacency"] = nil, true
	if o.External {
		v["is_default"] = false
	}
	if cl.who.admin {
		v["provider:network_type"], v["provider:physical_network"] = "geneve", nil
		v["provider:segmentation_id"] = o.SegmentID
	}
	return v
}

func createNetwork(cl *call, a *attrs, projectID string) (*network, *apiError) {
	if fail := a.only(allow("admin_state_up", "shared", "router:external", "port_security_enabled", "mtu",
		"availability_zone_hints", "provider:network_type", "provider:physical_network", "provider:segmentation_id",
		"is_default", "qos_policy_id", "dns_domain", "vlan_transparent")...); fail != nil {
		return nil, fail
	}
	o := &network{
		AdminStateUp: a.boolean("admin_state_up", true), Shared: a.boolean("shared", false),
		External: a.boolean("router:external", false), PortSecurity: a.boolean("port_security_enabled", true),
		MTU: a.integer("mtu", 1442), AZHints: a.strings("availability_zone_hints", []string{}),
	}
	if a.fail != nil {
		return nil, a.fail
	}
	for key, asked := range map[string]bool{
		"shared": o.Shared, "router:external": o.External, "provider:network_type": a.has("provider:network_type"),
		"provider:segmentation_id": a.has("provider:segmentation_id"),
	} {
		if asked && !cl.who.admin {
			return nil, errPolicy("create_network:" + key)
		}
	}
	o.meta = cl.newNetMeta(a)
	if a.fail != nil {
		return nil, a.fail
	}
	cl.st.ensureDefaultGroup(cl, projectID)
	o.SegmentID = cl.st.NextSegment
	cl.st.NextSegment++
	return o, nil
}

func updateNetwork(cl *call, o *network, a *attrs) *apiError {
	if fail := a.only("name", "description", "admin_state_up", "shared", "router:external", "port_security_enabled",
		"mtu", "is_default", "qos_policy_id", "dns_domain"); fail != nil {
		return fail
	}
	next := *o
	next.rename(a)
	next.AdminStateUp, next.Shared = a.boolean("admin_state_up", o.AdminStateUp), a.boolean("shared", o.Shared)
	next.External = a.boolean("router:external", o.External)
	next.PortSecurity, next.MTU = a.boolean("port_security_enabled", o.PortSecurity), a.integer("mtu", o.MTU)
	if a.fail != nil {
		return a.fail
	}
	if (next.Shared != o.Shared || next.External != o.External) && !cl.who.admin {
		return errPolicy("update_network:shared")
	}
	if o.Shared && !next.Shared && cl.st.usedByOthers(o, "") {
		return netFail(http.StatusConflict, "InvalidSharedSetting",
			"Unable to reconfigure sharing settings for network %s. Multiple tenants are using it.", o.Name)
	}
	*o = next
	return nil
}

// usedByOthers reports whether a project other than the owner has ports on a network; an
// empty project asks about all of them.
func (s *state) usedByOthers(o *network, projectID string) bool {
	_, used := find(s.Ports, func(p *port) bool {
		if p.NetworkID != o.ID || p.ProjectID == o.ProjectID || p.ProjectID == "" {
			return false
		}
		return projectID == "" || p.ProjectID == projectID
	})
	return used
}

// removeNetwork takes the subnets and DHCP ports with it; any other port stops it.
func removeNetwork(cl *call, o *network) *apiError {
	onIt := inOrder(cl.st.Ports, func(p *port) bool { return p.NetworkID == o.ID })
	for _, p := range onIt {
		if p.DeviceOwner != ownerDHCP {
			return netFail(http.StatusConflict, "NetworkInUse", "Unable to complete operation on network %s. "+
				"There are one or more ports still in use on the network.", o.ID)
		}
	}
	for _, p := range onIt {
		delete(cl.st.Ports, p.ID)
	}
	for _, n := range inOrder(cl.st.Subnets, func(n *subnet) bool { return n.NetworkID == o.ID }) {
		delete(cl.st.Subnets, n.ID)
	}
	cl.st.dropRBAC(o.ID)
	return nil
}
