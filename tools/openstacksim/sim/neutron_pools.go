package sim

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

func subnetPools() *netResource[*subnetPool] {
	return &netResource[*subnetPool]{
		singular: "subnetpool", plural: "subnetpools", path: "subnetpools", quota: "subnetpool",
		table:   func(s *state) table[*subnetPool] { return s.SubnetPools },
		visible: func(cl *call, o *subnetPool) bool { return cl.sees(&o.meta, o.Shared, "subnetpool") },
		missing: func(id string) *apiError {
			return netFail(http.StatusNotFound, "SubnetPoolNotFound", "Subnet pool %s could not be found.", id)
		},
		view:   subnetPoolView,
		create: createSubnetPool,
		update: updateSubnetPool,
		remove: func(cl *call, o *subnetPool) *apiError {
			if _, used := find(cl.st.Subnets, func(n *subnet) bool { return n.SubnetPoolID == o.ID }); used {
				return netFail(http.StatusBadRequest, "SubnetPoolDeleteError",
					"Unable to delete subnet pool: Subnet pool has existing allocations.")
			}
			cl.st.dropRBAC(o.ID)
			return nil
		},
	}
}

func subnetPoolView(cl *call, o *subnetPool) map[string]any {
	v := stdView(&o.meta)
	v["prefixes"], v["ip_version"] = o.Prefixes, o.IPVersion
	v["min_prefixlen"] = strconv.Itoa(o.MinPrefixLen) // Neutron returns these three as text
	v["max_prefixlen"] = strconv.Itoa(o.MaxPrefixLen)
	v["default_prefixlen"] = strconv.Itoa(o.DefPrefixLen)
	v["shared"] = o.Shared || cl.st.sharedWith("subnetpool", o.ID, cl.who.projectID)
	v["is_default"] = o.IsDefault
	v["default_quota"], v["address_scope_id"] = nil, nil
	if o.DefaultQuota > 0 {
		v["default_quota"] = o.DefaultQuota
	}
	if o.AddressScopeID != "" {
		v["address_scope_id"] = o.AddressScopeID
	}
	return v
}

func createSubnetPool(cl *call, a *attrs, projectID string) (*subnetPool, *apiError) {
	if fail := a.only(allow("prefixes", "min_prefixlen", "max_prefixlen", "default_prefixlen",
		"default_quota", "address_scope_id", "shared", "is_default")...); fail != nil {
		return nil, fail
	}
	o := &subnetPool{
		Shared: a.boolean("shared", false), IsDefault: a.boolean("is_default", false),
		DefaultQuota: a.integer("default_quota", 0), AddressScopeID: a.str("address_scope_id", ""),
	}
	prefixes := a.strings("prefixes", nil)
	if a.fail != nil {
		return nil, a.fail
	}
	if (o.Shared || o.IsDefault) && !cl.who.admin {
		return nil, errPolicy("create_subnetpool:shared")
	}
	if fail := o.setPrefixes(prefixes); fail != nil {
		return nil, fail
	}
	if fail := o.setBounds(a); fail != nil {
		return nil, fail
	}
	if fail := cl.checkScope(o, projectID); fail != nil {
		return nil, fail
	}
	o.meta = cl.newNetMeta(a)
	return o, nil
}

func (p *subnetPool) setPrefixes(list []string) *apiError {
	if len(list) == 0 {
		return netFail(http.StatusBadRequest, "EmptySubnetPoolPrefixList", "Empty subnet pool prefix list.")
	}
	var parsed []netip.Prefix
	for _, text := range list {
		n, fail := parseCIDR(text)
		if fail != nil {
			return fail
		}
		if len(parsed) > 0 && parsed[0].Addr().Is4() != n.Addr().Is4() {
			return netFail(http.StatusBadRequest, "PrefixVersionMismatch", "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.")
		}
		parsed = append(parsed, n)
	}
	p.IPVersion = ipVersion(parsed[0].Addr())
	p.Prefixes = compactPrefixes(parsed)
	return nil
}

func ipVersion(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}

