// Package ipam decides which addresses a network gets: the first free block of the wanted size, or the block a caller
// asks for when it is well formed, inside the tenant's space and free.
//
// The package promises that its results overlap none of the given blocks, and that First finds a block exactly
// when there is one. It sees a snapshot only: two callers may be given the same block, and the exclusion constraint of
// the allocations table is what lets one of them win. It is pure, and works on IPv4 and IPv6 alike; Parse admits IPv4.
package ipam

import (
	"net/netip"
	"slices"
)

// Purpose is what a block of addresses is for.
type Purpose string

// The purposes of blocks.
const (
	Hub     Purpose = "hub"
	Vpc     Purpose = "vpc"
	Transit Purpose = "transit"
	Peering Purpose = "peering"
)

// LinkBits is the prefix length of a link between two routers: one address for each.
const LinkBits = 30

// The spaces links are taken from. They are the same for every tenant: tenants never meet.
var (
	transitSpace = netip.MustParsePrefix("100.64.0.0/16")
	peeringSpace = netip.MustParsePrefix("100.65.0.0/16")
)

// TransitSpace is where the links between hub and VPCs lie.
func TransitSpace() netip.Prefix { return transitSpace }

// PeeringSpace is where the links between peered VPCs lie.
func PeeringSpace() netip.Prefix { return peeringSpace }

// LinkSpace covers every link; no network of a tenant may lie in it.
func LinkSpace() netip.Prefix { return netip.PrefixFrom(transitSpace.Addr(), 15).Masked() }

// Allocation is a block that is taken.
type Allocation struct {
	CIDR    netip.Prefix
	Purpose Purpose
	// Resource is the name of what holds it.
	Resource string
	// UID is the unique id of what holds it.
	UID string
}

// Sizes bounds the prefix length of a kind of network.
type Sizes struct {
	// Largest is the shortest prefix, Smallest the longest, Default the one chosen when nobody asks.
	Largest, Smallest, Default int
}

// VpcSizes are those of VPCs.
func VpcSizes() Sizes { return Sizes{Largest: 16, Smallest: 26, Default: 20} }

// HubSizes are those of hubs.
func HubSizes() Sizes { return Sizes{Largest: 18, Smallest: 26, Default: 22} }

// TenantSizes are those of a tenant's whole space; there is no default size, but a default space.
func TenantSizes() Sizes { return Sizes{Largest: 8, Smallest: 20, Default: 12} }

// First is the lowest free block of the given prefix length in space. It is false when there is none.
func First(space netip.Prefix, bits int, taken []netip.Prefix) (netip.Prefix, bool) {
	if bits < space.Bits() || bits > space.Addr().BitLen() {
		return netip.Prefix{}, false
	}
	sorted := slices.Clone(taken)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int { return a.Masked().Addr().Compare(b.Masked().Addr()) })
	candidate := netip.PrefixFrom(space.Masked().Addr(), bits)
	for _, t := range sorted {
		if !t.Overlaps(candidate) {
			continue
		}
		next, ok := after(t, bits)
		if !ok {
			return netip.Prefix{}, false
		}
		candidate = next
	}
	return candidate, space.Contains(candidate.Addr())
}

// after is the first aligned block that begins behind p; false when the address space ends first.
func after(p netip.Prefix, bits int) (netip.Prefix, bool) {
	a := Last(p).Next()
	if !a.IsValid() {
		return netip.Prefix{}, false
	}
	block := netip.PrefixFrom(a, bits).Masked()
	if block.Addr() == a {
		return block, true
	}
	a = Last(block).Next()
	return netip.PrefixFrom(a, bits), a.IsValid()
}

// Last is the highest address of a block.
func Last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// Host is the nth address of a block, counted from its network address.
func Host(p netip.Prefix, n int) netip.Addr {
	a := p.Masked().Addr()
	for range n {
		a = a.Next()
	}
	return a
}

// Prefixes are the blocks of allocations.
func Prefixes(taken []Allocation) []netip.Prefix {
	out := make([]netip.Prefix, len(taken))
	for i, t := range taken {
		out[i] = t.CIDR
	}
	return out
}
