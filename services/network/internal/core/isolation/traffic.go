package isolation

import (
	"fmt"
	"slices"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// kind is a class of traffic: every packet of it meets the same rules.
type kind struct {
	traffic reachability.Traffic
	// last is the end of the range of ports that begins with the traffic's.
	last int
}

const (
	maxPort = 65535
	// other stands for the protocols that no rule names.
	other = 253
)

// kinds are the classes of traffic that the rules of an island, and those that were asked for, tell apart.
func (j *judge) kinds(i island) []kind {
	starts := map[int]map[int]bool{reachability.TCP: {0: true}, reachability.UDP: {0: true}}
	protocols := map[int]bool{reachability.ICMP: true, other: true}
	split := func(protocol, min, max int) {
		if starts[protocol] == nil {
			starts[protocol] = map[int]bool{0: true}
		}
		starts[protocol][min] = true
		if max < maxPort {
			starts[protocol][max+1] = true
		}
	}
	mark := func(name string, min, max *int) {
		n, ok := reachability.ProtocolNumber(name)
		switch {
		case !ok:
		case n == reachability.ICMP || n == reachability.ICMPv6 || min == nil && max == nil:
			if starts[n] == nil && n != reachability.ICMPv6 {
				protocols[n] = true
			}
		default:
			low, high := 0, maxPort
			if min != nil {
				low = *min
			}
			if max != nil {
				high = *max
			}
			split(n, low, high)
			delete(protocols, n)
		}
	}
	for _, r := range j.rules(i) {
		mark(r.Protocol, r.Min, r.Max)
	}
	for _, n := range i.networks {
		if s, ok := j.byNetwork[n]; ok {
			for _, r := range j.wanted.ingress[s.UID] {
				if r.PortMin != 0 {
					mark(r.Protocol, &r.PortMin, &r.PortMax)
				}
			}
		}
	}
	return classes(protocols, starts)
}

func classes(protocols map[int]bool, starts map[int]map[int]bool) []kind {
	var out []kind
	for p := range protocols {
		out = append(out, kind{reachability.Traffic{Protocol: p}, maxPort})
	}
	for p, from := range starts {
		var ports []int
		for port := range from {
			ports = append(ports, port)
		}
		slices.Sort(ports)
		for i, port := range ports {
			last := maxPort
			if i+1 < len(ports) {
				last = ports[i+1] - 1
			}
			out = append(out, kind{reachability.Traffic{Protocol: p, Port: port}, last})
		}
	}
	slices.SortFunc(out, func(a, b kind) int {
		if a.traffic.Protocol != b.traffic.Protocol {
			return a.traffic.Protocol - b.traffic.Protocol
		}
		return a.traffic.Port - b.traffic.Port
	})
	return out
}

// words says for people which of all kinds are meant: `all`, `icmp`, `tcp:443`.
func words(all []kind, has func(kind) bool) []string {
	var out []string
	whole := true
	for i := 0; i < len(all); {
		k := all[i]
		end := i
		for end < len(all) && all[end].traffic.Protocol == k.traffic.Protocol {
			end++
		}
		spans, complete := ranges(all[i:end], has)
		whole = whole && complete
		for _, s := range spans {
			out = append(out, protocolWord(k.traffic.Protocol)+s)
		}
		i = end
	}
	if whole && len(all) > 0 {
		return []string{"all"}
	}
	return out
}

// ranges joins the classes of one protocol that stand side by side.
func ranges(of []kind, has func(kind) bool) (spans []string, complete bool) {
	for i := 0; i < len(of); i++ {
		if !has(of[i]) {
			continue
		}
		first := i
		for i+1 < len(of) && has(of[i+1]) {
			i++
		}
		low, high := of[first].traffic.Port, of[i].last
		switch {
		case low == 0 && high == maxPort:
			return []string{""}, true
		case low == high:
			spans = append(spans, fmt.Sprintf(":%d", low))
		default:
			spans = append(spans, fmt.Sprintf(":%d-%d", low, high))
		}
	}
	return spans, false
}

func protocolWord(n int) string {
	switch n {
	case reachability.ICMP:
		return "icmp"
	case reachability.TCP:
		return "tcp"
	case reachability.UDP:
		return "udp"
	case other:
		return "other"
	default:
		return fmt.Sprintf("protocol %d", n)
	}
}

// fits reports whether a rule that was asked for lets a kind of traffic in from an end.
func fits(r neutron.Rule, from reachability.End, t reachability.Traffic) bool {
	if r.Direction != neutron.Ingress || (r.EtherType == "IPv4") != from.IP.Is4() || r.Remote.IsValid() && !r.Remote.Contains(from.IP) {
		return false
	}
	if r.Protocol == "" {
		return true
	}
	n, _ := reachability.ProtocolNumber(r.Protocol)
	return n == t.Protocol && (r.PortMin == 0 || t.Port >= r.PortMin && t.Port <= r.PortMax)
}
