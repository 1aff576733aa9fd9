package blueprint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/low-layer/platform/gen/go/resourcename"
)

// The platform's limits, as the API documents them.
const (
	maxDisplayName = 120
	maxLabels      = 64
	maxLabelValue  = 128
	maxVPCs        = 30
	maxRules       = 64
	maxPort        = 65535
)

var labelKey = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,62}$`)

func (b *Blueprint) check(p *problems) {
	if b.APIVersion != APIVersion {
		p.add("apiVersion", "must be %s, not %q", APIVersion, clip(b.APIVersion))
	}
	if b.Kind != "Blueprint" {
		p.add("kind", "must be Blueprint, not %q", clip(b.Kind))
	}
	if !resourcename.ValidTenantID(b.Tenant.ID) {
		p.add("tenant.id", "%q is not an id; use 3 to 40 lower-case letters, digits and dashes, starting with a letter", clip(b.Tenant.ID))
	}
	p.checkTexts("tenant", b.Tenant.DisplayName, b.Tenant.Labels)
	p.checkID("organisation.id", b.Organisation.ID)
	p.checkMode("organisation.mode", b.Organisation.Mode, true)
	p.checkTexts("organisation", b.Organisation.DisplayName, b.Organisation.Labels)
	p.checkQuota(b.Organisation.Quota, len(b.VPCs))
	p.checkVPCs(b.VPCs)
	p.checkNetworks(b)
	p.checkPeerings(b.Peerings, b.VPCs)
}

func (p *problems) checkVPCs(vpcs []VPC) {
	if len(vpcs) > maxVPCs {
		p.add("vpcs", "are %d; an organisation holds at most %d, put the others into another organisation", len(vpcs), maxVPCs)
	}
	first := make(map[string]int)
	for i, v := range vpcs {
		path := fmt.Sprintf("vpcs[%d]", i)
		p.checkID(path+".id", v.ID)
		if j, twice := first[v.ID]; twice {
			p.add(path+".id", "%q is used twice, vpcs[%d] has it too; give each VPC an id of its own", clip(v.ID), j)
		} else {
			first[v.ID] = i
		}
		p.checkMode(path+".mode", v.Mode, false)
		p.checkTexts(path, v.DisplayName, v.Labels)
		p.checkRules(path+".ingressRules", v.IngressRules)
	}
}

func (p *problems) checkPeerings(peerings []Peering, vpcs []VPC) {
	ids, pairs := make(map[string]int), make(map[[2]string]int)
	for i, w := range peerings {
		path := fmt.Sprintf("peerings[%d]", i)
		p.checkID(path+".id", w.ID)
		if j, twice := ids[w.ID]; twice {
			p.add(path+".id", "%q is used twice, peerings[%d] has it too; give each peering an id of its own", clip(w.ID), j)
		} else {
			ids[w.ID] = i
		}
		p.checkEnd(path+".vpc", w.VPC, vpcs)
		p.checkEnd(path+".peer", w.Peer, vpcs)
		pair := [2]string{min(w.VPC, w.Peer), max(w.VPC, w.Peer)}
		if w.VPC == w.Peer {
			p.add(path+".peer", "is the same VPC as vpc; name another one")
		} else if j, twice := pairs[pair]; twice {
			p.add(path, "peers the same VPCs as peerings[%d]; remove one of the two", j)
		} else {
			pairs[pair] = i
		}
	}
}

func (p *problems) checkEnd(path, id string, vpcs []VPC) {
	if !slices.ContainsFunc(vpcs, func(v VPC) bool { return v.ID == id }) {
		p.add(path, "there is no VPC %q in vpcs; name one of them", clip(id))
	}
}

func (p *problems) checkID(path, id string) {
	if !resourcename.ValidVpcID(id) {
		p.add(path, "%q is not an id; use 2 to 40 lower-case letters, digits and dashes, starting with a letter", clip(id))
	}
}

func (p *problems) checkMode(path, mode string, required bool) {
	if mode != "MUTUALIZED" && mode != "DEDICATED" && (required || mode != "") {
		p.add(path, "must be MUTUALIZED (shared CPUs, cheaper) or DEDICATED (guaranteed CPU and RAM), not %q", clip(mode))
	}
}

func (p *problems) checkTexts(path, displayName string, labels map[string]string) {
	if n := utf8.RuneCountInString(displayName); n > maxDisplayName {
		p.add(path+".displayName", "has %d characters; use at most %d", n, maxDisplayName)
	}
	if len(labels) > maxLabels {
		p.add(path+".labels", "are %d; use at most %d", len(labels), maxLabels)
	}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if !labelKey.MatchString(k) {
			p.add(path+".labels", "the key %q is not 1 to 63 lower-case letters, digits, `_`, `.` and `-`, starting with a letter", clip(k))
		}
		if n := utf8.RuneCountInString(labels[k]); n > maxLabelValue {
			p.add(path+".labels", "the value of %q has %d characters; use at most %d", clip(k), n, maxLabelValue)
		}
	}
}

// checkQuota refuses a quota that the order exceeds: two networks, a router and a security group for each VPC, one
// of each for the hub, and the ports of the routers.
func (p *problems) checkQuota(q Quota, vpcs int) {
	n := int32(min(vpcs, maxVPCs))
	for _, v := range []struct {
		field           string
		have, need, max int32
	}{
		{"cores", q.Cores, 0, 100000},
		{"ramMib", q.RAMMiB, 0, 1<<31 - 1},
		{"instances", q.Instances, 0, 100000},
		{"networks", q.Networks, 2*n + 1, 10000},
		{"routers", q.Routers, n + 1, 10000},
		{"ports", q.Ports, 3*n + 1, 100000},
		{"securityGroups", q.SecurityGroups, n + 1, 10000},
	} {
		path := "organisation.quota." + v.field
		switch {
		case v.have < 0 || v.have > v.max:
			p.add(path, "is %d; use 1 to %d, or leave it out for the platform's default", v.have, v.max)
		case v.have > 0 && v.have < v.need:
			p.add(path, "is %d, but the hub and the %d VPCs need %d; raise it, or leave it out", v.have, vpcs, v.need)
		}
	}
}
