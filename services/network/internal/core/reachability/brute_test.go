package reachability_test

import (
	"encoding/binary"
	"net/netip"

	r "github.com/low-layer/platform/services/network/internal/core/reachability"
)

// brute walks packets by the book and nothing else: every list is searched from its beginning, addresses are numbers, a
// packet that has passed ttl routers is dropped. It shares no code with the package.
type brute struct{ s r.State }

const ttl = 9

type packet struct {
	src, dst uint32
	protocol string
	port     int // of ICMP the type
}

func number(a netip.Addr) uint32 { b := a.As4(); return binary.BigEndian.Uint32(b[:]) }

func covers(p netip.Prefix, a uint32) bool {
	return p.Bits() == 0 || number(p.Addr())>>(32-p.Bits()) == a>>(32-p.Bits())
}

// frame is a packet on a network, for the one who has the address there.
func (b brute) frame(network string, to uint32, p packet, left int, got map[string]bool) {
	for _, port := range b.s.Ports {
		if port.NetworkID != network || port.Down {
			continue
		}
		for _, a := range port.Addresses {
			if number(a.IP) != to {
				continue
			}
			if port.DeviceOwner == "network:router_interface" {
				b.route(port.DeviceID, p, left-1, got)
			} else if to == p.dst {
				got[port.ID] = true
			}
		}
	}
}

type exit struct {
	network string
	to      uint32
	down    bool
}

func (b brute) route(id string, p packet, left int, got map[string]bool) {
	if left < 0 {
		return
	}
	for _, router := range b.s.Routers {
		if router.ID != id || router.Down {
			continue
		}
		for bits := 32; bits >= 0; bits-- {
			var exits []exit
			for _, port := range b.s.Ports {
				for _, a := range port.Addresses {
					for _, sub := range b.s.Subnets {
						if port.DeviceID == id && sub.ID == a.SubnetID && sub.CIDR.Bits() == bits && covers(sub.CIDR, p.dst) {
							exits = append(exits, exit{port.NetworkID, p.dst, port.Down})
						}
					}
				}
			}
			if len(exits) == 0 {
				for _, route := range router.Routes {
					if route.Destination.Bits() == bits && covers(route.Destination, p.dst) {
						exits = append(exits, b.towards(id, route.NextHop)...)
					}
				}
			}
			for _, e := range exits {
				if !e.down {
					b.frame(e.network, e.to, p, left, got)
				}
			}
			if len(exits) > 0 {
				return
			}
		}
	}
}

// towards is the one interface in the network of a next hop.
func (b brute) towards(router string, hop netip.Addr) []exit {
	for _, port := range b.s.Ports {
		for _, a := range port.Addresses {
			for _, sub := range b.s.Subnets {
				if port.DeviceID == router && sub.ID == a.SubnetID && covers(sub.CIDR, number(hop)) {
					return []exit{{port.NetworkID, number(hop), port.Down}}
				}
			}
		}
	}
	return nil
}

// send sends a packet from a port and returns the ports that receive it.
func (b brute) send(from r.Port, p packet) map[string]bool {
	got := map[string]bool{}
	for _, sub := range b.s.Subnets {
		if sub.ID != from.Addresses[0].SubnetID {
			continue
		}
		if covers(sub.CIDR, p.dst) {
			b.frame(from.NetworkID, p.dst, p, ttl, got)
		} else if sub.Gateway.IsValid() {
			b.frame(from.NetworkID, number(sub.Gateway), p, ttl, got)
		}
	}
	return got
}

func (b brute) passes(port r.Port, egress bool, peer uint32, p packet) (bool, bool) {
	if port.Open {
		return true, true
	}
	passed, tracked := false, false
	for _, g := range b.s.Groups {
		for _, id := range port.GroupIDs {
			for _, rule := range g.Rules {
				if id == g.ID && rule.Egress == egress && !rule.IPv6 && b.fits(rule, peer, p) {
					passed, tracked = true, tracked || !g.Stateless
				}
			}
		}
	}
	return passed, tracked
}

func (b brute) fits(rule r.Rule, peer uint32, p packet) bool {
	names := map[string]string{"1": "icmp", "6": "tcp", "17": "udp"}
	protocol := rule.Protocol
	if names[protocol] != "" {
		protocol = names[protocol]
	}
	if protocol != "" && protocol != p.protocol {
		return false
	}
	if protocol == "tcp" || protocol == "udp" {
		// 0 is a port nobody knows: only rules for all ports are sure to let it through.
		if rule.Min != nil && (p.port < *rule.Min || p.port == 0) || rule.Max != nil && (p.port > *rule.Max || p.port == 0) {
			return false
		}
	}
	if protocol == "icmp" && rule.Min != nil && *rule.Min != p.port {
		return false
	}
	if rule.RemoteGroupID != "" {
		for _, port := range b.s.Ports {
			for _, g := range port.GroupIDs {
				if g == rule.RemoteGroupID && number(port.Addresses[0].IP) == peer {
					return true
				}
			}
		}
		return false
	}
	return !rule.Remote.IsValid() || covers(rule.Remote, peer)
}

// talk reports whether the first packet of a connection is delivered, and whether the reply is.
func (b brute) talk(from, to r.Port, protocol string, port int) (there, back bool) {
	p := packet{number(from.Addresses[0].IP), number(to.Addresses[0].IP), protocol, port}
	out, outTracked := b.passes(from, true, p.dst, p)
	in, inTracked := b.passes(to, false, p.src, p)
	if from.Down || !b.send(from, p)[to.ID] || !out || !in {
		return false, false
	}
	answer := packet{p.dst, p.src, protocol, 0}
	back = b.send(to, answer)[from.ID]
	if !outTracked {
		ok, _ := b.passes(from, false, answer.src, answer)
		back = back && ok
	}
	if !inTracked {
		ok, _ := b.passes(to, true, answer.dst, answer)
		back = back && ok
	}
	return true, back
}
