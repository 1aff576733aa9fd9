package blueprint

import (
	"fmt"
	"net/netip"
)

// reserved are ranges that no tenant's network may touch.
var reserved = []struct{ prefix, use string }{
	{"0.0.0.0/8", "this network"},
	{"100.64.0.0/15", "the platform's links between routers"},
	{"127.0.0.0/8", "loopback"},
	{"169.254.0.0/16", "link-local addresses and cloud metadata"},
	{"224.0.0.0/3", "multicast and reserved addresses"},
}

// checkNetworks reports CIDRs that are malformed, have a wrong size, lie outside of the tenant's, or overlap.
func (p *problems) checkNetworks(b *Blueprint) {
	space, spaced := p.cidr("tenant.networkCidr", b.Tenant.NetworkCIDR, 8, 20)
	for _, r := range reserved {
		if spaced && netip.MustParsePrefix(r.prefix).Overlaps(space) {
			p.add("tenant.networkCidr", "%s overlaps %s, which is for %s; choose another range, for example 10.64.0.0/12", space, r.prefix, r.use)
		}
	}
	type network struct {
		path string
		cidr netip.Prefix
	}
	var taken []network
	take := func(path, text string, largest, smallest int) {
		cidr, ok := p.cidr(path, text, largest, smallest)
		if !ok {
			return
		}
		if spaced && (!space.Contains(cidr.Addr()) || cidr.Bits() < space.Bits()) {
			p.add(path, "%s is outside of tenant.networkCidr %s; choose a part of it, or leave it out and one is chosen", cidr, space)
		}
		for _, o := range taken {
			if o.cidr.Overlaps(cidr) {
				p.add(path, "%s overlaps %s of %s; choose another range, or leave it out and one is chosen", cidr, o.cidr, o.path)
			}
		}
		taken = append(taken, network{path, cidr})
	}
	take("organisation.hubCidr", b.Organisation.HubCIDR, 18, 26)
	for i, v := range b.VPCs {
		take(fmt.Sprintf("vpcs[%d].cidr", i), v.CIDR, 16, 26)
	}
}

// cidr reads an IPv4 network of a size; it is false when there is none or it is refused.
func (p *problems) cidr(path, text string, largest, smallest int) (netip.Prefix, bool) {
	if text == "" {
		return netip.Prefix{}, false
	}
	c, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		p.add(path, "%q is not a CIDR; write it like 10.64.16.0/20", clip(text))
	case !c.Addr().Is4():
		p.add(path, "%s is not IPv4; write it like 10.64.16.0/20", c)
	case c != c.Masked():
		p.add(path, "%s has bits set behind its prefix; write %s, or another prefix length", c, c.Masked())
	case c.Bits() < largest || c.Bits() > smallest:
		p.add(path, "%s must be between /%d and /%d; choose a prefix length in between", c, largest, smallest)
	default:
		return c, true
	}
	return netip.Prefix{}, false
}

func (p *problems) checkRules(path string, rules []IngressRule) {
	if len(rules) > maxRules {
		p.add(path, "are %d; use at most %d", len(rules), maxRules)
	}
	names, traffic := make(map[string]int), make(map[IngressRule]int)
	for i, r := range rules {
		at := fmt.Sprintf("%s[%d]", path, i)
		p.checkID(at+".name", r.Name)
		p.checkRule(at, r)
		if j, twice := names[r.Name]; twice {
			p.add(at+".name", "%q is the name of %s[%d] too; give each rule a name of its own", clip(r.Name), path, j)
		} else {
			names[r.Name] = i
		}
		if r.PortMax == 0 {
			r.PortMax = r.PortMin
		}
		r.Name = ""
		if j, twice := traffic[r]; twice {
			p.add(at, "allows the same traffic as %s[%d]; remove one of the two", path, j)
		} else {
			traffic[r] = i
		}
	}
}

func (p *problems) checkRule(path string, r IngressRule) {
	ported := r.Protocol == "TCP" || r.Protocol == "UDP"
	switch r.Protocol {
	case "", "TCP", "UDP", "ICMP":
	default:
		p.add(path+".protocol", "must be TCP, UDP, ICMP or left out for any, not %q", clip(r.Protocol))
		ported = true // no more is said of its ports
	}
	if r.SourceCIDR == "" {
		p.add(path+".sourceCidr", "is missing; give the source of the traffic, 0.0.0.0/0 is everywhere")
	} else {
		p.cidr(path+".sourceCidr", r.SourceCIDR, 0, 32)
	}
	for field, port := range map[string]int32{"portMin": r.PortMin, "portMax": r.PortMax} {
		if port < 0 || port > maxPort {
			p.add(path+"."+field, "is %d; a port is 1 to %d", port, maxPort)
		}
	}
	switch {
	case !ported && (r.PortMin != 0 || r.PortMax != 0):
		p.add(path+".portMin", "ports go with TCP and UDP only; leave portMin and portMax out, or name one of these protocols")
	case r.PortMin == 0 && r.PortMax != 0:
		p.add(path+".portMin", "is missing beside portMax %d; give the first port too", r.PortMax)
	case r.PortMax != 0 && r.PortMax < r.PortMin:
		p.add(path+".portMax", "%d is below portMin %d; swap the two", r.PortMax, r.PortMin)
	}
}
