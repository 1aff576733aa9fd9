package reachability

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Protocol numbers that are named.
const (
	ICMP   = 1
	TCP    = 6
	UDP    = 17
	ICMPv6 = 58
)

// Traffic is one kind of packet: the first of a connection, or an echo request.
type Traffic struct {
	Protocol int
	// Port is the destination's, for TCP and UDP.
	Port int
}

// echo is the type of an echo request, in both versions of ICMP.
func (t Traffic) echo() int {
	if t.Protocol == ICMPv6 {
		return 128
	}
	return 8
}

// Match is a rule that lets something through.
type Match struct {
	Group Ref  `json:"group"`
	Rule  Rule `json:"rule"`
	// Stateless is a rule whose connections are not tracked: replies need rules of their own.
	Stateless bool `json:"stateless,omitempty"`
}

// Decision is what a port's security groups say.
type Decision struct {
	Allowed bool `json:"allowed"`
	// Rules are all that let it through; none when nothing is checked at the port.
	Rules []Match `json:"rules,omitempty"`
	// Unchecked says why nothing is checked; empty when it is.
	Unchecked string `json:"unchecked,omitempty"`
	// Groups are those of the port.
	Groups []Ref `json:"groups,omitempty"`
}

// Why nothing is checked at a port.
const (
	PortSecurityOff = "port security is off"
	TrustedPort     = "the port is one of the network's own services"
)

// Out judges what leaves a port for another end.
func (m *Model) Out(p Port, to End, t Traffic) Decision { return m.judge(p, true, to, t) }

// In judges what comes to a port from another end.
func (m *Model) In(p Port, from End, t Traffic) Decision { return m.judge(p, false, from, t) }

func (m *Model) judge(p Port, egress bool, peer End, t Traffic) Decision {
	d := Decision{}
	switch {
	case !p.Host():
		return Decision{Allowed: true, Unchecked: TrustedPort}
	case p.Open:
		return Decision{Allowed: true, Unchecked: PortSecurityOff}
	}
	for _, id := range p.GroupIDs {
		g, ok := m.groups[id]
		if !ok {
			continue
		}
		d.Groups = append(d.Groups, Ref{g.ID, g.Name})
		for _, r := range g.Rules {
			if r.Egress == egress && m.lets(r, peer, t) {
				d.Rules = append(d.Rules, Match{Ref{g.ID, g.Name}, r, g.Stateless})
			}
		}
	}
	d.Allowed = len(d.Rules) > 0
	return d
}

// tracked reports whether replies pass without a rule of their own.
func (d Decision) tracked() bool {
	return d.Unchecked != "" || slices.ContainsFunc(d.Rules, func(r Match) bool { return !r.Stateless })
}

func (m *Model) lets(r Rule, peer End, t Traffic) bool {
	return r.IPv6 == !peer.IP.Is4() && r.Carries(t) && m.about(r, peer)
}

// about reports whether a rule is for an end. An imagined end is in the groups it would take.
func (m *Model) about(r Rule, peer End) bool {
	if r.RemoteGroupID != "" && peer.Port == "" && slices.Contains(peer.Groups, r.RemoteGroupID) {
		return true
	}
	return slices.ContainsFunc(m.remotes(r), func(p netip.Prefix) bool { return p.Contains(peer.IP) })
}

// remotes are the addresses a rule is for.
func (m *Model) remotes(r Rule) []netip.Prefix {
	switch {
	case r.RemoteGroupID != "":
		return m.members[r.RemoteGroupID]
	case r.RemoteAddressGroupID != "":
		return m.lists[r.RemoteAddressGroupID].Prefixes
	case r.Remote.IsValid():
		return []netip.Prefix{r.Remote.Masked()}
	case r.IPv6:
		return []netip.Prefix{netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
	default:
		return []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0)}
	}
}

// Carries reports whether a rule is for a kind of traffic, from any sender.
func (r Rule) Carries(t Traffic) bool {
	n, ok := ProtocolNumber(r.Protocol)
	if !ok {
		return r.Protocol == ""
	}
	if n == ICMP && r.IPv6 {
		n = ICMPv6
	}
	if n != t.Protocol {
		return false
	}
	switch n {
	case ICMP, ICMPv6:
		return (r.Min == nil || *r.Min == t.echo()) && (r.Max == nil || *r.Max == 0)
	default:
		return (r.Min == nil || t.Port >= *r.Min) && (r.Max == nil || t.Port <= *r.Max)
	}
}

// whole reports whether a rule lets every port through.
func (r Rule) whole() bool { return r.Min == nil && r.Max == nil }

// ProtocolNumber is the number of a protocol as a rule names it; false for every one, and for a name nobody knows.
func ProtocolNumber(name string) (int, bool) {
	switch name = strings.ToLower(name); name {
	case "":
		return 0, false
	case "icmp":
		return ICMP, true
	case "tcp":
		return TCP, true
	case "udp":
		return UDP, true
	case "icmpv6", "ipv6-icmp":
		return ICMPv6, true
	}
	if n, ok := rareProtocols()[name]; ok {
		return n, true
	}
	n, err := strconv.Atoi(name)
	return n, err == nil && n >= 0
}

func rareProtocols() map[string]int {
	return map[string]int{
		"ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "igmp": 2, "ipip": 4, "ipv6-encap": 41, "ipv6-frag": 44,
		"ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43, "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "udplite": 136, "vrrp": 112,
	}
}