// compactPrefixes drops what lies within another and joins neighbours, as an IP set does.
func compactPrefixes(list []netip.Prefix) []string {
	slices.SortFunc(list, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var out []netip.Prefix
	for _, p := range list {
		if len(out) > 0 && out[len(out)-1].Overlaps(p) {
			continue
		}
		out = append(out, p)
		for len(out) > 1 && siblings(out[len(out)-2], out[len(out)-1]) {
			joined, _ := out[len(out)-2].Addr().Prefix(out[len(out)-2].Bits() - 1)
			out = append(out[:len(out)-2], joined)
		}
	}
	texts := make([]string, 0, len(out))
	for _, p := range out {
		texts = append(texts, p.String())
	}
	return texts
}

func siblings(a, b netip.Prefix) bool {
	if a.Bits() != b.Bits() || a.Bits() == 0 {
		return false
	}
	parent := netip.PrefixFrom(a.Addr(), a.Bits()-1).Masked()
	return parent.Addr() == a.Addr() && parent.Contains(b.Addr())
}

func (p *subnetPool) setBounds(a *attrs) *apiError {
	lowest, highest := 8, 32
	if p.IPVersion == 6 {
		lowest, highest = 64, 128
	}
	p.MinPrefixLen = a.integer("min_prefixlen", orDefault(p.MinPrefixLen, lowest))
	p.MaxPrefixLen = a.integer("max_prefixlen", orDefault(p.MaxPrefixLen, highest))
	p.DefPrefixLen = a.integer("default_prefixlen", orDefault(p.DefPrefixLen, p.MinPrefixLen))
	if a.fail != nil {
		return a.fail
	}
	bad := func(what string, n int, than string, m int) *apiError {
		return netFail(http.StatusBadRequest, "IllegalSubnetPoolPrefixBounds",
			"Illegal prefix bounds: %s=%d, %s=%d.", what, n, than, m)
	}
	switch {
	case p.MinPrefixLen > p.MaxPrefixLen:
		return bad("min_prefixlen", p.MinPrefixLen, "max_prefixlen", p.MaxPrefixLen)
	case p.MaxPrefixLen > highest:
		return bad("max_prefixlen", p.MaxPrefixLen, "ip_version_max", highest)
	case p.DefPrefixLen < p.MinPrefixLen:
		return bad("default_prefixlen", p.DefPrefixLen, "min_prefixlen", p.MinPrefixLen)
	case p.DefPrefixLen > p.MaxPrefixLen:
		return bad("default_prefixlen", p.DefPrefixLen, "max_prefixlen", p.MaxPrefixLen)
	}
	return nil
}

// checkScope keeps the prefixes of an address scope unique.
func (cl *call) checkScope(p *subnetPool, projectID string) *apiError {
	if p.AddressScopeID == "" {
		return nil
	}
	scope := cl.st.AddressScopes[p.AddressScopeID]
	if scope == nil || !cl.sees(&scope.meta, scope.Shared, "address_scope") {
		return addressScopes().missing(p.AddressScopeID)
	}
	if scope.ProjectID != projectID && !cl.sees(&scope.meta, scope.Shared, "address_scope") {
		return netFail(http.StatusBadRequest, "IllegalSubnetPoolAssociationToAddressScope", "Illegal subnetpool association: "+
			"subnetpool %s cannot be associated with address scope %s.", p.ID, scope.ID)
	}
	if scope.IPVersion != p.IPVersion {
		return netFail(http.StatusBadRequest, "IllegalSubnetPoolIpVersionAssociationToAddressScope", "Illegal subnetpool "+
			"association: subnetpool %s cannot associate with address scope %s because subnetpool ip_version is not %d.",
			p.ID, scope.ID, scope.IPVersion)
	}
	_, taken := find(cl.st.SubnetPools, func(other *subnetPool) bool {
		return other.ID != p.ID && other.AddressScopeID == scope.ID && prefixesOverlap(other.Prefixes, p.Prefixes)
	})
	if taken {
		return netFail(http.StatusConflict, "AddressScopePrefixConflict", "Failed to associate address scope: "+
			"subnetpools within an address scope must have unique prefixes.")
	}
	return nil
}

func prefixesOverlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if mustPrefix(x).Overlaps(mustPrefix(y)) {
				return true
			}
		}
	}
	return false
}

