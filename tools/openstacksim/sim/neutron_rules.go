package sim

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

func secRules() *netResource[*secRule] {
	return &netResource[*secRule]{
		singular: "security_group_rule", plural: "security_group_rules", path: "security-group-rules",
		quota: "security_group_rule", untagged: true, noUpdate: true,
		table: func(s *state) table[*secRule] { return s.SecRules },
		visible: func(cl *call, o *secRule) bool {
			g := cl.st.SecGroups[o.SecGroupID]
			return owned(cl, o) || g != nil && g.ProjectID == cl.who.projectID
		},
		missing: func(id string) *apiError {
			return netFail(http.StatusNotFound, "SecurityGroupRuleNotFound", "Security group rule %s does not exist", id)
		},
		view:   secRuleView,
		create: createRule,
		inBulk: checkRuleBulk,
		remove: func(cl *call, o *secRule) *apiError {
			if g := cl.st.SecGroups[o.SecGroupID]; g != nil {
				g.touch(cl.now)
			}
			return nil
		},
	}
}

func secRuleView(_ *call, o *secRule) map[string]any {
	v := map[string]any{
		"id": o.ID, "project_id": o.ProjectID, "tenant_id": o.ProjectID, "description": o.Description,
		"security_group_id": o.SecGroupID, "direction": o.Direction, "ethertype": o.EtherType,
		"protocol": orNil(o.Protocol), "port_range_min": nil, "port_range_max": nil,
		"remote_ip_prefix": orNil(o.RemoteIP), "normalized_cidr": orNil(o.RemoteIP),
		"remote_group_id": orNil(o.RemoteGroupID), "remote_address_group_id": nil,
		"revision_number": o.Revision, "created_at": stamp(o.CreatedAt), "updated_at": stamp(o.UpdatedAt), "tags": o.Tags,
		"belongs_to_default_sg": false,
	}
	if o.PortMin != nil {
		v["port_range_min"] = *o.PortMin
	}
	if o.PortMax != nil {
		v["port_range_max"] = *o.PortMax
	}
	return v
}

// checkRuleBulk wants one group and no two rules alike in one request.
func checkRuleBulk(_ *call, list []*attrs) *apiError {
	group := ""
	var seen []string
	for i, a := range list {
		id := a.str("security_group_id", "")
		if i > 0 && id != group {
			return netFail(http.StatusBadRequest, "SecurityGroupNotSingleGroupRules",
				"Only allowed to update rules for one security profile at a time")
		}
		group = id
		text, err := json.Marshal(a.m)
		if err != nil {
			return netBadRequest("Invalid rule: %s", err)
		}
		if slices.Contains(seen, string(text)) {
			return netFail(http.StatusConflict, "DuplicateSecurityGroupRuleInPost", "Duplicate Security Group Rule in POST.")
		}
		seen = append(seen, string(text))
	}
	return nil
}

func createRule(cl *call, a *attrs, projectID string) (*secRule, *apiError) {
	if fail := a.only("project_id", "tenant_id", "description", "security_group_id", "direction", "ethertype",
		"protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id",
		"remote_address_group_id"); fail != nil {
		return nil, fail
	}
	o := &secRule{
		SecGroupID: a.need("security_group_id"), Direction: a.need("direction"),
		EtherType: a.str("ethertype", "IPv4"), RemoteGroupID: a.str("remote_group_id", ""),
		RemoteIP: a.str("remote_ip_prefix", ""), Protocol: ruleProtocol(a),
		PortMin: optionalInt(a, "port_range_min"), PortMax: optionalInt(a, "port_range_max"),
	}
	if a.fail != nil {
		return nil, a.fail
	}
	if fail := o.check(); fail != nil {
		return nil, fail
	}
	g := cl.st.SecGroups[o.SecGroupID]
	if g == nil || !cl.who.owns(g.ProjectID) {
		return nil, errNoGroup(o.SecGroupID)
	}
	if o.RemoteGroupID != "" {
		if r := cl.st.SecGroups[o.RemoteGroupID]; r == nil || !cl.who.owns(r.ProjectID) {
			return nil, errNoGroup(o.RemoteGroupID)
		}
	}
	if twin, exists := find(cl.st.SecRules, o.same); exists {
		return nil, netFail(http.StatusConflict, "SecurityGroupRuleExists",
			"Security group rule already exists. Rule id is %s.", twin.ID)
	}
	o.meta = cl.newNetMeta(a)
	o.ProjectID = projectID
	g.touch(cl.now)
	return o, nil
}

func optionalInt(a *attrs, key string) *int {
	if !a.has(key) || a.null(key) {
		return nil
	}
	n := a.integer(key, 0)
	return &n
}

