package topology

import (
	"strings"

	"github.com/low-layer/platform/libs/openstack/neutron"
)

// Device owners of ports.
const (
	ownerRouter      = "network:router_interface"
	ownerDistributed = "network:distributed"
	ownerDHCP        = "network:dhcp"
	ownerCompute     = "compute:"
)

// NeutronOwn tells the ports a network has by itself: those of Neutron's own services.
func NeutronOwn(p neutron.Port) bool {
	return p.DeviceOwner == ownerDistributed || p.DeviceOwner == ownerDHCP
}

// Workload tells the ports of servers: what the network is for.
func Workload(p neutron.Port) bool { return strings.HasPrefix(p.DeviceOwner, ownerCompute) }

// Describe names a port for people.
func Describe(p neutron.Port) string {
	switch {
	case Workload(p):
		return "server " + p.DeviceID + " (port " + p.ID + ")"
	case strings.HasPrefix(p.DeviceOwner, ownerRouter):
		return "router " + p.DeviceID + " (port " + p.ID + ")"
	case p.Name != "":
		return "port " + p.ID + " (" + p.Name + ")"
	default:
		return "port " + p.ID
	}
}
