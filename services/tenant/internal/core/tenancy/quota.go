package tenancy

import "github.com/low-layer/platform/libs/errs"

// Quota is what an organisation's project may hold; 0 takes the platform's default.
type Quota struct {
	Cores          int32 `json:"cores,omitempty"`
	RAMMiB         int32 `json:"ram_mib,omitempty"`
	Instances      int32 `json:"instances,omitempty"`
	Networks       int32 `json:"networks,omitempty"`
	Routers        int32 `json:"routers,omitempty"`
	Ports          int32 `json:"ports,omitempty"`
	SecurityGroups int32 `json:"security_groups,omitempty"`
}

// What the order itself needs of a project: two networks, a router and a security group for each VPC, one of each for
// the hub; the ports are those of the routers.
const (
	networksPerVPC = 2
	portsPerVPC    = 3
)

// Or fills what is 0 from the defaults.
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

// check notes values that are negative or too small for the VPCs ordered with the organisation; path is the field's.
func (q Quota) check(path string, vpcs int, bad *errs.Fields) {
	n := int32(vpcs) //nolint:gosec // an order holds at most 32 VPCs
	for _, v := range []struct {
		field     string
		have, min int32
	}{
		{"cores", q.Cores, 0},
		{"ram_mib", q.RAMMiB, 0},
		{"instances", q.Instances, 0},
		{"networks", q.Networks, networksPerVPC*n + 1},
		{"routers", q.Routers, n + 1},
		{"ports", q.Ports, portsPerVPC*n + 1},
		{"security_groups", q.SecurityGroups, n + 1},
	} {
		switch {
		case v.have < 0:
			bad.Add(path+"."+v.field, "is %d; give 0 for the platform's default, or a positive limit", v.have)
		case v.have > 0 && v.have < v.min:
			bad.Add(path+"."+v.field, "is %d, but the hub and the %d VPCs of the order need %d; raise it, or leave it out",
				v.have, vpcs, v.min)
		}
	}
}
