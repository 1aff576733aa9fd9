package neutron

import "strings"

// Device owners of ports.
const (
	ownerRouter      = "network:router_interface"
	ownerDistributed = "network:distributed"
	ownerDHCP        = "network:dhcp"
	ownerCompute     = "compute:"
)

// NeutronOwn is true of a port that Neutron's own services made.
func (p Port) NeutronOwn() bool {
	return p.DeviceOwner == ownerDistributed || p.DeviceOwner == ownerDHCP
}

// Workload is true of the port of a server.
func (p Port) Workload() bool { return strings.HasPrefix(p.DeviceOwner, ownerCompute) }

// Describe names a port for people.
func (p Port) Describe() string {
	switch {
	case p.Workload():
		return "server " + p.DeviceID + " (port " + p.ID + ")"
	case strings.HasPrefix(p.DeviceOwner, ownerRouter):
		return "router " + p.DeviceID + " (port " + p.ID + ")"
	case p.Name != "":
		return "port " + p.ID + " (" + p.Name + ")"
	default:
		return "port " + p.ID
	}
}
