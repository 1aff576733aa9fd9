package tenancy

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/low-layer/platform/libs/errs"
)

// CreateOrganisation is the whole order for an organisation.
type CreateOrganisation struct {
	Tenant      string
	ID          string
	DisplayName string
	Labels      map[string]string
	Mode        Mode
	HubCIDR     string
	Quota       Quota
	VPCs        []VPCOrder
	Protected   bool
	Request     Request
}

// Validate notes everything wrong with the order by itself: what can be said without knowing the tenant.
func (in CreateOrganisation) Validate() error {
	var bad errs.Fields
	if !childID.MatchString(in.ID) {
		bad.Add("organisation_id", "is %q; use 2 to 40 lower-case letters, digits and dashes, starting with a letter", clip(in.ID))
	}
	checkText("organisation", in.DisplayName, in.Labels, &bad)
	checkMode("organisation.mode", in.Mode, true, &bad)
	if in.HubCIDR != "" {
		checkCIDR("organisation.hub_cidr", in.HubCIDR, 0, 0, &bad)
	}
	in.Quota.check("organisation.quota", len(in.VPCs), &bad)
	if len(in.VPCs) > maxVPCs {
		bad.Add("organisation.vpcs", "has %d VPCs; order at most %d at once and create the others afterwards", len(in.VPCs), maxVPCs)
	}
	seen := map[string]int{}
	for i, v := range in.VPCs {
		path := fmt.Sprintf("organisation.vpcs[%d]", i)
		v.check(path, &bad)
		if first, dup := seen[v.ID]; dup {
			bad.Add(path+".vpc_id", "%q is already ordered by organisation.vpcs[%d]; give each VPC an id of its own", clip(v.ID), first)
			continue
		}
		seen[v.ID] = i
	}
	return bad.Err()
}

func (v VPCOrder) check(path string, bad *errs.Fields) {
	if !childID.MatchString(v.ID) {
		bad.Add(path+".vpc_id", "is %q; use 2 to 40 lower-case letters, digits and dashes, starting with a letter", clip(v.ID))
	}
	checkText(path, v.DisplayName, v.Labels, bad)
	checkMode(path+".mode", v.Mode, false, bad)
	if v.CIDR != "" {
		checkCIDR(path+".cidr", v.CIDR, minVPCBits, maxVPCBits, bad)
	}
}

func checkMode(path string, m Mode, required bool, bad *errs.Fields) {
	switch m {
	case Mutualized, Dedicated:
	case "":
		if required {
			bad.Add(path, "is not set; choose MUTUALIZED (shared CPUs, cheaper) or DEDICATED (guaranteed CPU and RAM)")
		}
	default:
		bad.Add(path, "%q is no mode; choose MUTUALIZED or DEDICATED", clip(string(m)))
	}
}

// checkNetworks notes what is wrong with the order's networks in this tenant: outside of it, or overlapping one another.
// What others already use is the network service's to say.
func (in CreateOrganisation) checkNetworks(t Tenant) error {
	space, err := netip.ParsePrefix(t.NetworkCIDR)
	if err != nil {
		return fmt.Errorf("read network of %s: %w", t.Name(), err)
	}
	var outside, overlap errs.Fields
	orders := in.networks()
	for i, n := range orders {
		if n.CIDR == "" {
			continue
		}
		p := netip.MustParsePrefix(n.CIDR) // Validate has read it
		if p.Bits() < space.Bits() || !space.Contains(p.Addr()) {
			outside.Add(n.Field, "%s is outside the tenant's network %s; choose a part of it, or leave it out", p, space)
			continue
		}
		for _, o := range orders[:i] {
			if o.CIDR == "" {
				continue
			}
			if netip.MustParsePrefix(o.CIDR).Overlaps(p) {
				overlap.Add(n.Field, "%s overlaps %s of %s; networks of a tenant never overlap, choose another", p, o.CIDR, o.Field)
			}
		}
	}
	return asOne(outside, overlap)
}

// asOne answers every violation; the reason tells the kind when there is only one.
func asOne(outside, overlap errs.Fields) error {
	all := slices.Concat(outside, overlap)
	if len(all) == 0 {
		return nil
	}
	e := errs.Invalid(all...)
	switch {
	case len(overlap) == 0:
		e.Reason = "CIDR_OUTSIDE_TENANT"
	case len(outside) == 0:
		e.Reason = "CIDR_OVERLAP"
	}
	return e
}

// networks are those of the order, the hub first.
func (in CreateOrganisation) networks() []NetworkOrder {
	out := []NetworkOrder{{Field: "organisation.hub_cidr", CIDR: in.HubCIDR, Hub: true}}
	for i, v := range in.VPCs {
		out = append(out, NetworkOrder{Field: fmt.Sprintf("organisation.vpcs[%d].cidr", i), CIDR: v.CIDR})
	}
	return out
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
