package drift

import (
	"fmt"

	"github.com/low-layer/platform/services/network/internal/core/fabric"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// foreign finds what others put into our networks and onto our routers.
func (j *judge) foreign(cloud Snapshot) {
	for _, s := range cloud.Subnets {
		if n, ok := j.owned[topology.TypeNetwork][s.NetworkID]; ok && j.judged(n.ResourceUID) {
			if _, ours := j.owned[topology.TypeSubnet][s.ID]; !ours {
				j.add(n, Foreign, topology.TypeSubnet, s.ID, fmt.Sprintf("subnet %s (%s) in network %s is not ours", s.ID, s.CIDR, title(n)))
			}
		}
	}
	for _, p := range cloud.Ports {
		j.foreignPort(p)
	}
}

func (j *judge) foreignPort(p fabric.Port) {
	_, port := j.owned[topology.TypePort][p.ID]
	_, iface := j.owned[topology.TypeInterface][p.ID]
	if port || iface || topology.NeutronOwn(p) {
		return
	}
	if n, ok := j.owned[topology.TypeNetwork][p.NetworkID]; ok {
		if j.judged(n.ResourceUID) && !j.workload(n, p) {
			j.add(n, Foreign, topology.TypePort, p.ID, fmt.Sprintf("%s in network %s is not ours", topology.Describe(p), title(n)))
		}
		return
	}
	if r, ok := j.owned[topology.TypeRouter][p.DeviceID]; ok && j.judged(r.ResourceUID) {
		j.add(r, Foreign, topology.TypePort, p.ID, fmt.Sprintf("router %s was joined to network %s of others", title(r), p.NetworkID))
	}
}

// workload tells the servers a network is there for: those of its own project, on a network that is not a link.
func (j *judge) workload(n Owned, p fabric.Port) bool {
	subnet := topology.StepSubnet
	if n.Step == topology.StepTransitNetwork {
		subnet = topology.StepTransitSubnet
	}
	// Links have no DHCP: no server could live there.
	isLink := !j.wants.subnets[objectKey{n.ResourceUID, subnet}].dhcp
	return topology.Workload(p) && !isLink && p.ProjectID == j.wants.project[n.ResourceUID]
}
