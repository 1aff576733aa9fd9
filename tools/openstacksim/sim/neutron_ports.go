package sim

import (
	"net/http"
	"slices"
	"strings"
)

func ports() *netResource[*port] {
	return &netResource[*port]{
		singular: "port", plural: "ports", path: "ports", quota: "port",
		table: func(s *state) table[*port] { return s.Ports },
		visible: func(cl *call, o *port) bool {
			n := cl.st.Networks[o.NetworkID]
			return owned(cl, o) || n != nil && n.ProjectID == cl.who.projectID
		},
		missing: errNoPort,
		owner: func(cl *call, o *port) bool {
			n := cl.st.Networks[o.NetworkID]
			return n != nil && n.ProjectID == cl.who.projectID
		},
		view:   portView,
		create: createPort,
		update: updatePort,
		remove: removePort,
		filters: map[string]func(*call, *port, []string) bool{
			"network_id":   func(_ *call, o *port, want []string) bool { return slices.Contains(want, o.NetworkID) },
			"device_id":    func(_ *call, o *port, want []string) bool { return slices.Contains(want, o.DeviceID) },
			"device_owner": func(_ *call, o *port, want []string) bool { return slices.Contains(want, o.DeviceOwner) },
			"mac_address":  func(_ *call, o *port, want []string) bool { return slices.Contains(want, o.MAC) },
			"fixed_ips":    portHasFixedIP,
			"security_groups": func(_ *call, o *port, want []string) bool {
				return slices.ContainsFunc(want, func(id string) bool { return slices.Contains(o.SecGroups, id) })
			},
		},
	}
}

func errNoPort(id string) *apiError {
	return netFail(http.StatusNotFound, "PortNotFound", "Port %s could not be found.", id)
}

// portHasFixedIP reads fixed_ips=ip_address=A&fixed_ips=subnet_id=B: values of one kind
// are alternatives, the kinds must all fit.
func portHasFixedIP(_ *call, o *port, values []string) bool {
	want := map[string][]string{}
	for _, v := range values {
		kind, value, _ := strings.Cut(v, "=")
		want[kind] = append(want[kind], value)
	}
	return slices.ContainsFunc(o.FixedIPs, func(f fixedIP) bool {
		for kind, list := range want {
			fits := slices.ContainsFunc(list, func(v string) bool {
				switch kind {
				case "ip_address":
					return f.IPAddress == v
				case "subnet_id", "subnet":
					return f.SubnetID == v
				case "ip_address_substr":
					return strings.Contains(f.IPAddress, v)
				default:
					return false
				}
			})
			if !fits {
				return false
			}
		}
		return true
	})
}

func (p *port) holds(subnetID, ip string) bool {
	return slices.ContainsFunc(p.FixedIPs, func(f fixedIP) bool {
		return f.SubnetID == subnetID && (ip == "" || f.IPAddress == ip)
	})
}

func portView(cl *call, o *port) map[string]any {
	v := stdView(&o.meta)
	v["network_id"], v["admin_state_up"], v["status"] = o.NetworkID, o.AdminStateUp, o.Status
	v["mac_address"], v["fixed_ips"] = o.MAC, o.FixedIPs
	v["device_id"], v["device_owner"] = o.DeviceID, o.DeviceOwner
	v["security_groups"], v["allowed_address_pairs"] = o.SecGroups, o.AddressPairs
	v["port_security_enabled"], v["binding:vnic_type"] = o.PortSecurity, o.VNICType
	v["qos_policy_id"], v["qos_network_policy_id"] = nil, nil
	v["dns_name"], v["dns_assignment"] = o.DNSName, []any{}
	v["extra_dhcp_opts"], v["ip_allocation"] = []any{}, "immediate"
	v["resource_request"], v["propagate_uplink_status"] = nil, true
	if cl.who.admin {
		v["binding:host_id"], v["binding:profile"] = o.HostID, map[string]any{}
		v["binding:vif_type"], v["binding:vif_details"] = "unbound", map[string]any{}
		if o.HostID != "" {
			v["binding:vif_type"] = "ovs"
			v["binding:vif_details"] = map[string]any{"port_filter": true}
		}
	}
	return v
}

