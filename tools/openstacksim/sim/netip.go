package sim

import (
	"cmp"
	"net/netip"
	"slices"
)

// lastAddr is the highest address of a prefix.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// hostRange is the addresses of a subnet that a machine can have: without the network
// and, in IPv4, the broadcast address, save where the subnet is too small for either.
func hostRange(p netip.Prefix) (first, last netip.Addr) {
	first, last = p.Masked().Addr(), lastAddr(p)
	if p.Addr().BitLen()-p.Bits() <= 1 {
		return first, last
	}
	first = first.Next()
	if p.Addr().Is4() {
		last = last.Prev()
	}
	return first, last
}

// splitAround gives the ranges left of first..last when some addresses are taken out.
func splitAround(first, last netip.Addr, out ...netip.Addr) []ipRange {
	slices.SortFunc(out, netip.Addr.Compare)
	ranges := []ipRange{}
	start := first
	for _, gap := range out {
		if !gap.IsValid() || gap.Less(start) || last.Less(gap) {
			continue
		}
		if start.Less(gap) {
			ranges = append(ranges, ipRange{start.String(), gap.Prev().String()})
		}
		start = gap.Next()
	}
	if start.IsValid() && !last.Less(start) {
		ranges = append(ranges, ipRange{start.String(), last.String()})
	}
	return ranges
}

// freeBlocks is what is left of prefix without the taken ones, as the largest blocks,
// in order of address.
func freeBlocks(prefix netip.Prefix, taken []netip.Prefix) []netip.Prefix {
	var inside []netip.Prefix
	for _, t := range taken {
		if !t.Overlaps(prefix) {
			continue
		}
		if t.Bits() <= prefix.Bits() {
			return nil
		}
		inside = append(inside, t)
	}
	if len(inside) == 0 {
		return []netip.Prefix{prefix}
	}
	low, high := halves(prefix)
	return append(freeBlocks(low, inside), freeBlocks(high, inside)...)
}

func halves(p netip.Prefix) (low, high netip.Prefix) {
	bits := p.Bits() + 1
	low = netip.PrefixFrom(p.Masked().Addr(), bits)
	return low, netip.PrefixFrom(lastAddr(low).Next(), bits)
}

// smallestFirst is the order in which Neutron takes from the free blocks.
func smallestFirst(blocks []netip.Prefix) {
	slices.SortStableFunc(blocks, func(a, b netip.Prefix) int { return cmp.Compare(b.Bits(), a.Bits()) })
}

// parseSubnetCIDR takes any address of the network for the network, as Neutron does.
func parseSubnetCIDR(text string) (netip.Prefix, *apiError) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, invalidInput("%s is not in a CIDR format", text)
	}
	return p.Masked(), nil
}

// parseCIDR accepts a network address only, in its canonical form.
func parseCIDR(text string) (netip.Prefix, *apiError) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, netBadRequest("Invalid input for cidr. Reason: '%s' is not a valid IP subnet.", text)
	}
	if p != p.Masked() {
		return p, netBadRequest("Invalid input for cidr. Reason: '%s' isn't a recognized IP subnet cidr, '%s' is recommended.",
			text, p.Masked())
	}
	return p, nil
}

// mustPrefix reads what was checked before it was stored.
func mustPrefix(text string) netip.Prefix {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

func mustAddr(text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return a
}
