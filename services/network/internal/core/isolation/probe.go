package isolation

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// tries bounds the search for a free address in a prefix that is nearly full.
const tries = 512

// marks are the prefixes by which routes and rules of an island tell addresses apart.
type marks struct {
	prefixes []netip.Prefix
	// groups are the security groups that rules name: whether an address is among their members matters too.
	groups []string
}

func (j *judge) marks(i island) marks {
	seen := map[netip.Prefix]bool{}
	named := map[string]bool{}
	for _, id := range i.routers {
		r, _ := j.m.Router(id)
		for _, route := range r.Routes {
			seen[route.Destination.Masked()] = true
		}
	}
	for _, n := range i.networks {
		for _, s := range j.m.Subnets(n) {
			seen[s.CIDR.Masked()] = true
			for _, route := range s.HostRoutes {
				seen[route.Destination.Masked()] = true
			}
		}
	}
	for _, r := range j.rules(i) {
		if r.RemoteGroupID != "" {
			named[r.RemoteGroupID] = true
			continue
		}
		for _, p := range j.m.Remotes(r) {
			seen[p] = true
		}
	}
	m := marks{}
	for p := range seen {
		m.prefixes = append(m.prefixes, p)
	}
	slices.SortFunc(m.prefixes, func(a, b netip.Prefix) int { return strings.Compare(a.String(), b.String()) })
	for g := range named {
		m.groups = append(m.groups, g)
	}
	slices.Sort(m.groups)
	return m
}

// rules are those of every group in use on an island.
func (j *judge) rules(i island) []reachability.Rule {
	groups := map[string]bool{}
	for _, n := range i.networks {
		if s, ok := j.byNetwork[n]; ok {
			groups[s.GroupID] = true
		}
		for _, p := range j.m.PortsOf(n) {
			for _, g := range p.GroupIDs {
				groups[g] = true
			}
		}
	}
	var out []reachability.Rule
	for id := range groups {
		g, _ := j.m.Group(id)
		out = append(out, g.Rules...)
	}
	return out
}

// side finds who stands for all in a network: a server at a free address of each class, and one of the ports of each.
func (j *judge) side(network string, ms marks) side {
	out := side{network: network}
	free := reachability.End{Network: network, Open: true}
	if s, ok := j.byNetwork[network]; ok {
		out.site = &s
		free.Open, free.Groups = false, []string{s.GroupID}
	}
	for _, s := range j.m.Subnets(network) {
		for _, class := range ms.prefixes {
			if class.Bits() >= s.CIDR.Bits() && s.CIDR.Overlaps(class) {
				if ip, ok := j.free(s, class, ms.prefixes); ok {
					free.IP = ip
					out.ends = append(out.ends, free)
				}
			}
		}
	}
	seen := map[string]bool{}
	for _, p := range j.m.PortsOf(network) {
		switch {
		case p.OfRouter():
			if !j.gateway(p) {
				out.doors = append(out.doors, p.ID)
			}
		case p.Host() && !p.Down:
			for _, a := range p.Addresses {
				if like := j.likeness(p, a, ms); !seen[like] {
					seen[like] = true
					out.ends = append(out.ends, reachability.End{Network: network, IP: a.IP, Port: p.ID})
				}
			}
		}
	}
	return out
}

// gateway reports the ports that hosts send to anyway.
func (j *judge) gateway(p reachability.Port) bool {
	for _, s := range j.m.Subnets(p.NetworkID) {
		if slices.ContainsFunc(p.Addresses, func(a reachability.Address) bool { return a.IP == s.Gateway }) {
			return true
		}
	}
	return false
}

// likeness is equal for the addresses of ports that the rules and routes of the island treat alike.
func (j *judge) likeness(p reachability.Port, a reachability.Address, ms marks) string {
	var b strings.Builder
	groups := slices.Clone(p.GroupIDs)
	slices.Sort(groups)
	fmt.Fprint(&b, groups, p.Open, a.SubnetID)
	for i, m := range ms.prefixes {
		if m.Contains(a.IP) {
			fmt.Fprintf(&b, " %d", i)
		}
	}
	for i, g := range ms.groups {
		if slices.ContainsFunc(j.m.Members(g), func(m netip.Prefix) bool { return m.Contains(a.IP) }) {
			fmt.Fprintf(&b, " g%d", i)
		}
	}
	return b.String()
}

// free is an address of a class that nobody has and that lies in no narrower one.
func (j *judge) free(s reachability.Subnet, class netip.Prefix, all []netip.Prefix) (netip.Addr, bool) {
	narrower := slices.DeleteFunc(slices.Clone(all), func(p netip.Prefix) bool { return p.Bits() <= class.Bits() || !class.Overlaps(p) })
	last := lastOf(s.CIDR)
	ip := class.Addr()
	for range tries {
		if !class.Contains(ip) {
			return netip.Addr{}, false
		}
		in := slices.IndexFunc(narrower, func(p netip.Prefix) bool { return p.Contains(ip) })
		switch {
		case in >= 0:
			// Past the whole of it at once.
			ip = lastOf(narrower[in])
		case ip == s.CIDR.Masked().Addr(), ip == last, ip == s.Gateway, j.m.Held(s.NetworkID, ip):
		default:
			return ip, true
		}
		if ip = ip.Next(); !ip.IsValid() {
			return netip.Addr{}, false
		}
	}
	return netip.Addr{}, false
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 1 << (7 - bit%8)
	}
	ip, _ := netip.AddrFromSlice(raw)
	return ip
}
