package tenancy

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/low-layer/platform/gen/go/resourcename"
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
}

// Organisation is the new organisation.
func (in CreateOrganisation) Organisation(uid, tenantUID string, now time.Time) Organisation {
	return Organisation{
		UID: uid, TenantUID: tenantUID, TenantID: in.Tenant, ID: in.ID, DisplayName: in.DisplayName, Labels: in.Labels,
		Mode: in.Mode, HubCIDR: in.HubCIDR, Quota: in.Quota, VPCs: in.VPCs, Protected: in.Protected,
		CredentialGeneration: 1, Revision: 1, CreateTime: now, UpdateTime: now,
	}
}

// Validate checks the order by itself, with the platform's quota where the order gives none.
func (in CreateOrganisation) Validate(defaults Quota) error {
	if err := in.check(); err != nil {
		return err
	}
	return in.Quota.suffices("organisation.quota", len(in.VPCs), defaults)
}

// Admit checks the order against its tenant; taken reports whether the id has an organisation.
func (in CreateOrganisation) Admit(t Tenant, taken bool) error {
	if err := t.Changeable(); err != nil {
		return err
	}
	if !t.Ready() {
		return notReady("TENANT_NOT_READY", t.Name())
	}
	if taken {
		return errs.Exists("organisation", OrganisationKey{in.Tenant, in.ID}.Name())
	}
	return in.checkNetworks(t)
}

func (in CreateOrganisation) check() error {
	var bad errs.Fields
	if !resourcename.ValidOrganisationID(in.ID) {
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
	if !resourcename.ValidVpcID(v.ID) {
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

// checkNetworks refuses networks outside of the tenant's, and networks that overlap. The network service refuses those in use.
func (in CreateOrganisation) checkNetworks(t Tenant) error {
	space, err := netip.ParsePrefix(t.NetworkCIDR)
	if err != nil {
		return fmt.Errorf("read network of %s: %w", t.Name(), err)
	}
	var outside, overlap errs.Fields
	orders := in.Networks()
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

// asOne joins the violations. The reason is that of their kind when there is one kind.
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

// NetworkOrder is one network of an order. Field is the path of its field in the request.
type NetworkOrder struct {
	Field string
	CIDR  string
	Hub   bool
}

// Networks are those of the order, the hub first.
func (in CreateOrganisation) Networks() []NetworkOrder {
	out := []NetworkOrder{{Field: "organisation.hub_cidr", CIDR: in.HubCIDR, Hub: true}}
	for i, v := range in.VPCs {
		out = append(out, NetworkOrder{Field: fmt.Sprintf("organisation.vpcs[%d].cidr", i), CIDR: v.CIDR})
	}
	return out
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
