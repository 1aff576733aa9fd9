package ipam

import (
	"net/netip"
	"slices"

	"github.com/low-layer/platform/libs/errs"
)

// The reasons of the errors of this package.
const (
	ReasonInvalid   = "CIDR_INVALID"
	ReasonSize      = "CIDR_SIZE"
	ReasonOutside   = "CIDR_OUTSIDE_TENANT"
	ReasonOverlap   = "CIDR_OVERLAP"
	ReasonExhausted = "CIDR_EXHAUSTED"
	ReasonReserved  = "CIDR_RESERVED"
)

// Parse reads a CIDR as callers write it. Host bits are refused rather than dropped: 10.0.1.7/20 is more often a slip
// than a wish for 10.0.0.0/20.
func Parse(field, text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, errs.InvalidAs(ReasonInvalid,
			errs.Field(field, "%q is not a CIDR; write an address and a prefix length, for example 10.64.16.0/20", text))
	}
	if !p.Addr().Is4() {
		return netip.Prefix{}, errs.InvalidAs(ReasonInvalid,
			errs.Field(field, "%s is not IPv4; give an IPv4 CIDR, for example 10.64.16.0/20", p))
	}
	if p != p.Masked() {
		return netip.Prefix{}, errs.InvalidAs(ReasonInvalid,
			errs.Field(field, "%s has bits set behind its prefix; write %s, or another prefix length", p, p.Masked()))
	}
	return p, nil
}

// CheckSize refuses a block that is too large or too small.
func CheckSize(field string, p netip.Prefix, s Sizes) error {
	if p.Bits() < s.Largest || p.Bits() > s.Smallest {
		return errs.InvalidAs(ReasonSize,
			errs.Field(field, "%s must be between /%d and /%d; choose a prefix length in between", p, s.Largest, s.Smallest))
	}
	return nil
}

// CheckFree refuses a block outside the tenant's space, or one that overlaps what is taken; it names what is in the way.
func CheckFree(field string, p, space netip.Prefix, taken []Allocation) error {
	if !space.Contains(p.Addr()) || p.Bits() < space.Bits() {
		return errs.InvalidAs(ReasonOutside,
			errs.Field(field, "%s is outside of the tenant's network %s; choose one inside of it, or leave the field empty", p, space)).
			With("network_cidr", space.String())
	}
	for _, t := range taken {
		if t.CIDR.Overlaps(p) {
			return errs.InvalidAs(ReasonOverlap,
				errs.Field(field, "%s overlaps %s of %q; choose another one, or leave the field empty", p, t.CIDR, t.Resource)).
				With("resource", t.Resource).With("cidr", t.CIDR.String())
		}
	}
	return nil
}

// Exhausted says that the tenant has no block of this size left.
func Exhausted(space netip.Prefix, bits int) error {
	return errs.Failed(ReasonExhausted,
		"no free /%d is left in %s; delete a network that is not needed, ask for a smaller one, or make a tenant with a larger network_cidr",
		bits, space).With("network_cidr", space.String())
}

// Choose gives a network its block: the one asked for when it may have it, otherwise the first free one of default size.
func Choose(field, wanted string, s Sizes, space netip.Prefix, taken []Allocation) (netip.Prefix, error) {
	if wanted == "" {
		p, ok := First(space, s.Default, Prefixes(taken))
		if !ok {
			return netip.Prefix{}, Exhausted(space, s.Default)
		}
		return p, nil
	}
	p, err := Parse(field, wanted)
	if err != nil {
		return netip.Prefix{}, err
	}
	if err := CheckSize(field, p, s); err != nil {
		return netip.Prefix{}, err
	}
	return p, CheckFree(field, p, space, taken)
}

// ChooseLink is the first free link in a space of links.
func ChooseLink(space netip.Prefix, taken []Allocation) (netip.Prefix, error) {
	p, ok := First(space, LinkBits, Prefixes(taken))
	if !ok {
		return netip.Prefix{}, Exhausted(space, LinkBits)
	}
	return p, nil
}

// ParseTenant reads the whole space of a tenant, which may not cover the space of links.
func ParseTenant(field, text string) (netip.Prefix, error) {
	p, err := Parse(field, text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if err := CheckSize(field, p, TenantSizes()); err != nil {
		return netip.Prefix{}, err
	}
	if p.Overlaps(LinkSpace()) {
		return netip.Prefix{}, errs.InvalidAs(ReasonReserved,
			errs.Field(field, "%s overlaps %s, which links between routers use; choose another one, for example 10.64.0.0/12", p, LinkSpace()))
	}
	return p, nil
}

// Wanted is one network of an order.
type Wanted struct {
	// Field is its path in the caller's request.
	Field string
	// CIDR asked for, empty when any will do.
	CIDR  string
	Sizes Sizes
}

// CheckOrder says whether the networks of an order could all be made now. Those with a CIDR take it first, so that one
// that takes any never pushes out one that asks; the answer holds every field at fault.
func CheckOrder(space netip.Prefix, taken []Allocation, order []Wanted) error {
	taken = slices.Clone(taken)
	var bad []*errs.Error
	check := func(w Wanted) {
		p, err := Choose(w.Field, w.CIDR, w.Sizes, space, taken)
		if err != nil {
			if e, ok := errs.As(err); ok {
				bad = append(bad, e)
			}
			return
		}
		taken = append(taken, Allocation{CIDR: p, Resource: w.Field})
	}
	for _, w := range order {
		if w.CIDR != "" {
			check(w)
		}
	}
	for _, w := range order {
		if w.CIDR == "" && len(bad) == 0 {
			check(w)
		}
	}
	return join(bad)
}

// join makes one error of several: the first keeps its reason, all their fields are told.
func join(bad []*errs.Error) error {
	if len(bad) == 0 {
		return nil
	}
	if len(bad) == 1 {
		return bad[0]
	}
	var fields []errs.Violation
	for _, b := range bad {
		fields = append(fields, b.Fields...)
	}
	all := errs.Invalid(fields...)
	all.Reason = bad[0].Reason
	all.Metadata = bad[0].Metadata
	return all
}
