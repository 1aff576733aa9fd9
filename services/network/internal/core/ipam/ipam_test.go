package ipam_test

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
)

func prefixes(in ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(in))
	for i, s := range in {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func TestFirst(t *testing.T) {
	cases := []struct {
		name, space string
		bits        int
		taken       []netip.Prefix
		want        string
	}{
		{"empty space", "10.64.0.0/12", 20, nil, "10.64.0.0/20"},
		{"behind a smaller block", "10.64.0.0/12", 20, prefixes("10.64.0.0/24"), "10.64.16.0/20"},
		{"between two", "10.64.0.0/12", 20, prefixes("10.64.0.0/20", "10.64.32.0/20"), "10.64.16.0/20"},
		{"unsorted", "10.64.0.0/12", 20, prefixes("10.64.32.0/20", "10.64.0.0/20"), "10.64.16.0/20"},
		{"behind a larger block", "10.64.0.0/12", 24, prefixes("10.64.0.0/16"), "10.65.0.0/24"},
		{"one inside of another", "10.64.0.0/12", 24, prefixes("10.64.0.0/16", "10.64.3.0/24"), "10.65.0.0/24"},
		{"outside does not matter", "10.64.0.0/12", 20, prefixes("10.0.0.0/16"), "10.64.0.0/20"},
		{"full", "10.64.0.0/20", 20, prefixes("10.64.8.0/24"), ""},
		{"larger than the space", "10.64.0.0/20", 16, nil, ""},
		{"the very end", "255.255.255.0/24", 25, prefixes("255.255.255.0/25"), "255.255.255.128/25"},
		{"behind the very end", "255.255.255.0/24", 25, prefixes("255.255.255.0/24"), ""},
		{"IPv6", "fd00::/48", 64, prefixes("fd00::/64"), "fd00:0:0:1::/64"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, ok := ipam.First(netip.MustParsePrefix(c.space), c.bits, c.taken)
			if ok != (c.want != "") || (ok && got != netip.MustParsePrefix(c.want)) {
				t.Errorf("got %v %t, want %q", got, ok, c.want)
			}
		})
	}
}

// block draws a block inside of 10.0.0.0/20, so that collisions are the rule.
func block(t *rapid.T, label string) netip.Prefix {
	bits := rapid.IntRange(20, 28).Draw(t, label+" bits")
	third, fourth := rapid.IntRange(0, 15).Draw(t, label+" third"), rapid.IntRange(0, 255).Draw(t, label+" fourth")
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(third), byte(fourth)}), bits).Masked()
}

// every is all blocks of a size in 10.0.0.0/20, lowest first.
func every(bits int) []netip.Prefix {
	space := netip.MustParsePrefix("10.0.0.0/20")
	var out []netip.Prefix
	for p := netip.PrefixFrom(space.Addr(), bits); space.Contains(p.Addr()); p = netip.PrefixFrom(ipam.Last(p).Next(), bits) {
		out = append(out, p)
	}
	return out
}

func TestFirst_findsTheLowestFreeBlock(t *testing.T) {
	space := netip.MustParsePrefix("10.0.0.0/20")
	rapid.Check(t, func(t *rapid.T) {
		taken := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) netip.Prefix { return block(t, "taken") }), 0, 24).Draw(t, "taken")
		bits := rapid.IntRange(20, 28).Draw(t, "bits")
		var want netip.Prefix
		for _, candidate := range every(bits) {
			free := true
			for _, x := range taken {
				free = free && !x.Overlaps(candidate)
			}
			if free {
				want = candidate
				break
			}
		}
		got, ok := ipam.First(space, bits, taken)
		if ok != want.IsValid() || (ok && got != want) {
			t.Fatalf("First(/%d, %v) = %v %t, want %v", bits, taken, got, ok, want)
		}
	})
}

