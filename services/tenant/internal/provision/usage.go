package provision

import (
	"cmp"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// organisationUsage ends while the organisation is deleted and can come back.
func organisationUsage(spec organisationSpec) []usage.Item {
	if spec.Deleted() {
		return nil
	}
	return usage.Of(string(tenancy.KindOrganisation), spec.Mode)
}

// organisationBrings is the usage of the hub and the VPCs that a new organisation makes.
func organisationBrings(r provision.Resource, spec organisationSpec, p provision.Preview) []usage.Effect {
	var out []usage.Effect
	for _, o := range p.Objects {
		switch {
		case o.Action != provision.PlanCreate:
		case o.Type == typeHub:
			out = append(out, usage.Effects(r.Name+"/hub", nil, usage.Of("hub", spec.Mode))...)
		case o.Type == typeVPC:
			id := strings.TrimPrefix(o.Step, prefixVPC)
			i := slices.IndexFunc(spec.VPCs, func(v tenancy.VPCOrder) bool { return v.ID == id })
			if i >= 0 {
				mode := cmp.Or(spec.VPCs[i].Mode, spec.Mode)
				out = append(out, usage.Effects(r.Name+"/vpcs/"+id, nil, usage.Of("vpc", mode))...)
			}
		}
	}
	return out
}