func createPort(cl *call, a *attrs, projectID string) (*port, *apiError) {
	if fail := a.only(allow("network_id", "admin_state_up", "mac_address", "fixed_ips", "device_id", "device_owner",
		"security_groups", "allowed_address_pairs", "port_security_enabled", "binding:host_id", "binding:vnic_type",
		"binding:profile", "dns_name", "dns_domain", "qos_policy_id", "extra_dhcp_opts", "tags", "propagate_uplink_status",
		"mac_learning_enabled", "value_specs")...); fail != nil {
		return nil, fail
	}
	o := &port{
		NetworkID: a.need("network_id"), AdminStateUp: a.boolean("admin_state_up", true), Status: "DOWN",
		MAC: strings.ToLower(a.str("mac_address", "")), DeviceID: a.str("device_id", ""),
		DeviceOwner: a.str("device_owner", ""), HostID: a.str("binding:host_id", ""),
		VNICType: a.str("binding:vnic_type", "normal"), DNSName: a.str("dns_name", ""),
		AddressPairs: []addressPair{}, FixedIPs: []fixedIP{}, SecGroups: []string{},
	}
	tags := a.strings("tags", []string{})
	if a.fail != nil {
		return nil, a.fail
	}
	n := cl.st.Networks[o.NetworkID]
	if n == nil || !cl.seesNetwork(n) {
		return nil, errNoNetwork(o.NetworkID)
	}
	if fail := cl.portPolicy(n, a); fail != nil {
		return nil, fail
	}
	if fail := checkNetTags(tags); fail != nil {
		return nil, fail
	}
	cl.st.ensureDefaultGroup(cl, projectID)
	o.PortSecurity = a.boolean("port_security_enabled", n.PortSecurity)
	if fail := cl.secureNewPort(o, a, projectID); fail != nil {
		return nil, fail
	}
	if fail := cl.st.giveMAC(o); fail != nil {
		return nil, fail
	}
	if fail := cl.addressNewPort(o, a); fail != nil {
		return nil, fail
	}
	if strings.HasPrefix(o.DeviceOwner, "network:router") {
		o.SecGroups = []string{}
	}
	o.meta = cl.newNetMeta(a)
	o.Tags = tags
	if a.fail != nil {
		return nil, a.fail
	}
	o.bind()
	return o, nil
}

// portPolicy is what a project may not do on a network that is merely shared with it.
func (cl *call) portPolicy(n *network, a *attrs) *apiError {
	if cl.who.owns(n.ProjectID) {
		if a.has("binding:host_id") && !cl.who.admin {
			return errPolicy("create_port:binding:host_id")
		}
		return nil
	}
	for _, key := range []string{"mac_address", "port_security_enabled", "binding:host_id", "allowed_address_pairs"} {
		if a.has(key) {
			return errPolicy("create_port:" + key)
		}
	}
	var ips []fixedIP
	if a.into("fixed_ips", &ips) && slices.ContainsFunc(ips, func(f fixedIP) bool { return f.IPAddress != "" }) {
		return errPolicy("create_port:fixed_ips")
	}
	return nil
}

func (cl *call) secureNewPort(o *port, a *attrs, projectID string) *apiError {
	if a.has("security_groups") && !a.null("security_groups") {
		o.SecGroups = a.strings("security_groups", []string{})
	} else if o.PortSecurity && !strings.HasPrefix(o.DeviceOwner, "network:") {
		if g := cl.st.defaultGroup(projectID); g != nil {
			o.SecGroups = []string{g.ID}
		}
	}
	a.into("allowed_address_pairs", &o.AddressPairs)
	return cl.checkPortSecurity(o, projectID)
}

func (cl *call) checkPortSecurity(o *port, projectID string) *apiError {
	for _, id := range o.SecGroups {
		g := cl.st.SecGroups[id]
		if g == nil || !cl.who.admin && g.ProjectID != projectID && !cl.st.sharedWith("security_group", id, projectID) {
			return errNoGroup(id)
		}
	}
	if !o.PortSecurity && len(o.SecGroups) > 0 {
		return netFail(http.StatusConflict, "PortSecurityPortHasSecurityGroup",
			"Port has security group associated. Cannot disable port security or IP address until security group is removed.")
	}
	if !o.PortSecurity && len(o.AddressPairs) > 0 {
		return netFail(http.StatusConflict, "AddressPairAndPortSecurityRequired",
			"Port Security must be enabled in order to have allowed address pairs on a port.")
	}
	pairs := make([]addressPair, 0, len(o.AddressPairs))
	for _, p := range o.AddressPairs {
		p.MACAddress = strings.ToLower(orDefault(p.MACAddress, o.MAC))
		pairs = append(pairs, p)
	}
	o.AddressPairs = pairs
	return nil
}

func (s *state) giveMAC(o *port) *apiError {
	taken := func(mac string) bool {
		_, found := find(s.Ports, func(p *port) bool { return p.NetworkID == o.NetworkID && p.MAC == mac && p != o })
		return found
	}
	if o.MAC != "" {
		if taken(o.MAC) {
			return netFail(http.StatusConflict, "MacAddressInUse", "Unable to complete operation for network %s. "+
				"The mac address %s is in use.", o.NetworkID, o.MAC)
		}
		return nil
	}
	for o.MAC = newMAC(); taken(o.MAC); {
		o.MAC = newMAC()
	}
	for i := range o.AddressPairs {
		o.AddressPairs[i].MACAddress = orDefault(o.AddressPairs[i].MACAddress, o.MAC)
	}
	return nil
}