func TestChoose_neverOverlaps(t *testing.T) {
	space := netip.MustParsePrefix("10.64.0.0/14")
	rapid.Check(t, func(t *rapid.T) {
		var taken []ipam.Allocation
		for range rapid.IntRange(1, 40).Draw(t, "creations") {
			sizes := ipam.Sizes{Largest: 16, Smallest: 26, Default: rapid.IntRange(16, 26).Draw(t, "bits")}
			p, err := ipam.Choose("cidr", "", sizes, space, taken)
			if errs.ReasonOf(err) == ipam.ReasonExhausted {
				if _, ok := ipam.First(space, sizes.Default, ipam.Prefixes(taken)); ok {
					t.Fatal("there is room, yet none was found")
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range taken {
				if other.CIDR.Overlaps(p) {
					t.Fatalf("%s overlaps %s", p, other.CIDR)
				}
			}
			if !space.Contains(p.Addr()) || !space.Contains(ipam.Last(p)) || p != p.Masked() {
				t.Fatalf("%s is not a block of %s", p, space)
			}
			taken = append(taken, ipam.Allocation{CIDR: p})
			if len(taken) > 3 && rapid.Bool().Draw(t, "delete") {
				taken = append(taken[:1], taken[2:]...)
			}
		}
	})
}

func TestChooseRefuses(t *testing.T) {
	space := netip.MustParsePrefix("10.64.0.0/12")
	taken := []ipam.Allocation{{CIDR: netip.MustParsePrefix("10.64.16.0/20"), Resource: "tenants/a/organisations/b/vpcs/dev"}}
	for _, c := range []struct{ cidr, reason, says string }{
		{"nonsense", ipam.ReasonInvalid, "not a CIDR"},
		{"10.64.0.1", ipam.ReasonInvalid, "not a CIDR"},
		{"fd00::/64", ipam.ReasonInvalid, "not IPv4"},
		{"10.64.1.0/20", ipam.ReasonInvalid, "10.64.0.0/20"},
		{"10.64.0.0/15", ipam.ReasonSize, "/16 and /26"},
		{"10.64.0.0/27", ipam.ReasonSize, "/16 and /26"},
		{"192.168.0.0/20", ipam.ReasonOutside, "10.64.0.0/12"},
		{"10.64.0.0/16", ipam.ReasonOverlap, "vpcs/dev"},
		{"10.64.17.0/24", ipam.ReasonOverlap, "10.64.16.0/20"},
	} {
		_, err := ipam.Choose("vpc.cidr", c.cidr, ipam.VpcSizes(), space, taken)
		e, ok := errs.As(err)
		if !ok || e.Reason != c.reason || e.Code != errs.InvalidArgument || e.Fields[0].Field != "vpc.cidr" || !strings.Contains(e.Error(), c.says) {
			t.Errorf("%s: got %v, want %s saying %q", c.cidr, err, c.reason, c.says)
		}
	}
	got, err := ipam.Choose("vpc.cidr", "10.64.32.0/26", ipam.VpcSizes(), space, taken)
	if err != nil || got.String() != "10.64.32.0/26" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParseTenant_linkSpace_isRefused(t *testing.T) {
	for _, c := range []struct{ cidr, reason string }{
		{"10.64.0.0/12", ""},
		{"100.64.0.0/10", ipam.ReasonReserved},
		{"100.65.0.0/16", ipam.ReasonReserved},
		{"100.66.0.0/16", ""},
		{"10.0.0.0/7", ipam.ReasonSize},
		{"10.0.0.0/21", ipam.ReasonSize},
	} {
		_, err := ipam.ParseTenant("network_cidr", c.cidr)
		if errs.ReasonOf(err) != c.reason {
			t.Errorf("%s: got %v, want %q", c.cidr, err, c.reason)
		}
	}
}

// A network with a CIDR is never pushed out by one without.
func TestCheckOrder_servesWishesFirst(t *testing.T) {
	space := netip.MustParsePrefix("10.64.0.0/18")
	err := ipam.CheckOrder(space, nil, []ipam.Wanted{
		{Field: "a", Sizes: ipam.VpcSizes()},
		{Field: "b", CIDR: "10.64.0.0/20", Sizes: ipam.VpcSizes()},
		{Field: "c", Sizes: ipam.VpcSizes()},
		{Field: "hub", Sizes: ipam.HubSizes()},
	})
	if err != nil {
		t.Errorf("got %v", err)
	}
	err = ipam.CheckOrder(space, nil, []ipam.Wanted{
		{Field: "a", Sizes: ipam.VpcSizes()},
		{Field: "b", Sizes: ipam.VpcSizes()},
		{Field: "c", Sizes: ipam.VpcSizes()},
		{Field: "d", Sizes: ipam.VpcSizes()},
		{Field: "e", Sizes: ipam.VpcSizes()},
	})
	if errs.ReasonOf(err) != ipam.ReasonExhausted {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "::/0", "", "10.0.0.0/33", "10.0.0.1/8", "1.2.3.4/0032"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ipam.Parse("f", s)
		if err != nil {
			if _, ok := errs.As(err); !ok {
				t.Fatalf("%q: %v is no typed error", s, err)
			}
			return
		}
		if again, err := ipam.Parse("f", p.String()); err != nil || again != p || p != p.Masked() {
			t.Fatalf("%q: %v reads back as %v, %v", s, p, again, err)
		}
	})
}