func updateSubnetPool(cl *call, o *subnetPool, a *attrs) *apiError {
	if fail := a.only("name", "description", "prefixes", "min_prefixlen", "max_prefixlen", "default_prefixlen",
		"default_quota", "address_scope_id", "is_default"); fail != nil {
		return fail
	}
	next := *o
	if a.has("prefixes") {
		before := next.Prefixes
		if fail := next.setPrefixes(a.strings("prefixes", nil)); fail != nil {
			return fail
		}
		if !prefixesCover(next.Prefixes, before) {
			return netFail(http.StatusBadRequest, "IllegalSubnetPoolPrefixUpdate",
				"Illegal update to prefixes: Existing prefixes must be a subset of the new prefixes.")
		}
	}
	if fail := next.setBounds(a); fail != nil {
		return fail
	}
	next.AddressScopeID = a.str("address_scope_id", next.AddressScopeID)
	if a.null("address_scope_id") {
		next.AddressScopeID = ""
	}
	next.DefaultQuota, next.IsDefault = a.integer("default_quota", next.DefaultQuota), a.boolean("is_default", next.IsDefault)
	next.rename(a)
	if a.fail != nil {
		return a.fail
	}
	if fail := cl.checkScope(&next, next.ProjectID); fail != nil {
		return fail
	}
	*o = next
	return nil
}

// prefixesCover reports whether every old prefix lies within a new one.
func prefixesCover(now, before []string) bool {
	for _, b := range before {
		old := mustPrefix(b)
		if !slices.ContainsFunc(now, func(n string) bool {
			p := mustPrefix(n)
			return p.Bits() <= old.Bits() && p.Overlaps(old)
		}) {
			return false
		}
	}
	return true
}

// allocate takes a subnet out of the pool: the wanted CIDR, or the first of a length.
func (p *subnetPool) allocate(s *state, want netip.Prefix, bits int) (netip.Prefix, *apiError) {
	if want.IsValid() {
		bits = want.Bits()
	}
	if bits > p.MaxPrefixLen {
		return want, netFail(http.StatusBadRequest, "MaxPrefixSubnetAllocationError", "Unable to allocate subnet with "+
			"prefix length %d, maximum allowed prefix is %d.", bits, p.MaxPrefixLen)
	}
	if bits < p.MinPrefixLen {
		return want, netFail(http.StatusBadRequest, "MinPrefixSubnetAllocationError", "Unable to allocate subnet with "+
			"prefix length %d, minimum allowed prefix is %d.", bits, p.MinPrefixLen)
	}
	var taken []netip.Prefix
	for _, n := range s.Subnets {
		if n.SubnetPoolID == p.ID {
			taken = append(taken, mustPrefix(n.CIDR))
		}
	}
	var free []netip.Prefix
	for _, text := range p.Prefixes {
		free = append(free, freeBlocks(mustPrefix(text), taken)...)
	}
	smallestFirst(free)
	for _, block := range free {
		if want.IsValid() && block.Bits() <= bits && block.Overlaps(want) {
			return want, nil
		}
		if !want.IsValid() && block.Bits() <= bits {
			return netip.PrefixFrom(block.Addr(), bits), nil
		}
	}
	if want.IsValid() {
		return want, errAllocation("Cannot allocate requested subnet from the available set of prefixes")
	}
	return want, errAllocation("Insufficient prefix space to allocate subnet size /" + strconv.Itoa(bits))
}

// errAllocation is a plain NeutronException in the original, which maps to no status:
// Neutron responds with 500 and keeps the reason in its log, so it does not reach the caller.
func errAllocation(reason string) *apiError {
	e := netFail(http.StatusInternalServerError, "HTTPInternalServerError",
		"Request Failed: internal server error while processing your request.")
	e.code = reason
	return e
}
