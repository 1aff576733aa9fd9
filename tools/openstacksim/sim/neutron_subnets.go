package sim

import (
	"net/http"
	"net/netip"
)

func subnets() *netResource[*subnet] {
	return &netResource[*subnet]{
		singular: "subnet", plural: "subnets", path: "subnets", quota: "subnet",
		table: func(s *state) table[*subnet] { return s.Subnets },
		visible: func(cl *call, o *subnet) bool {
			return owned(cl, o) || cl.st.Networks[o.NetworkID] != nil && cl.seesNetwork(cl.st.Networks[o.NetworkID])
		},
		missing: errNoSubnet,
		owner: func(cl *call, o *subnet) bool {
			n := cl.st.Networks[o.NetworkID]
			return n != nil && n.ProjectID == cl.who.projectID
		},
		view:   subnetView,
		create: createSubnet,
		update: updateSubnet,
		remove: removeSubnet,
	}
}

func errNoSubnet(id string) *apiError {
	return netFail(http.StatusNotFound, "SubnetNotFound", "Subnet %s could not be found.", id)
}

func subnetView(_ *call, o *subnet) map[string]any {
	v := stdView(&o.meta)
	v["network_id"], v["ip_version"], v["cidr"] = o.NetworkID, o.IPVersion, o.CIDR
	v["gateway_ip"], v["subnetpool_id"] = orNil(o.GatewayIP), orNil(o.SubnetPoolID)
	v["allocation_pools"], v["dns_nameservers"], v["host_routes"] = o.Pools, o.DNS, o.HostRoutes
	v["enable_dhcp"], v["service_types"] = o.EnableDHCP, o.ServiceTypes
	v["ipv6_ra_mode"], v["ipv6_address_mode"] = orNil(o.RAMode), orNil(o.AddressMode)
	v["segment_id"], v["dns_publish_fixed_ip"] = nil, false
	return v
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func createSubnet(cl *call, a *attrs, projectID string) (*subnet, *apiError) {
	if fail := a.only(allow("network_id", "ip_version", "cidr", "prefixlen", "subnetpool_id", "use_default_subnetpool",
		"gateway_ip", "allocation_pools", "dns_nameservers", "host_routes", "enable_dhcp", "ipv6_ra_mode",
		"ipv6_address_mode", "service_types", "segment_id", "dns_publish_fixed_ip")...); fail != nil {
		return nil, fail
	}
	o := &subnet{
		NetworkID: a.need("network_id"), EnableDHCP: a.boolean("enable_dhcp", true),
		DNS: a.strings("dns_nameservers", []string{}), SubnetPoolID: a.str("subnetpool_id", ""),
		RAMode: a.str("ipv6_ra_mode", ""), AddressMode: a.str("ipv6_address_mode", ""),
		ServiceTypes: a.strings("service_types", []string{}), HostRoutes: []netRoute{},
	}
	a.into("host_routes", &o.HostRoutes)
	if a.fail != nil {
		return nil, a.fail
	}
	n := cl.st.Networks[o.NetworkID]
	if n == nil || !cl.seesNetwork(n) {
		return nil, errNoNetwork(o.NetworkID)
	}
	if !cl.who.owns(n.ProjectID) {
		return nil, errPolicy("create_subnet")
	}
	prefix, fail := cl.subnetPrefix(o, a, projectID)
	if fail != nil {
		return nil, fail
	}
	o.CIDR, o.IPVersion = prefix.String(), ipVersion(prefix.Addr())
	if want := a.integer("ip_version", o.IPVersion); want != o.IPVersion {
		return nil, invalidInput("Prefix length or CIDR '%s' does not match the ip_version '%d'", o.CIDR, want)
	}
	if fail := cl.st.checkOverlap(o, prefix); fail != nil {
		return nil, fail
	}
	if fail := o.address(a, prefix); fail != nil {
		return nil, fail
	}
	o.meta = cl.newNetMeta(a)
	if a.fail != nil {
		return nil, a.fail
	}
	n.touch(cl.now)
	return o, nil
}

func (cl *call) subnetPrefix(o *subnet, a *attrs, projectID string) (netip.Prefix, *apiError) {
	var want netip.Prefix
	if text := a.str("cidr", ""); text != "" {
		var fail *apiError
		if want, fail = parseSubnetCIDR(text); fail != nil {
			return want, fail
		}
	}
	if a.fail != nil {
		return want, a.fail
	}
	if o.SubnetPoolID == "" {
		if !want.IsValid() {
			return want, netFail(http.StatusBadRequest, "BadRequest",
				"Bad subnets request: a subnetpool must be specified in the absence of a cidr.")
		}
		return want, nil
	}
	pool := cl.st.SubnetPools[o.SubnetPoolID]
	if pool == nil || !cl.sees(&pool.meta, pool.Shared, "subnetpool") {
		return want, subnetPools().missing(o.SubnetPoolID)
	}
	if want.IsValid() && a.has("prefixlen") && !a.null("prefixlen") {
		return want, netFail(http.StatusBadRequest, "BadRequest",
			"Bad subnets request: cidr and prefixlen must not be supplied together.")
	}
	bits := a.integer("prefixlen", pool.DefPrefixLen)
	if a.fail != nil {
		return want, a.fail
	}
	if fail := cl.st.checkPoolAffinity(o, pool); fail != nil {
		return want, fail
	}
	if fail := cl.st.checkPoolQuota(pool, want, bits, projectID); fail != nil {
		return want, fail
	}
	return pool.allocate(cl.st, want, bits)
}

// checkPoolAffinity keeps the subnets of a network in one pool for each IP version.
func (s *state) checkPoolAffinity(o *subnet, pool *subnetPool) *apiError {
	_, other := find(s.Subnets, func(n *subnet) bool {
		return n.NetworkID == o.NetworkID && n.IPVersion == pool.IPVersion && n.SubnetPoolID != pool.ID
	})
	if other {
		return netFail(http.StatusBadRequest, "NetworkSubnetPoolAffinityError",
			"Subnets hosted on the same network must be allocated from the same subnet pool.")
	}
	return nil
}

func (s *state) checkPoolQuota(pool *subnetPool, want netip.Prefix, bits int, projectID string) *apiError {
	if pool.DefaultQuota == 0 {
		return nil
	}
	unit := 32
	if pool.IPVersion == 6 {
		unit = 64
	}
	if want.IsValid() {
		bits = want.Bits()
	}
	used := units(bits, unit)
	for _, n := range s.Subnets {
		if n.SubnetPoolID == pool.ID && n.ProjectID == projectID {
			used += units(mustPrefix(n.CIDR).Bits(), unit)
		}
	}
	if used > pool.DefaultQuota {
		return netFail(http.StatusConflict, "SubnetPoolQuotaExceeded", "Per-tenant subnet pool prefix quota exceeded.")
	}
	return nil
}

func units(bits, unit int) int {
	if bits > unit {
		return 1
	}
	return 1 << (unit - bits)
}

func (s *state) checkOverlap(o *subnet, prefix netip.Prefix) *apiError {
	_, overlap := find(s.Subnets, func(n *subnet) bool {
		return n.NetworkID == o.NetworkID && mustPrefix(n.CIDR).Overlaps(prefix)
	})
	if overlap {
		return invalidInput("Requested subnet with cidr: %s for network: %s overlaps with another subnet", prefix, o.NetworkID)
	}
	return nil
}

// address settles gateway and allocation pools of a new subnet.
func (o *subnet) address(a *attrs, prefix netip.Prefix) *apiError {
	first, last := hostRange(prefix)
	switch {
	case a.null("gateway_ip"):
		o.GatewayIP = ""
	case a.str("gateway_ip", "") != "":
		gw, err := netip.ParseAddr(a.str("gateway_ip", ""))
		if err != nil || gw.Is4() != prefix.Addr().Is4() {
			return netBadRequest("Invalid input for gateway_ip. Reason: '%s' is not a valid IP address.", a.str("gateway_ip", ""))
		}
		if gatewayInvalid(prefix, gw) {
			return invalidInput("Gateway is not valid on subnet")
		}
		o.GatewayIP = gw.String()
	default:
		o.GatewayIP = first.String()
	}
	if a.fail != nil {
		return a.fail
	}
	var pools []ipRange
	if !a.into("allocation_pools", &pools) {
		o.Pools = splitAround(first, last, mustAddr(o.GatewayIP))
		return a.fail
	}
	if fail := checkPools(prefix, pools); fail != nil {
		return fail
	}
	o.Pools = append([]ipRange{}, pools...)
	return o.gatewayOutsidePools()
}

// gatewayInvalid refuses the addresses of a subnet that no machine can have.
func gatewayInvalid(prefix netip.Prefix, gw netip.Addr) bool {
	if !prefix.Contains(gw) || prefix.Addr().BitLen()-prefix.Bits() <= 1 {
		return false
	}
	return gw == prefix.Addr() || gw.Is4() && gw == lastAddr(prefix)
}

func (o *subnet) gatewayOutsidePools() *apiError {
	gw := mustAddr(o.GatewayIP)
	for _, p := range o.Pools {
		if gw.IsValid() && inRange(p, gw) {
			return netFail(http.StatusConflict, "GatewayConflictWithAllocationPools",
				"Gateway ip %s conflicts with allocation pool %s-%s.", o.GatewayIP, p.Start, p.End)
		}
	}
	return nil
}

func inRange(p ipRange, a netip.Addr) bool {
	return !a.Less(mustAddr(p.Start)) && !mustAddr(p.End).Less(a)
}

func checkPools(prefix netip.Prefix, pools []ipRange) *apiError {
	first, last := hostRange(prefix)
	for i, p := range pools {
		start, end := mustAddr(p.Start), mustAddr(p.End)
		if !start.IsValid() || !end.IsValid() || end.Less(start) {
			return netFail(http.StatusBadRequest, "InvalidAllocationPool", "The allocation pool %s-%s is not valid.", p.Start, p.End)
		}
		if start.Less(first) || last.Less(end) {
			return netFail(http.StatusBadRequest, "OutOfBoundsAllocationPool",
				"The allocation pool %s-%s spans beyond the subnet cidr %s.", p.Start, p.End, prefix)
		}
		for _, q := range pools[:i] {
			if !end.Less(mustAddr(q.Start)) && !mustAddr(q.End).Less(start) {
				return netFail(http.StatusConflict, "OverlappingAllocationPools",
					"Found overlapping allocation pools: %s-%s %s-%s for subnet %s.", q.Start, q.End, p.Start, p.End, prefix)
			}
		}
	}
	return nil
}

func updateSubnet(cl *call, o *subnet, a *attrs) *apiError {
	if fail := a.only("name", "description", "gateway_ip", "allocation_pools", "dns_nameservers", "host_routes",
		"enable_dhcp", "service_types", "segment_id", "dns_publish_fixed_ip"); fail != nil {
		return fail
	}
	next := *o
	prefix := mustPrefix(o.CIDR)
	if a.has("allocation_pools") {
		var pools []ipRange
		a.into("allocation_pools", &pools)
		if fail := checkPools(prefix, pools); fail != nil {
			return fail
		}
		next.Pools = append([]ipRange{}, pools...)
	}
	if a.has("gateway_ip") {
		if fail := cl.moveGateway(&next, a, prefix); fail != nil {
			return fail
		}
	}
	next.EnableDHCP, next.DNS = a.boolean("enable_dhcp", o.EnableDHCP), a.strings("dns_nameservers", o.DNS)
	next.ServiceTypes = a.strings("service_types", o.ServiceTypes)
	if a.has("host_routes") {
		next.HostRoutes = []netRoute{}
		a.into("host_routes", &next.HostRoutes)
	}
	next.rename(a)
	if a.fail != nil {
		return a.fail
	}
	*o = next
	return nil
}

func (cl *call) moveGateway(next *subnet, a *attrs, prefix netip.Prefix) *apiError {
	before := next.GatewayIP
	if before != "" {
		p, used := find(cl.st.Ports, func(p *port) bool {
			return p.DeviceOwner == ownerRouterInterface && p.holds(next.ID, before)
		})
		if used && a.str("gateway_ip", "") != before {
			return netFail(http.StatusConflict, "GatewayIpInUse",
				"Current gateway ip %s already in use by port %s. Unable to update.", before, p.ID)
		}
	}
	next.GatewayIP = ""
	if text := a.str("gateway_ip", ""); text != "" {
		gw, err := netip.ParseAddr(text)
		if err != nil || gatewayInvalid(prefix, gw) {
			return invalidInput("Gateway is not valid on subnet")
		}
		next.GatewayIP = gw.String()
	}
	return next.gatewayOutsidePools()
}

func removeSubnet(cl *call, o *subnet) *apiError {
	users := inOrder(cl.st.Ports, func(p *port) bool { return p.holds(o.ID, "") })
	for _, p := range users {
		if p.DeviceOwner != ownerDHCP {
			return netFail(http.StatusConflict, "SubnetInUse", "Unable to complete operation on subnet %s: "+
				"One or more ports have an IP allocation from this subnet.", o.ID)
		}
	}
	for _, p := range users {
		delete(cl.st.Ports, p.ID)
	}
	if n := cl.st.Networks[o.NetworkID]; n != nil {
		n.touch(cl.now)
	}
	return nil
}