func (cl *call) addressNewPort(o *port, a *attrs) *apiError {
	var wanted []fixedIP
	if a.null("fixed_ips") {
		return netBadRequest("Invalid input for fixed_ips. Reason: Invalid data format for fixed IP: 'None'.")
	}
	if a.has("fixed_ips") {
		if !a.into("fixed_ips", &wanted) {
			return a.fail
		}
	} else {
		wanted = cl.st.oneOfEach(o.NetworkID, o.DeviceOwner)
	}
	ips, fail := cl.st.allocateIPs(o, wanted)
	if fail != nil {
		return fail
	}
	o.FixedIPs = ips
	return nil
}

// bind sets the status that follows from where the port is plugged.
func (p *port) bind() {
	switch {
	case p.DeviceOwner == ownerRouterInterface, p.DeviceOwner == ownerRouterGateway:
		p.Status = "ACTIVE"
	case p.DeviceOwner == ownerFloatingIP:
		p.Status = "N/A"
	case p.HostID == "":
		p.Status = "DOWN"
	}
}

func updatePort(cl *call, o *port, a *attrs) *apiError {
	if fail := a.only("name", "description", "admin_state_up", "mac_address", "fixed_ips", "device_id", "device_owner",
		"security_groups", "allowed_address_pairs", "port_security_enabled", "binding:host_id", "binding:vnic_type",
		"binding:profile", "dns_name", "dns_domain", "qos_policy_id", "extra_dhcp_opts"); fail != nil {
		return fail
	}
	next := *o
	next.rename(a)
	next.AdminStateUp = a.boolean("admin_state_up", o.AdminStateUp)
	next.DeviceID, next.DeviceOwner = a.str("device_id", o.DeviceID), a.str("device_owner", o.DeviceOwner)
	next.HostID, next.VNICType = a.str("binding:host_id", o.HostID), a.str("binding:vnic_type", o.VNICType)
	next.PortSecurity, next.DNSName = a.boolean("port_security_enabled", o.PortSecurity), a.str("dns_name", o.DNSName)
	next.SecGroups = a.strings("security_groups", o.SecGroups)
	next.MAC = strings.ToLower(a.str("mac_address", o.MAC))
	if a.has("allowed_address_pairs") {
		next.AddressPairs = []addressPair{}
		a.into("allowed_address_pairs", &next.AddressPairs)
	}
	if a.fail != nil {
		return a.fail
	}
	if fail := cl.checkPortSecurity(&next, o.ProjectID); fail != nil {
		return fail
	}
	if next.MAC != o.MAC {
		if fail := cl.st.checkMove(o, &next); fail != nil {
			return fail
		}
	}
	if a.has("fixed_ips") {
		var wanted []fixedIP
		a.into("fixed_ips", &wanted)
		if a.fail != nil {
			return a.fail
		}
		ips, fail := cl.st.allocateIPs(o, wanted)
		if fail != nil {
			return fail
		}
		next.FixedIPs = ips
	}
	*o = next
	o.bind()
	return nil
}

func (s *state) checkMove(o, next *port) *apiError {
	_, taken := find(s.Ports, func(p *port) bool {
		return p != o && p.NetworkID == o.NetworkID && p.MAC == next.MAC
	})
	if taken {
		return netFail(http.StatusConflict, "MacAddressInUse", "Unable to complete operation for network %s. "+
			"The mac address %s is in use.", o.NetworkID, next.MAC)
	}
	return nil
}

func removePort(cl *call, o *port) *apiError {
	switch o.DeviceOwner {
	case ownerRouterInterface, ownerRouterGateway:
		if cl.st.Routers[o.DeviceID] != nil {
			return errServicePort(o)
		}
	case ownerFloatingIP:
		if cl.st.FloatingIPs[o.DeviceID] != nil {
			return errServicePort(o)
		}
	}
	cl.st.forgetPort(o.ID)
	return nil
}

func errServicePort(o *port) *apiError {
	return netFail(http.StatusConflict, "ServicePortInUse",
		"Port %s cannot be deleted directly via the port API: has device owner %s.", o.ID, o.DeviceOwner)
}

// forgetPort takes a floating IP off a port that goes.
func (s *state) forgetPort(id string) {
	for _, f := range s.FloatingIPs {
		if f.FixedPort == id {
			f.FixedPort, f.FixedIP, f.RouterID = "", "", ""
		}
	}
}