// ruleProtocol takes a name or a number and keeps the text of it.
func ruleProtocol(a *attrs) string {
	if n, isNumber := a.m["protocol"].(float64); isNumber {
		return strconv.Itoa(int(n))
	}
	p := strings.ToLower(a.str("protocol", ""))
	if p == "any" {
		return ""
	}
	return p
}

var protocolNames = []string{
	"", "ah", "dccp", "egp", "esp", "gre", "icmp", "icmpv6", "igmp", "ipip", "ipv6-encap", "ipv6-frag",
	"ipv6-icmp", "ipv6-nonxt", "ipv6-opts", "ipv6-route", "ospf", "pgm", "rsvp", "sctp", "tcp", "udp", "udplite", "vrrp",
}

func (r *secRule) check() *apiError {
	if r.Direction != "ingress" && r.Direction != "egress" {
		return netBadRequest("Invalid input for direction. Reason: '%s' is not in ['ingress', 'egress'].", r.Direction)
	}
	if r.EtherType != "IPv4" && r.EtherType != "IPv6" {
		return netBadRequest("Invalid input for ethertype. Reason: '%s' is not in ['IPv4', 'IPv6'].", r.EtherType)
	}
	if n, err := strconv.Atoi(r.Protocol); !slices.Contains(protocolNames, r.Protocol) && (err != nil || n < 0 || n > 255) {
		return netFail(http.StatusBadRequest, "SecurityGroupRuleInvalidProtocol", "Security group rule protocol %s not supported. "+
			"Only protocol values %s and integer representations [0 to 255] are supported.", r.Protocol, pythonList(protocolNames[1:]))
	}
	if r.RemoteIP != "" && r.RemoteGroupID != "" {
		return netFail(http.StatusBadRequest, "SecurityGroupRemoteGroupAndRemoteIpPrefix",
			"Only remote_ip_prefix or remote_group_id may be provided.")
	}
	if fail := r.checkRemote(); fail != nil {
		return fail
	}
	return r.checkPorts()
}

func (r *secRule) checkRemote() *apiError {
	if r.RemoteIP == "" {
		return nil
	}
	p, err := netip.ParsePrefix(r.RemoteIP)
	if err != nil {
		a, addrErr := netip.ParseAddr(r.RemoteIP)
		if addrErr != nil {
			return netBadRequest("Invalid CIDR %s given as IP prefix.", r.RemoteIP)
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if p.Addr().Is4() != (r.EtherType == "IPv4") {
		return netFail(http.StatusBadRequest, "SecurityGroupRuleParameterConflict",
			"Conflicting value ethertype %s for CIDR %s", r.EtherType, r.RemoteIP)
	}
	r.RemoteIP = p.String()
	return nil
}

func (r *secRule) checkPorts() *apiError {
	if r.PortMin == nil && r.PortMax == nil {
		return nil
	}
	if r.Protocol == "" {
		return netFail(http.StatusBadRequest, "SecurityGroupProtocolRequiredWithPorts",
			"Must also specify protocol if port range is given.")
	}
	icmp := strings.Contains(r.Protocol, "icmp") || r.Protocol == "1" || r.Protocol == "58"
	for _, n := range []*int{r.PortMin, r.PortMax} {
		if n == nil {
			continue
		}
		if icmp && (*n < 0 || *n > 255) {
			return netFail(http.StatusBadRequest, "SecurityGroupInvalidIcmpValue",
				"Invalid value for ICMP type/code %d. It must be 0 to 255.", *n)
		}
		if *n < 0 || *n > 65535 {
			return netFail(http.StatusBadRequest, "SecurityGroupInvalidPortValue", "Invalid value for port %d", *n)
		}
	}
	if icmp {
		return nil
	}
	if r.PortMin == nil || r.PortMax == nil || *r.PortMin > *r.PortMax || *r.PortMin == 0 {
		return netFail(http.StatusBadRequest, "SecurityGroupInvalidPortRange",
			"For TCP/UDP protocols, port_range_min must be <= port_range_max")
	}
	return nil
}

// same compares what makes two rules one; the description is not part of it.
func (r *secRule) same(o *secRule) bool {
	return r.SecGroupID == o.SecGroupID && r.Direction == o.Direction && r.EtherType == o.EtherType &&
		r.Protocol == o.Protocol && sameInt(r.PortMin, o.PortMin) && sameInt(r.PortMax, o.PortMax) &&
		anywhere(r.RemoteIP) == anywhere(o.RemoteIP) && r.RemoteGroupID == o.RemoteGroupID
}

// anywhere makes the whole address space and no prefix at all the same thing.
func anywhere(prefix string) string {
	if prefix == "0.0.0.0/0" || prefix == "::/0" {
		return ""
	}
	return prefix
}

func sameInt(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
