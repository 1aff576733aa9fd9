// Package placement has the port to Placement. It is free of the SDK; libs/openstack/client implements it.
package placement

import "context"

// Resource classes of servers.
const (
	VCPU = "VCPU"      // shared processors
	PCPU = "PCPU"      // processors of one server only
	RAM  = "MEMORY_MB" // memory in MiB
	Disk = "DISK_GB"
)

// Allocation is what a server has of one hypervisor.
type Allocation struct {
	// Provider is the id of the hypervisor's resource provider.
	Provider string
	// Resources are amounts by resource class.
	Resources map[string]int
	// Ratios say by class how often the hypervisor gives one unit away.
	Ratios map[string]float64
}

// Cloud are allocations.
type Cloud interface {
	// Allocations returns what a server has; none for a server without a host.
	Allocations(ctx context.Context, serverID string) ([]Allocation, error)
}
