package tenancy

import (
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/quota/share"
)

// Quota is the limits of an organisation's project; 0 takes the platform's default.
type Quota struct {
	Cores          int32 `json:"cores,omitempty"`
	RAMMiB         int32 `json:"ram_mib,omitempty"`
	Instances      int32 `json:"instances,omitempty"`
	Networks       int32 `json:"networks,omitempty"`
	Routers        int32 `json:"routers,omitempty"`
	Ports          int32 `json:"ports,omitempty"`
	SecurityGroups int32 `json:"security_groups,omitempty"`
}

// Or replaces each 0 by the default.
func (q Quota) Or(defaults Quota) Quota {
	pick := func(v, d int32) int32 {
		if v == 0 {
			return d
		}
		return v
	}
	return Quota{
		Cores: pick(q.Cores, defaults.Cores), RAMMiB: pick(q.RAMMiB, defaults.RAMMiB),
		Instances: pick(q.Instances, defaults.Instances), Networks: pick(q.Networks, defaults.Networks),
		Routers: pick(q.Routers, defaults.Routers), Ports: pick(q.Ports, defaults.Ports),
		SecurityGroups: pick(q.SecurityGroups, defaults.SecurityGroups),
	}
}

// limit is one field of a quota, and the minimum for an order.
type limit struct {
	field     string
	have, min int32
}

func (q Quota) limits(vpcs int) []limit {
	needs := func(hub, vpc int64) int32 { return int32(hub + vpc*int64(vpcs)) } //nolint:gosec // an order holds at most 32 VPCs
	return []limit{
		{"cores", q.Cores, 0},
		{"ram_mib", q.RAMMiB, 0},
		{"instances", q.Instances, 0},
		{"networks", q.Networks, needs(share.Hub.Networks, share.Vpc.Networks)},
		{"routers", q.Routers, needs(share.Hub.Routers, share.Vpc.Routers)},
		{"ports", q.Ports, needs(share.Hub.Ports, share.Vpc.Ports)},
		{"security_groups", q.SecurityGroups, needs(share.Hub.SecurityGroups, share.Vpc.SecurityGroups)},
	}
}

// suffices refuses an order of more VPCs than the platform's default limits allow, where the order sets none of its own.
func (q Quota) suffices(path string, vpcs int, defaults Quota) error {
	var bad errs.Fields
	given := q.limits(vpcs)
	for i, v := range q.Or(defaults).limits(vpcs) {
		if given[i].have == 0 && v.have < v.min {
			bad.Add(path+"."+v.field, "takes the platform's default of %d, but the hub and the %d VPCs of the order need %d; set it",
				v.have, vpcs, v.min)
		}
	}
	return bad.Err()
}

// check notes values that are negative, or too small for the VPCs of the order; path is that of the field.
func (q Quota) check(path string, vpcs int, bad *errs.Fields) {
	for _, v := range q.limits(vpcs) {
		switch {
		case v.have < 0:
			bad.Add(path+"."+v.field, "is %d; give 0 for the platform's default, or a positive limit", v.have)
		case v.have > 0 && v.have < v.min:
			bad.Add(path+"."+v.field, "is %d, but the hub and the %d VPCs of the order need %d; raise it, or leave it out",
				v.have, vpcs, v.min)
		}
	}
}
