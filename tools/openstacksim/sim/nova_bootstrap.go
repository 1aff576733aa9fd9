package sim

import (
	"fmt"
	"time"
)

const (
	hostDiskGB       = 1024
	reservedRAMMiB   = 512
	initialCPURatio  = 4.0
	maxServersInCall = 1000
)

// bootstrapCompute makes the hypervisors, each with its resource provider of the same id.
func (c *Cloud) bootstrapCompute(st *state, now time.Time) {
	for _, class := range []string{"VCPU", "PCPU", "MEMORY_MB", "DISK_GB"} {
		st.Classes[class] = true
	}
	traits := []string{"COMPUTE_NODE", "COMPUTE_STATUS_DISABLED", "COMPUTE_VOLUME_ATTACH", "HW_CPU_X86_AVX2", "MISC_SHARES_VIA_AGGREGATE"}
	for _, t := range traits {
		st.Traits[t] = true
	}
	for i := range c.opts.Hosts {
		id := newUUID()
		h := &computeHost{meta: st.newMeta(id, now), ServiceID: newUUID()}
		h.Name = fmt.Sprintf("cmp%d", i+1)
		st.Hosts[id] = h
		p := &provider{
			meta: st.newMeta(id, now), Generation: 1, Traits: []string{"COMPUTE_NODE", "COMPUTE_VOLUME_ATTACH", "HW_CPU_X86_AVX2"},
			Inventories: map[string]inventory{
				"VCPU":      stock(c.opts.HostVCPUs, 0, initialCPURatio),
				"MEMORY_MB": stock(c.opts.HostRAMMiB, reservedRAMMiB, 1),
				"DISK_GB":   stock(hostDiskGB, 0, 1),
			},
		}
		p.Name = h.Name
		st.Providers[id] = p
	}
}

func stock(total, reserved int, ratio float64) inventory {
	return inventory{Total: total, Reserved: reserved, MinUnit: 1, MaxUnit: total, StepSize: 1, AllocationRatio: ratio}
}
