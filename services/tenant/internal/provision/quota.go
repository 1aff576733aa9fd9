package provision

import (
	"path"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota/share"
)

// quotaEffect is the limits that a plan sets, and the share of hub and VPCs in them.
func (k *organisations) quotaEffect(r provision.Resource, spec organisationSpec, p provision.Preview) []provision.QuotaEffect {
	hubs, vpcs := changes(p, typeHub), changes(p, typeVPC)
	limits := map[string]int32{}
	if pending(p, stepComputeQuota) {
		limits["cores"], limits["ram_mib"], limits["instances"] = spec.quota.Cores, spec.quota.RAMMiB, spec.quota.Instances
	}
	if pending(p, stepNetworkQuota) {
		limits["networks"], limits["routers"] = spec.quota.Networks, spec.quota.Routers
		limits["ports"], limits["security_groups"] = spec.quota.Ports, spec.quota.SecurityGroups
	}
	var out []provision.QuotaEffect
	for _, resource := range []string{"cores", "ram_mib", "instances"} {
		if limits[resource] != 0 {
			out = append(out, provision.QuotaEffect{Resource: resource, Limit: int(limits[resource])})
		}
	}
	vpc := share.Vpc.Amounts()
	for i, hub := range share.Hub.Amounts() {
		e := provision.QuotaEffect{Resource: hub.Limit, UsageChange: hubs*int(hub.Of) + vpcs*int(vpc[i].Of), Limit: int(limits[hub.Limit])}
		if changes(p, keystone.TypeProject) > 0 {
			// A new project is empty.
			e.Quota = resourcename.Quota{Tenant: r.Tenant, Organisation: path.Base(r.Name), Quota: "network." + hub.Limit}.String()
			e.TakenAfter, e.EffectiveLimit = e.UsageChange, e.Limit
		}
		if e.UsageChange != 0 || e.Limit != 0 {
			out = append(out, e)
		}
	}
	return out
}

// changes is how many more objects of a type there are after the plan.
func changes(p provision.Preview, typ string) int {
	n := 0
	for _, o := range p.Objects {
		switch {
		case o.Type != typ:
		case o.Action == provision.PlanCreate:
			n++
		case o.Action == provision.PlanDelete:
			n--
		}
	}
	return n
}

func pending(p provision.Preview, step string) bool {
	for _, s := range p.Steps {
		if s.Name == step {
			return s.State == provision.StepPending
		}
	}
	return false
}
